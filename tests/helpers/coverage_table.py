"""Print the coverage table of docs/metrics.md: how often each 95% interval holds the truth.

PYTHONPATH=scripts python tests/helpers/coverage_table.py
"""

import numpy
from needq.divergence.causes import mcnemar
from needq.metrics import half_points, shares, statistics
from pandas import DataFrame
from scipy.stats import norm
from simulated import (
    ALL_SHARES,
    BLOCKS,
    DISTINCT,
    RATIOS,
    REPEATS,
    SHARES,
    answers,
    clustered,
    coverage,
    covers,
    least_possible,
    repeated_texts,
    simulated,
    true_half_point,
)

COUNT, MANY = 1000, 8000  # data sets of each case; of cases that are computed together


def print_row(name, default, covered, least=None):
    """One row of the table, from the coverages of its cases."""
    nearest = "" if least is None else f"{max(least):.1%}"
    row = f"| {name} | {default} | {min(covered):.1%} | {numpy.mean(covered):.1%} "
    print(f"{row}| {max(covered):.1%} | {nearest} |", flush=True)


def within(found, truth):
    """The share of data sets whose interval holds the truth, with room for rounding."""
    return ((found.low <= truth + 1e-12) & (found.high >= truth - 1e-12)).mean()


def means():
    """Means over noise seeds and prompts or documents, and over either alone."""
    for items, name in ((6, "prompts"), (100, "documents")):
        rng = numpy.random.default_rng([5, items])
        sets = [coverage(simulated(5, items, ratio, rng, MANY)) for ratio in RATIOS]
        print_row("mean, 12 ratios of variances", f"5 seeds x {items} {name}", sets)
        values = rng.normal(size=(MANY, items))
        print_row("mean", f"{items} {name}", [covers(map(statistics.mean_of_items, values), 0)])


def ratio_of_means():
    """The damage of one sweep divided by that of another; delta method."""
    covered = []
    for spread in (0.1, 0.3):
        rng, found = numpy.random.default_rng(int(10 * spread)), []
        for _ in range(4 * COUNT):
            by_seed = spread * rng.normal(size=(5, 1, 2))
            by_document = spread * rng.normal(size=(1, 100, 2))
            rest = 0.3 * rng.normal(size=(5, 100, 2))
            table = numpy.array([2.0, 1.0]) + by_seed + by_document + rest
            found.append(statistics.function_of_means([table], lambda mean: mean[0] / mean[1]))
        covered.append(covers(found, 2))
    print_row("ratio of two means (delta method)", "5 seeds x 100 documents", covered)


def shares_of_texts():
    """Shares of texts with a label, or of texts that are identical; all true shares."""
    alike = {"alike a little": (0.3, 0.3), "alike": (0.3, 0.6), "alike much": (0.3, 1)}
    cases = [(name, repeats, (0, 0)) for name, repeats in REPEATS.items()]
    cases += [(name, REPEATS["all different"], effects) for name, effects in alike.items()]
    for name, repeats, effects in cases:
        rng, covered = numpy.random.default_rng(len(name)), []
        for share in ALL_SHARES:
            values, n = repeated_texts(repeats, share, effects, rng, MANY)
            covered.append(within(shares.wilson(*statistics.crossed_variance(values), n, 6), share))
        least = None if any(effects) else [least_possible(repeats, one) for one in ALL_SHARES]
        print_row(f"share of texts; {name}", "5 seeds x 6 prompts", covered, least)
    rng, covered = numpy.random.default_rng(8), []
    for share in ALL_SHARES:
        values = (rng.random((4 * COUNT, 6)) < share).astype(float)
        covered.append(covers(map(shares.share_of_items, values), share))
    least = [least_possible([(0,)] * 6, share) for share in ALL_SHARES]
    print_row("share of texts; pristine model", "6 prompts", covered, least)


def accuracies():
    """Accuracies on task items."""
    rng, covered = numpy.random.default_rng(7), []
    for share in (0.5, 0.8, 0.95):
        for effects in ((0.1, 1.0), (0.3, 1.0), (0.3, 0.5)):
            level = norm.ppf(share) * (1 + effects[0] ** 2 + effects[1] ** 2) ** 0.5
            level = level + effects[0] * rng.normal(size=(4 * COUNT, 5, 1))
            level = level + effects[1] * rng.normal(size=(4 * COUNT, 1, 100))
            values = (rng.random(level.shape) < norm.cdf(level)).astype(float)
            covered.append(covers(map(shares.share_of_crossed, values), share))
    print_row("accuracy on a task", "5 seeds x 100 items", covered)


def ledger():
    """Shares and effects of the ledger, and McNemar's test where a cause has no effect."""
    for prompts, likeness in ((30, 0), (30, 0.1), (30, 0.2), (6, 0.1), (6, 0.2)):
        rng, n = numpy.random.default_rng([prompts, int(10 * likeness)]), prompts * DISTINCT
        covered, effects = [], []
        for share in SHARES:
            values, _ = clustered((share, 1 - share), likeness, prompts, rng, 4 * COUNT)
            covered.append(covers([shares.share_of_clusters(one, n) for one in values], share))
            other = min(0.1, (1 - share) / 2)
            both = (share, other, 1 - share - other)
            up, down, _ = clustered(both, likeness, prompts, rng, 4 * COUNT)
            found = [shares.difference_of_clusters(*one, n) for one in zip(up, down, strict=True)]
            effects.append(covers(found, share - other))
        default = f"{prompts} prompts x 21 texts, 16 different"
        print_row(f"ledger, share; likeness {likeness}", default, covered)
        print_row(f"ledger, effect; likeness {likeness}", default, effects)
    rng, right = numpy.random.default_rng(3), 0
    texts = DataFrame({"prompt": numpy.repeat(range(30), 21), "sample_seed": 0})
    texts["distinct_text"] = [*[0] * 6, *range(1, 16)] * 30
    for _ in range(COUNT):
        changes = rng.choice([-1, 0, 1], size=(30, 16), p=[0.05, 0.9, 0.05])
        right += mcnemar(changes[:, [*[0] * 6, *range(1, 16)]].ravel(), texts) > 0.05
    print_row(
        "McNemar's p is above 0.05 where nothing is to be found",
        "30 prompts x 21 texts, 16 different",
        [right / COUNT],
    )


def half_points_of_curves():
    """Half-points of two tasks, and their difference."""
    truths = true_half_point(6, 1.0, 0.3), true_half_point(4, 1.0, 0.3, 0.8, 0.25)
    rng, single, difference = numpy.random.default_rng(2), [], []
    for _ in range(4 * COUNT):
        shift = rng.normal(0, 0.3, 5)
        both = [answers(rng, 6, 1.0, shift), answers(rng, 4, 1.0, shift, 100, 0.8, 0.25)]
        single.append(half_points.half_point_estimate(BLOCKS, both[0], 0.5))
        difference.append(half_points.half_point_difference(BLOCKS, both, [0.5, 0.25]))
    default = "5 seeds x 100 items"
    print_row("half-point", default, [covers(single, truths[0])])
    print_row("difference of half-points", default, [covers(difference, truths[0] - truths[1])])


if __name__ == "__main__":
    print("| interval | default size | least | mean | most | least possible, at most |")
    print("| --- | --- | --- | --- | --- | --- |")
    for part in (means, ratio_of_means, shares_of_texts, accuracies, ledger, half_points_of_curves):
        part()
