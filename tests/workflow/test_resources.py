"""What jobs ask for, with a model of half a gigabyte."""

import json
import os
import re

import pytest
import yaml
from default_config import overlaid
from needq.plan import cost
from needq.plan.config import read_config
from needq.plan.estimate import Run

SIZE = 500  # MB of 2**20 bytes, as Snakemake's input.size_mb counts
SIZES = {"n_embd": 768, "vocab_size": 50_257}
# rules whose jobs ask for what -n estimates
ESTIMATED = "generate repeat score compute_logits make_reference_texts trace_corners".split()


@pytest.fixture(scope="module")
def project(rich, tmp_path_factory):
    """The rich run, as if its backup were of GPT-2's width and vocabulary."""
    project = rich.copy(tmp_path_factory.mktemp("resources") / "project")
    os.truncate(project.results / "backup/model.safetensors", SIZE * 2**20)
    file = project.results / "backup/config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | SIZES))
    return project


@pytest.fixture(scope="module")
def asked(project):
    """A function that tells what rules would ask for at an attempt: {rule: (MB, minutes)}."""

    def ask(attempt):
        code, said = project.run("--dry-run", "--attempt", str(attempt), "--forcerun", "draw_noise")
        assert code == 0, said
        jobs = re.split(r"^rule (\w+):\n", said, flags=re.MULTILINE)[1:]
        found = {}
        for rule, text in zip(jobs[::2], jobs[1::2], strict=True):
            asked = [re.search(rf"\b{name}=(\S+),?", text)[1] for name in ("mem_mb", "runtime")]
            memory, minutes = (number.rstrip(",") for number in asked)
            # before its input is there, nobody knows the memory of some jobs
            if memory != "<TBD>":
                found.setdefault(rule, set()).add((int(memory), int(minutes)))
        return found

    return ask


@pytest.mark.parametrize("attempt", [1, 2])
def test_memory_and_time_follow_the_model_and_the_attempt(asked, project, monkeypatch, attempt):
    found = asked(attempt)
    monkeypatch.chdir(project.folder)
    config = read_config(overlaid(yaml.safe_load((project.folder / "tiny.yaml").read_text())))
    shape = cost.backed_up_shape(str(project.results / "backup/config.json"))
    assert (shape.width, shape.vocabulary) == (768, 50_257)
    run = Run(config, False, shape)
    backends = config.divergence.backends
    [chunk] = run.used.text_chunks.values()
    wanted = {
        "generate": [run.generate(backends[name], chunk) for name in run.used.compared],
        "repeat": [run.repeat(backends[name], chunk) for name in run.used.compared],
        "make_reference_texts": [run.reference_texts(backends["cpu"])],
    }
    for rule, jobs in wanted.items():
        assert found[rule] == {
            (attempt * round(job.memory_asked), attempt * round(job.minutes_asked)) for job in jobs
        }
    for rule in ESTIMATED:
        for memory, minutes in found[rule]:
            assert memory / attempt > 1000 + 2 * 500
            assert minutes / attempt >= 10
    for memory, _ in found["draw_noise"]:
        assert 1000 + 3 * SIZE <= memory / attempt <= 1000 + 3 * (SIZE + 20)


def test_a_job_that_says_nothing_asks_for_the_profiles_default(asked):
    assert asked(1)["plot_claims"] == {(2000, 10)}


ESTIMATE = "needq: estimate of a whole run, within a factor of two: about "


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--dry-run", "--cores", "2"], True),
        (["--dry-run", "--cores", "2", "--quiet", "rules"], True),
        (["--dry-run", "--cores", "2", "all"], True),
        # of one target nobody has asked what all cost
        (["--dry-run", "--cores", "2", "tables"], False),
        (["--dry-run", "--cores", "2", "--quiet"], False),
        (["--dry-run", "--cores", "2", "--quiet", "all"], False),
        (["--summary", "--cores", "2"], False),
    ],
)
def test_a_dry_run_says_what_a_run_costs(rich, tmp_path, arguments, said):
    project = rich.copy(tmp_path / "project")
    code, output = project.run(*arguments)
    assert code == 0, output
    lines = [line for line in output.splitlines() if "estimate" in line]
    assert len(lines) == said, output
    assert not said or (lines[0].startswith(ESTIMATE) and " on 2 cores, " in lines[0])
    # the last ones of a thousand are read
    assert not said or output.splitlines()[-1].startswith("needq: ")


def test_snakemake_looks_for_jobs_only_when_one_has_ended(fresh):
    fresh.configure(noise_seeds=[*range(6)])
    said = fresh.finish("--until", "draw_noise", "--cores", "1", "--verbose")
    looks, ended = (said.count(text) for text in ("before job selection", "Finished jobid"))
    assert looks == ended == 7  # back_up, and then six jobs that are ready at once
