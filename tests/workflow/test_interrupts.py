"""A run that is interrupted or killed in each stage, and resumed, equals one that was not."""

import os
import signal
import time

import pytest
from project import LIMIT, ONE_BACKEND, assert_same, interrupt, wait_for

# in each stage, the output at which it is stopped: written, and about to get its name
STAGES = {
    "backup": "*/backup/config.json",
    "corrupt": "*/corrupt/patches/*.json",
    "generate": "*/generate/cpu/first/*.parquet",
    "score": "*/score/cpu/first/*.texts.parquet",
    "diff": "*/diff/cpu-cpu/*.parquet",
    "metrics": "*/tables/divergence.tsv",
    "figures": "*/figures/texts.svg",
}


def group_ended(group):
    """Whether no process of a process group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def kill(run, flag):
    """SIGKILL to the main process; its orphaned jobs go on, and this waits for their end."""
    run.kill()
    run.wait(timeout=LIMIT)
    flag.unlink()
    end = time.monotonic() + LIMIT
    while not group_ended(run.pid):
        assert time.monotonic() < end, "orphans do not end"
        time.sleep(0.05)


def kill_all(run, flag):
    """SIGKILL to every process of the run, jobs in the middle of their writing included."""
    os.killpg(run.pid, signal.SIGKILL)
    run.wait(timeout=LIMIT)
    flag.unlink()


def assert_whole(project, expected):
    """Nothing half-written has its name yet: what is there is as expected.

    But for the diff's temporary logits, and what a job that was killed had not yet named.
    """
    found = project.produced()
    found = {
        name: text
        for name, text in found.items()
        if not name.endswith("logits.safetensors") and ".partial-" not in name
    }
    assert set(found) <= set(expected)
    assert [name for name in found if found[name] != expected[name]] == []


@pytest.mark.parametrize("stop", [interrupt, kill, kill_all])
def test_run_stopped_in_every_stage_equals_an_undisturbed_one(stop, fresh, one_backend):
    fresh.configure(**ONE_BACKEND)
    expected = one_backend.produced()
    flag = fresh.folder / "held"
    for output in STAGES.values():
        run = fresh.start("--cores", "2", NEEDQ_TEST_HOLD=f"{output}:{flag}")
        wait_for(flag.exists, run, fresh)
        stop(run, flag)
        assert_whole(fresh, expected)
        if stop is not interrupt:
            code, said = fresh.run("--unlock")
            assert code == 0, said
    fresh.finish()
    assert_same(fresh.produced(), expected)
