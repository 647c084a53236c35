"""`snakemake verify`: every digest reproduced, or the stage that differs, named last."""

import json
import re
import shutil

import pytest

ERROR = "needq: error: "


@pytest.fixture
def project(rich, tmp_path):
    """A finished run whose digests are the expected ones."""
    project = rich.copy(tmp_path / "project")
    expected = project.folder / "resources/expected/tiny.json"
    shutil.copy(project.results / "digests.json", expected)
    return project


def refused(project, *arguments):
    """`verify` fails: its last line, without the prefix."""
    found, said = project.run("--cores", "1", "verify", *arguments)
    assert found == 1
    assert "Traceback" not in said
    last = said.splitlines()[-1]
    assert last.startswith(ERROR), said
    return last.removeprefix(ERROR)


def total(project):
    found = json.loads((project.results / "digests.json").read_text())
    return sum(len(found[stage]) for stage in ("weights", "noise", "logits", "tokens"))


def test_a_run_reproduces_itself_and_leaves_nothing(project):
    before = project.produced()
    count = total(project)
    assert count == 148 + 2 * 24 + 5 + 5
    for _ in range(2):  # it always runs
        said = project.finish("verify")
        assert f"\n{count} of {count} digests reproduced\n" in said
        assert said.splitlines()[-1].startswith(f"{count} of {count} digests reproduced: exact ")
        assert re.search(
            r"^exact arithmetic on cpu \(.+\): integers .* exact up to 2\^53$", said, re.M
        )
    assert project.produced() == before


def test_on_a_device_that_this_machine_does_not_have(project):
    before = project.produced()
    assert refused(project, "--config", "verify_device=cuda") == (
        "config: verify_device: cuda, but this machine shows no CUDA device; verify on a machine "
        "that has one, or on the CPU (verify_device=cpu)"
    )
    assert "rule verify" not in project.said()
    assert project.produced() == before


def test_on_a_device_that_goes_away(project):
    """A driver that shows a device which torch does not find, as on another node of a cluster."""
    found = ["--cores", "1", "verify", "--config", "verify_device=cuda"]
    code, said = project.run(*found, NEEDQ_TEST_DEVICES="1")
    assert code == 1
    assert said.splitlines()[-1] == (
        "needq: error: this job's backend needs a CUDA device, and its machine shows none"
    )
    assert "Traceback" not in said
    assert re.search(r"resources: .*gpu=1", said)


def test_one_bit_of_a_weight(project):
    file = project.results / "backup/model.safetensors"
    content = bytearray(file.read_bytes())
    content[-1000] ^= 1
    file.write_bytes(content)
    assert refused(project).startswith("verify: weights of transformer.")


def test_one_bit_of_the_noise_key(project):
    file = project.folder / "scripts/needq/corrupt/keyed.py"
    text = file.read_text(encoding="utf-8")
    assert 'return key("noise", seed, matrix, block)' in text
    file.write_text(text.replace('key("noise", seed,', 'key("noise", seed ^ 1,'), encoding="utf-8")
    assert refused(project).startswith("verify: noise of q-gaussian-0/0.bias differ")


def test_one_bit_of_an_expected_digest(project):
    """Of the last stage; tests/needq/provenance/test_digests.py has every stage."""
    file = project.folder / "resources/expected/tiny.json"
    expected = json.loads(file.read_text())
    name = sorted(expected["tokens"])[-1]
    digest = expected["tokens"][name]
    expected["tokens"][name] = f"{int(digest[0], 16) ^ 1:x}{digest[1:]}"
    file.write_text(json.dumps(expected))
    assert refused(project).startswith(f"verify: tokens of {name} differ")


def test_another_config_is_not_comparable(project):
    project.configure(generation={"temperature": 0.5})
    assert refused(project) == "not comparable: generation.temperature"


def test_a_run_without_expected_digests(rich, tmp_path):
    project = rich.copy(tmp_path / "project")
    assert refused(project).startswith("not comparable: there are no expected digests")
