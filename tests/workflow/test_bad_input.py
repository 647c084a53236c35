"""Mistakes of a user: one clear line, exit code not 0, nothing half-written."""

import shutil

import pytest
from needq.common.errors import UserError
from needq.plan.config import read_config
from project import DEFAULT, ONE_BACKEND, TINY, merged
from saved import SIZES, save_small

PREFIX = "needq: error: "


def errors(said):
    """The error lines in what a run said."""
    return [line for line in said.splitlines() if line.startswith(PREFIX)]


# a mistake in the config, and what its line has to name: tests/needq/plan/test_config.py has more
CONFIG_ERRORS = {
    "unknown key": ({"modle": {}}, "modle: no such key; did you mean model?"),
    "missing folder": ({"model": {"location": "no/such/folder"}}, "no/such/folder"),
}


@pytest.mark.parametrize("mistake", CONFIG_ERRORS)
def test_mistake_in_the_config_ends_before_the_first_job(fresh, mistake):
    change, named = CONFIG_ERRORS[mistake]
    fresh.configure(**change)
    code, said = fresh.run("--cores", "1")
    assert code != 0
    (line,) = errors(said)
    assert named in line
    assert said.splitlines()[-1] == line
    assert "Traceback" not in said
    assert not fresh.results.exists()


# what YAML would take silently, or not at all: tests/needq/plan/test_config_file.py has more
FILE_ERRORS = {
    "a key twice": ("tiny.yaml", b"run: a\nrun: b\n", "tiny.yaml, line 2: the key 'run' is given"),
    "a loop": ("tiny.yaml", b"run: &a [*a]\n", "tiny.yaml, line 1: *a stands inside"),
    "latin-1": ("config.yaml", b"run: caf\xe9\n", "config.yaml, line 1: is not UTF-8"),
    "a loop of groups": ("config.yaml", b"run: &a {b: *a}\n", "config.yaml, line 1: *a stands"),
}


@pytest.mark.parametrize("mistake", FILE_ERRORS)
def test_mistake_in_a_config_file_ends_before_it_is_merged(fresh, mistake):
    name, content, named = FILE_ERRORS[mistake]
    (fresh.folder / name).write_bytes(content)
    code, said = fresh.run("--dry-run", "--cores", "1")
    assert code != 0
    (line,) = errors(said)
    assert named in line
    assert said.splitlines()[-1] == line
    assert "Traceback" not in said


def test_what_exact_arithmetic_or_a_familys_kernels_lack_is_said_by_a_dry_run(fresh):
    from transformers import BloomConfig, BloomForCausalLM

    bloom = BloomForCausalLM(BloomConfig(hidden_size=24, n_layer=6, n_head=3, **SIZES))
    save_small(bloom, fresh.folder / "bloom")
    model = {"location": "bloom", "n_blocks": 6, "digests": []}
    one = ONE_BACKEND["divergence"]
    for change, named in (
        (
            {"pairs": [["cpu", "exact"]]},
            "exact arithmetic does not have BloomForCausalLM (docs/models.md lists",
        ),
        ({}, "set divergence.backends: {cpu: {kernels: eager}}"),
    ):
        fresh.configure(model=model, cuda=False, divergence=one | change)
        code, said = fresh.run("--dry-run", "--cores", "1")
        assert code != 0
        (line,) = errors(said)
        assert named in line
        assert said.splitlines()[-1] == line
    backends = {"backends": {"cpu": {"kernels": "eager"}}}
    fresh.configure(model=model, cuda=False, divergence=one | backends)
    code, said = fresh.run("--dry-run", "--cores", "1")
    assert code == 0, said


MISTAKES = {
    "unknown key inside": ({"generation": {"temprature": 1}}, "generation.temprature"),
    "wrong type": ({"generation": {"max_new_tokens": "many"}}, "generation.max_new_tokens"),
    "block 12 of 12": ({"sweeps": {"cumulative": {"block_order": [12]}}}, "no block 12"),
    "no prompts": ({"generation": {"prompts": []}}, "generation.prompts"),
    "empty prompt": ({"generation": {"prompts": ["Once", ""]}}, "generation.prompts.1"),
    "unknown backend": ({"divergence": {"pairs": [["cpu", "tpu"]]}}, "tpu"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_in_the_config_is_one_line(mistake, fresh, monkeypatch):
    """What the Snakefile's first lines do with it; the test above shows the rest."""
    change, named = MISTAKES[mistake]
    monkeypatch.chdir(fresh.folder)
    with pytest.raises(UserError) as error:
        read_config(merged(merged(DEFAULT, TINY), change))
    assert named in str(error.value)
    assert "\n" not in str(error.value)


def assert_job_refuses(project, named):
    """A job fails: its one line stands last, and names what is wrong; no output is left over."""
    before = project.produced() if project.results.exists() else {}
    code, said = project.run("--cores", "1")
    assert code != 0
    last = said.splitlines()[-1]
    assert last.startswith(PREFIX), said
    assert named in last
    assert "Traceback" not in said
    # noise that a side of the ledger draws is temporary, and made again by the next run
    after = {
        name: content
        for name, content in project.produced().items()
        if not (name.startswith("ledger/") and "/noise/" in name)
    }
    assert set(after) <= set(before)
    assert [name for name in after if after[name] != before[name]] == []
    return last


def own_model(project):
    """Give a project a copy of the bundled model: the folder."""
    folder = project.folder / "model"
    shutil.copytree(project.folder / "resources/pocket-gpt2", folder)
    project.configure(model={"location": "model", "digests": []})
    return folder


def test_truncated_weights(fresh):
    weights = own_model(fresh) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    assert "cut short" in assert_job_refuses(fresh, "model/model.safetensors")


def test_pickled_weights(fresh):
    folder = own_model(fresh)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    assert_job_refuses(fresh, "pytorch_model.bin")


def test_wrong_digest(fresh):
    digests = [{"file": "config.json", "sha256": "0" * 64}]
    fresh.configure(model={"digests": digests})
    assert_job_refuses(fresh, "config.json")


def test_prompt_longer_than_the_context(rich, tmp_path):
    project = rich.copy(tmp_path / "project")
    project.configure(generation={"prompts": ["Once", "very " * 300]})
    assert_job_refuses(project, "generation.prompts.1")


def test_a_report_before_its_run_says_what_to_do(fresh):
    """So does that of a run of an older version, which has no front page yet."""
    code, said = fresh.run("--report", "report.html")
    assert code != 0
    (line,) = errors(said)
    assert "results/tiny/index.html and " in line
    assert " other files are missing" in line
    assert "run snakemake once more, as for this run but without --report" in line
    assert said.splitlines()[-1] == line
    assert "Traceback" not in said
    assert not (fresh.folder / "report.html").exists()
