"""What jobs ask for, with a model of half a gigabyte."""

import os
import re

import pytest

SIZE = 500  # MB of 2**20 bytes, as Snakemake's input.size_mb counts


@pytest.fixture(scope="module")
def asked(rich, tmp_path_factory):
    """A function that tells what rules would ask for at an attempt: {rule: (MB, minutes)}."""
    project = rich.copy(tmp_path_factory.mktemp("resources") / "project")
    os.truncate(project.results / "backup/model.safetensors", SIZE * 2**20)

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
def test_memory_and_time_follow_the_model_and_the_attempt(asked, attempt):
    found = asked(attempt)
    # interventions with texts are one chunk, those that are scored alone another
    counts = {"generate": {5}, "score": {5, 48}, "compute_logits": {5}}
    for rule, counted in counts.items():
        for memory, _ in found[rule]:
            # noise and the other inputs are some MB more
            assert 2000 + 8 * SIZE <= memory / attempt <= 2000 + 8 * (SIZE + 20)
        asked_for = sorted(minutes / attempt for _, minutes in found[rule])
        for minutes, count in zip(asked_for, sorted(counted), strict=True):
            assert 10 + count * SIZE // 250 <= minutes <= 10 + count * (SIZE + 20) / 250
    for memory, _ in found["draw_noise"]:
        assert 1000 + 3 * SIZE <= memory / attempt <= 1000 + 3 * (SIZE + 20)


def test_a_job_that_says_nothing_asks_for_the_profiles_default(asked):
    assert asked(1)["plot_claims"] == {(2000, 10)}
