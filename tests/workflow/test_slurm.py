"""The workflow on a real Slurm of one machine: cancelled, interrupted and resumed."""

import os
import re
from pathlib import Path

import pytest
from cluster import reason_against, said, slurm, wait_until
from project import LIMIT, RICH, assert_same, interrupt, wait_for

# a hang of Slurm's fails its test
pytestmark = pytest.mark.timeout(1200)

# the profiles as they are, but for the patience that a scheduler with other users deserves
SLURM = "--workflow-profile profiles/slurm --slurm-init-seconds-before-status-checks 2".split()
GENERIC = "--workflow-profile profiles/generic".split()
POLLING = "--seconds-between-status-checks 2".split()


@pytest.fixture(scope="module", autouse=True)
def cluster():
    """Slurm, for all tests of this file. In CI it has to come up; elsewhere it may be missing."""
    reason = reason_against()
    if reason and os.environ.get("CI"):
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)
    with slurm():
        yield


@pytest.fixture(scope="module", autouse=True)
def beside(cluster, source, rich, tmp_path_factory):
    """Two runs beside the first test, since they mostly wait: one through the generic profile, from
    nothing to the patches of a chunk, and one that asks for a text of a CUDA backend."""
    generic = source.copy(tmp_path_factory.mktemp("generic") / "project", **RICH)
    text = rich.file("generate/cpu/first/*.parquet")
    patches = f"results/tiny/corrupt/patches/{Path(text).stem}.json"
    targets = ("results/tiny/backup/tokens.json", patches)
    cuda = rich.copy(tmp_path_factory.mktemp("cuda") / "project", cuda=True)
    text = text.replace("/cpu/", "/cuda/")
    runs = {
        "generic": (generic, generic.start(*GENERIC, *POLLING, *targets)),
        "cuda": (cuda, cuda.start(*SLURM, "--retries", "0", text)),
    }
    yield runs
    for _, run in runs.values():
        run.kill()


def submitted(log):
    """Of every job that a run submitted: its Slurm id, and rule/wildcards."""
    return re.findall(r"submitted with SLURM jobid (\d+) \(log: .*/rule_(.+)/\d+\.log\)", log)


def queued():
    """The ids of the jobs that are queued or running."""
    return set(said("squeue", "--noheader", "--format=%i").split())


def test_cancelled_interrupted_and_resumed_run_equals_a_local_one(rich, tmp_path):
    """From the reference texts, which a model generates, to the figure of the labels."""
    project = rich.copy(tmp_path / "project")
    project.remove("labels", "tables/label*", "tables/degradation.tsv", "tables/q_histogram.tsv")
    project.remove(*(f"figures/{name}.*" for name in ("labels", "texts", "degradation")))
    project.remove("figures/q_histogram.*")
    target = "results/tiny/figures/labels.svg"
    wanted = project.planned(target)
    assert {*wanted} == {
        *("make_reference_texts", "label_texts", "count_weights"),
        *("summarise_degradation", "plot_degradation"),
    }
    flag = project.folder / "held"
    hold = {"NEEDQ_TEST_HOLD": f"*/labels/reference_texts.parquet:{flag}"}
    run = project.start(*SLURM, target, **hold)
    wait_for(flag.exists, run, project)

    (held,) = [job for job, what in submitted(project.said()) if what == "make_reference_texts"]
    said("scancel", held)
    wait_for(lambda: held not in queued(), run, project)
    flag.unlink()
    wait_for(flag.exists, run, project)  # the retry got as far
    assert "Trying to restart job" in project.said()

    interrupt(run, flag)
    first = submitted(project.said())
    wait_until(lambda: not queued() & {job for job, _ in first}, "the end of the interrupted jobs")
    code, log = project.run(*SLURM, target)
    assert code == 0, log
    assert {what.split("/")[0] for _, what in first + submitted(log)} == set(wanted)
    assert_same(project.produced(), rich.produced())


def test_generic_profile_equals_a_local_run(beside, rich):
    project, run = beside["generic"]
    code, log = run.wait(LIMIT), project.said()
    assert code == 0, log
    # all but the backup, which stays on the head node
    done = re.findall(r"Finished jobid: \d+ \(Rule: (\w+)\)", log)
    assert sorted(done) == ["back_up", "corrupt", "draw_noise", "draw_noise", "tokenize_texts"]
    assert len(re.findall(r"Submitted job \d+ with external jobid '\d+'", log)) == 4
    expected = rich.produced()
    found = project.produced()
    assert_same(found, {name: expected[name] for name in found})


def test_cuda_job_gets_a_gpu_in_the_gpu_partition(beside):
    project, run = beside["cuda"]
    code, log = run.wait(LIMIT), project.said()
    ((job, what),) = submitted(log)
    assert re.match(r"generate/cuda_[0-9a-f]{12}", what)
    asked = said("scontrol", "show", "job", job)
    assert "Partition=gpu" in asked
    assert re.search(r"TresPerJob=gres.gpu.1\b", asked)
    # the GPU is a fake one, and the job says so
    assert code != 0
    assert log.splitlines()[-1].startswith("needq: error: ")
