"""Print how often the intervals of the tests of claims hold the truth (docs/claims.md).

PYTHONPATH=scripts python tests/helpers/claim_coverage.py

5 noise seeds; 100 documents, 6 prompts, 38 pairs and 40 passages, as in the default run.
"""

import numpy as np
from claim_data import BLOCKS, documents, falling, margins
from needq.common.keys import LABELS
from needq.metrics import claim_tests
from scipy.stats import norm

COUNT = 4000
DOCUMENTS, PROMPTS, PAIRS, PASSAGES = 100, 6, 38, 40
FACTOR = np.exp(0.1**2 / 2 + 0.3**2 / 2)  # the mean factor by seed and document
RISES = np.array([0.0, 0.05, 0.15, 0.3, 0.5, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0])
SINGLE = np.array([0.005, 0.05, 0.07, 0.04, 0.03, 0.06, 0.01, 0.01, 0.01, 0.01, 0.02, 0.01])
CURVES = falling(9, 3, 1, 0), falling(11, 2, 1, 0)


def nll(rng, rises, spread=0.1):
    return documents(rng, rises, 5, DOCUMENTS, spread)


def rise(rng):
    return claim_tests.of_mean(np.diff(nll(rng, [0.07]))[:, :, 0])(0.95), 0.07 * FACTOR


def lost_margin(rng):
    table = margins(rng, [1, 0.65], items=PASSAGES)
    return claim_tests.lost_by_single_blocks("", table).estimate, 0.35


def margin_of_single_blocks(rng):
    kept = [1, *(1 - SINGLE)]
    return claim_tests.logic_is_weaker(margins(rng, kept, items=PASSAGES)).estimate, SINGLE.mean()


def difference_of_curves(rng):
    both = [margins(rng, c, items=n) for c, n in zip(CURVES, (PAIRS, PASSAGES), strict=True)]
    return claim_tests.meaning_first(*both).estimate, np.mean(CURVES[0][1:] - CURVES[1][1:])


def damage_ratio(rng):
    one, other = nll(rng, RISES), nll(rng, 2 * RISES)
    other += one[:, :, :1] - other[:, :, :1]
    return claim_tests.damage_ratio(other, one)(0.95), 2.0


def all_and_single(rng):
    return claim_tests.backed_up(nll(rng, RISES), nll(rng, SINGLE)).estimate, 1 / SINGLE.sum()


def participation(rng):
    truth = SINGLE.sum() ** 2 / (SINGLE**2).sum() / 12
    return claim_tests.spread(nll(rng, SINGLE)).estimate, truth


def late_rise(rng):
    return claim_tests.decline(BLOCKS, nll(rng, RISES, 0.05))[1].estimate, 0.3


def label_order(rng, middle=4.5, by_seed=0.0, by_prompt=0.0):
    """Labels that change at `middle` + noise: the mean place of each label is that of its steps.

    The noise is that of a text, and of its seed and its prompt with these deviations.
    """
    place = BLOCKS + rng.normal(0, 1, (5, PROMPTS, 1))
    place = place + by_seed * rng.normal(size=(5, 1, 1))
    place = place + by_prompt * rng.normal(size=(1, PROMPTS, 1))
    index = (place > middle).astype(int)
    labels = {label: (index == number) * 1.0 for number, label in enumerate(LABELS[:2])}
    found = claim_tests.label_order(BLOCKS, labels, 1)[0].estimate
    return found, ORDERS[middle, by_seed, by_prompt]


def label_order_by_both(rng):
    return label_order(rng, 6, 1.0, 1.0)


def label_order_by_prompt(rng):
    return label_order(rng, 6, 0.0, 1.0)


def label_order_by_seed(rng):
    return label_order(rng, 6, 1.0, 0.0)


def _order(middle, by_seed, by_prompt):
    spread = (1 + by_seed**2 + by_prompt**2) ** 0.5
    later = norm.sf(middle, BLOCKS[1:], spread)
    places = BLOCKS[1:]
    return places @ later / later.sum() - places @ (1 - later) / (1 - later).sum()


ORDERS = {case: _order(*case) for case in [(4.5, 0, 0), (6, 0, 1), (6, 1, 0), (6, 1, 1)]}
NAMES = {
    rise: "rise of nll by a single block",
    lost_margin: "share of a margin that is lost",
    margin_of_single_blocks: "the same, mean over single blocks",
    difference_of_curves: "difference of two curves of margins",
    damage_ratio: "ratio of two damages",
    all_and_single: "all blocks / sum of single blocks",
    participation: "effective number of blocks",
    late_rise: "share of the rise after half of the blocks",
    label_order: "distance of two labels, in blocks",
    label_order_by_both: "the same, if prompts and seeds differ as much as texts",
    label_order_by_prompt: "the same, if prompts alone differ as much as texts",
    label_order_by_seed: "the same, if seeds alone differ as much as texts",
}

if __name__ == "__main__":
    print("| number | interval holds the truth |")
    print("| --- | --- |")
    for simulate, name in NAMES.items():
        generator, held = np.random.default_rng(0), 0
        for _ in range(COUNT):
            found, truth = simulate(generator)
            held += found.low <= truth <= found.high
        print(f"| {name} | {held / COUNT:.1%} |", flush=True)
