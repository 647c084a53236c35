"""What a dry run says of the cost of a run, before and after the model is there."""

import shutil
from pathlib import Path

import pytest
from needq.plan import estimate_lines
from needq.plan.estimate_lines import lines
from planning import of_blocks, read


def test_the_line_of_the_default_config():
    [line] = lines(read(), False, 2)
    assert line.startswith("estimate of a whole run, within a factor of two: about ")
    assert " min on 2 cores, at most 3." in line
    assert line.endswith("MB more while it runs")
    assert "(results/pocket-gpt2)" in line
    assert " on 1 core, " in next(lines(read(), False, 1))
    assert "of one core, the longest job about" in next(lines(read(), False, None))


def test_what_runs_on_cuda_is_named():
    _, line = lines(read(), True, 2)
    assert line == (
        "estimate: without what runs on CUDA (cuda, exact_cuda, cuda_a), which is not known"
    )


def test_a_model_that_is_not_at_hand_is_not_guessed(tmp_path, monkeypatch):
    config = read(of_blocks(12))
    [line] = lines(config, False, 2)
    assert line.startswith("estimate: none, since the sizes of owner/name are not at hand; ")
    assert "--until back_up" in line
    # after the backup they are
    files = ("resources/texts", "resources/tasks", "resources/pocket-gpt2/corpus.txt.bz2")
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).symlink_to(Path(name).absolute())
    backup = tmp_path / "results/pocket-gpt2/backup"
    backup.mkdir(parents=True)
    shutil.copy("resources/pocket-gpt2/config.json", backup)
    monkeypatch.chdir(tmp_path)
    assert next(lines(config, False, 2)).startswith("estimate of a whole run")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(20, "about 20 s"), (239, "about 4 min"), (5400, "about 1.5 h"), (200_000, "about 55.6 h")],
)
def test_times_in_words(seconds, words):
    assert estimate_lines._time(seconds) == words
