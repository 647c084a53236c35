"""The workflow on a real Slurm of one machine: cancelled, interrupted and resumed."""

import os
import re

import pytest
from cluster import reason_against, said, slurm, wait_until
from project import LIMIT, ONE_BACKEND, assert_same, interrupt, wait_for

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
def beside(cluster, source, one_backend, tmp_path_factory):
    """Two runs beside the first test, since they mostly wait: one through the generic profile, and
    one that asks for a text of a CUDA backend."""
    generic = source.copy(tmp_path_factory.mktemp("generic") / "project")
    generic.configure(**ONE_BACKEND)
    cuda = one_backend.copy(tmp_path_factory.mktemp("cuda") / "project")
    pairs = {"positions": [0, 2], "pairs": [["cpu", "cuda"]]}
    cuda.configure(**ONE_BACKEND | {"cuda": True, "compare": pairs})
    (text,) = (cuda.results / "generate/cpu/first").glob("*.parquet")
    target = str(text.relative_to(cuda.folder)).replace("/cpu/", "/cuda/")
    jobs = elsewhere(generic)
    runs = {
        "generic": (generic, generic.start(*GENERIC, *POLLING), jobs),
        "cuda": (cuda, cuda.start(*SLURM, "--retries", "0", target), None),
    }
    yield runs
    for _, run, _ in runs.values():
        run.kill()


def submitted(log):
    """Of every job that a run submitted: its Slurm id, and rule/wildcards."""
    return re.findall(r"submitted with SLURM jobid (\d+) \(log: .*/rule_(.+)/\d+\.log\)", log)


def elsewhere(project):
    """The jobs that a run would submit: all but the backup, which stays on the head node."""
    planned = project.planned()
    assert planned.pop("backup") == planned.pop("all") == 1
    return planned


def queued():
    """The ids of the jobs that are queued or running."""
    return set(said("squeue", "--noheader", "--format=%i").split())


def test_cancelled_interrupted_and_resumed_run_equals_a_local_one(fresh, one_backend):
    fresh.configure(**ONE_BACKEND)
    wanted = elsewhere(fresh)
    flag = fresh.folder / "held"
    hold = {"NEEDQ_TEST_HOLD": f"*/generate/cpu/first/*.parquet:{flag}"}
    run = fresh.start(*SLURM, **hold)
    wait_for(flag.exists, run, fresh)

    (held,) = [
        job for job, what in submitted(fresh.said()) if what.startswith("generate/cpu_first")
    ]
    said("scancel", held)
    wait_for(lambda: held not in queued(), run, fresh)
    flag.unlink()
    wait_for(flag.exists, run, fresh)  # the retry got as far
    assert "Trying to restart job" in fresh.said()

    interrupt(run, flag)
    first = submitted(fresh.said())
    wait_until(lambda: not queued() & {job for job, _ in first}, "the end of the interrupted jobs")
    code, log = fresh.run(*SLURM)
    assert code == 0, log
    assert {what.split("/")[0] for _, what in first + submitted(log)} == set(wanted)
    assert_same(fresh.produced(), one_backend.produced())


def test_generic_profile_equals_a_local_run(beside, one_backend):
    project, run, jobs = beside["generic"]
    code, log = run.wait(LIMIT), project.said()
    assert code == 0, log
    assert len(re.findall(r"Submitted job \d+ with external jobid '\d+'", log)) == sum(
        jobs.values()
    )
    assert_same(project.produced(), one_backend.produced())


def test_cuda_job_gets_a_gpu_in_the_gpu_partition(beside):
    project, run, _ = beside["cuda"]
    code, log = run.wait(LIMIT), project.said()
    ((job, what),) = submitted(log)
    assert what.startswith("generate/cuda_first")
    asked = said("scontrol", "show", "job", job)
    assert "Partition=gpu" in asked
    assert re.search(r"TresPerJob=gres.gpu.1\b", asked)
    # the GPU is a fake one, and the job says so
    assert code != 0
    assert log.splitlines()[-1].startswith("needq: error: ")
