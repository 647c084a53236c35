"""A run that is interrupted or killed in each stage, and resumed, equals one that was not."""

import os
import signal
import time

from project import LIMIT, assert_same, interrupt, wait_for

# In each stage, the file at which it is stopped: written, and about to get its name. And the file
# that is asked for, whose job is the only one to run then.
STAGES = {
    "backup": ("backup/config.json", "backup/config.json"),
    "corrupt": ("corrupt/patches/*.json", "corrupt/patches/*.json"),
    "generate": ("generate/exact/first/*.parquet", "generate/exact/first/*.json"),
    "score": ("score/exact/first/*.texts.parquet", "score/exact/first/*.evaluation.parquet"),
    "diff": ("diff/exact-exact/*.parquet", "diff/exact-exact/*.parquet"),
    "metrics": ("tables/divergence.tsv", "tables/divergence_summary.tsv"),
    "figures": ("figures/texts.svg", "figures/q_histogram.png"),
}
# what the stages make, beside the files above
BESIDE = {
    "backup": ["backup/m*", "backup/tokenizer*"],
    "generate": ["generate/exact/first/*.parquet"],
    "score": ["score/exact/first/*.t*"],
    "metrics": ["tables/divergence.tsv", "tables/divergence_trend.tsv"],
    "figures": ["figures/[dlt]*"],
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


def test_run_stopped_in_every_stage_equals_an_undisturbed_one(rich, tmp_path):
    """Each stage is stopped by Ctrl-C, and by SIGKILL to Snakemake and to all, then goes on."""
    expected = rich.produced()
    project = rich.copy(tmp_path / "project")
    flag = project.folder / "held"
    for stage, (held, target) in STAGES.items():
        target = sorted(rich.results.glob(target))[0].relative_to(rich.folder)
        removed = str(target.relative_to("results/tiny"))
        project.remove(removed, *BESIDE.get(stage, []))
        for stop in (interrupt, kill, kill_all):
            print(stage, stop.__name__)  # pytest shows it if this fails
            hold = {"NEEDQ_TEST_HOLD": f"*tiny/{held}:{flag}"}
            run = project.start("--cores", "2", str(target), **hold)
            wait_for(flag.exists, run, project)
            stop(run, flag)
            assert_whole(project, expected)
            if stop is not interrupt:
                code, said = project.run("--unlock")
                assert code == 0, said
        project.finish(str(target))
    project.finish()
    assert_same(project.produced(), expected)
