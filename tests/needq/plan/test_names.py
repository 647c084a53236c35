"""What sweeps and interventions are called, compared with words written by hand."""

import pytest
from needq.common.settings import Sweep
from needq.plan import names
from needq.plan.interventions import sweep_interventions
from planning import read

# a sweep: its words; then of its last intervention, in a model of 12 blocks: the id, and its names
SWEEPS = [
    ({}, "W_Q of the first blocks: Gaussian noise", "q/s/12", "12 blocks", "W_Q of all 12 blocks"),
    (
        {"matrix": "qk", "block_order": "reversed", "counts": [7]},
        "W_Q and W_K of the last blocks: Gaussian noise",
        "qk/s/07",
        "7 blocks",
        "W_Q and W_K of the last 7 blocks",
    ),
    (
        {"matrix": "k", "block_order": "random", "method": "zero", "counts": [1]},
        "W_K of blocks in a random order: zeros",
        "k/s/01",
        "1 block",
        "W_K of 1 block in a random order (zeros)",
    ),
    (
        {"block_order": [4, 2], "bias": "replace"},
        "W_Q and b_Q of blocks 4, 2: Gaussian noise",
        "q/s/02",
        "2 blocks",
        "W_Q and b_Q of blocks 4, 2",
    ),
    (
        {"block_order": [9, 8, 7, 6, 5, 4, 3], "noise_fraction": 0.5},
        "W_Q of 7 blocks: Gaussian noise, fraction 0.5",
        "q/s/07",
        "7 blocks",
        "W_Q of 7 blocks (Gaussian noise, fraction 0.5)",
    ),
    (
        {"counts": [1], "heads": [0, 3], "dimensions": [1, 2]},
        "W_Q (heads 0, 3) (some dimensions) of the first blocks: Gaussian noise",
        "q/s/01",
        "1 block",
        "W_Q (heads 0, 3) (some dimensions) of the first block",
    ),
    (
        {"steps": "single", "block_order": [3]},
        "W_Q, one block at a time: Gaussian noise",
        "q/s/03",
        "block 3",
        "W_Q of block 3",
    ),
    (
        {"steps": "heads", "heads": [1, 2], "matrix": "v"},
        "W_V, one head at a time: Gaussian noise",
        "v/s/11h02",
        "block 11, head 2",
        "W_V of block 11, head 2",
    ),
    (
        {"steps": "dimensions", "groups": 4},
        "W_Q, one group of dimensions at a time: Gaussian noise",
        "q/s/11d03",
        "block 11, group 3",
        "W_Q of block 11, group 3",
    ),
    (
        {"steps": "doses", "doses": [0.25, 1.5], "method": "scaled"},
        "W_Q, by dose: multiplied by a dose",
        "q/s/150",
        "dose 1.5",
        "W_Q of all 12 blocks, dose 1.5 (multiplied by a dose)",
    ),
]


@pytest.mark.parametrize(("sweep", "words", "name", "step", "whole"), SWEEPS)
def test_words_of_a_sweep_and_of_its_last_intervention(sweep, words, name, step, whole):
    sweep = Sweep(**sweep)
    assert names.describe_sweep(sweep) == words
    *_, last = sweep_interventions("s", sweep, 12, [0])
    assert (last.id, names.name_step(last)) == (name, step)
    assert names.name_intervention(last, sweep, 12) == whole


def test_every_intervention_of_a_config_has_names_that_tell_it_apart():
    config = read()
    found = names.words(config, list(config.sweeps))
    assert set(found["sweeps"]) == set(config.sweeps)
    assert set(found["steps"]) == set(found["interventions"])
    assert found["interventions"]["q/cumulative/06"] == "W_Q of the first 6 blocks"
    assert found["steps"]["q/cumulative/00"] == "0 blocks"
    assert found["interventions"]["q/cumulative/00"] == "pristine model"
    for sweep in config.sweeps:
        steps = [words for one, words in found["steps"].items() if one.split("/")[1] == sweep]
        assert len(set(steps)) == len(steps) > 1
