"""What jobs ask for, with a model of half a gigabyte."""

import os
import re

import pytest

SIZE = 500  # MB of 2**20 bytes, as Snakemake's input.size_mb counts


@pytest.fixture(scope="module")
def asked(one_backend, tmp_path_factory):
    """A function that tells what rules would ask for at an attempt: {rule: (MB, minutes)}."""
    project = one_backend.copy(tmp_path_factory.mktemp("resources") / "project")
    os.truncate(project.results / "backup/model.safetensors", SIZE * 2**20)

    def ask(attempt):
        code, said = project.run("--dry-run", "--attempt", str(attempt), "--forcerun", "noise")
        assert code == 0, said
        jobs = r"^rule (\w+):\n(?: .*\n)*?    resources: .*runtime=(\d+), mem_mb=(\d+)"
        return {
            rule: (int(memory), int(minutes))
            for rule, minutes, memory in re.findall(jobs, said, re.MULTILINE)
        }

    return ask


@pytest.mark.parametrize("attempt", [1, 2])
def test_memory_and_time_follow_the_model_and_the_attempt(asked, attempt):
    found = asked(attempt)
    # the noise of one block and the other inputs are some MB more
    for rule in ("generate", "score", "logits"):
        memory, minutes = (number / attempt for number in found[rule])
        assert 2000 + 8 * SIZE <= memory <= 2000 + 8 * (SIZE + 20)
        assert minutes == 10 + 3 * SIZE / 250  # 3 interventions
    assert 1000 + 3 * SIZE <= found["noise"][0] / attempt <= 1000 + 3 * (SIZE + 20)
