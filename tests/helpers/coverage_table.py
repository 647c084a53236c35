"""Print the coverage tables of docs/metrics.md: how often 95% intervals hold the truth.

PYTHONPATH=scripts python tests/helpers/coverage_table.py
"""

import numpy
from needq.metrics import statistics
from scipy.stats import t as student
from simulated import RATIOS, SHARES, SIZES, clustered, coverage, covers, simulated

COUNT = 20_000


def satterthwaite(values):
    """The coverage with Satterthwaite's degrees of freedom in place of ours."""
    seeds, items = values.shape[-2:]
    mean, variance, _ = statistics.crossed_variance(values)
    rows, columns = values.mean(-1, keepdims=True), values.mean(-2, keepdims=True)
    centre = values.mean((-2, -1), keepdims=True)
    by_seed = items * ((rows - centre) ** 2).sum((-2, -1)) / (seeds - 1)
    by_item = seeds * ((columns - centre) ** 2).sum((-2, -1)) / (items - 1)
    free = (seeds - 1) * (items - 1)
    residual = ((values - rows - columns + centre) ** 2).sum((-2, -1)) / free
    above = (by_seed > residual).astype(int) + (by_item > residual)
    weighted = numpy.where(by_seed > residual, by_seed, 0) ** 2 / (seeds - 1)
    weighted += numpy.where(by_item > residual, by_item, 0) ** 2 / (items - 1)
    weighted += numpy.where(above == 1, 0, residual) ** 2 / free
    freedom = (variance * seeds * items) ** 2 / weighted
    return (numpy.abs(mean) <= student.ppf(0.975, freedom) * numpy.sqrt(variance)).mean()


def over_prompts(prompts, likeness, shares, count=4000):
    """The least coverage over `shares`: of shares, of effects, and of a t interval of shares."""
    rng = numpy.random.default_rng([prompts, int(100 * likeness)])
    found = {"share": [], "effect": [], "t": []}
    for share in shares:
        values, _ = clustered((share, 1 - share), likeness, prompts, rng, count)
        found["share"].append(
            covers([statistics.share_of_clusters(one, 16 * prompts) for one in values], share)
        )
        found["t"].append(covers([statistics.mean_of_items(one) for one in values], share))
        other = min(0.1, (1 - share) / 2)
        up, down, _ = clustered((share, other, 1 - share - other), likeness, prompts, rng, count)
        effects = [
            statistics.difference_of_clusters(*both, 16 * prompts)
            for both in zip(up, down, strict=True)
        ]
        found["effect"].append(covers(effects, share - other))
    return [min(found[name]) for name in ("share", "effect", "t")]


if __name__ == "__main__":
    print("| seeds x items | least | most | no effect at all | Satterthwaite: least |")
    print("| --- | --- | --- | --- | --- |")
    for seeds, items in [*SIZES, (2, 8)]:
        rng = numpy.random.default_rng([seeds, items])
        sets = [simulated(seeds, items, ratio, rng, COUNT) for ratio in RATIOS]
        covered = [coverage(values) for values in sets]
        nothing = coverage(simulated(seeds, items, (0, 0, 1), rng, COUNT))
        other = min(satterthwaite(values) for values in sets)
        print(
            f"| {seeds} x {items} | {min(covered):.1%} | {max(covered):.1%} | {nothing:.1%} "
            f"| {other:.1%} |"
        )
    print()
    print("| prompts | likeness | share | effect | t | share, ends | effect, ends | t, ends |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for prompts in (6, 30):
        for likeness in (0, 0.1, 0.2):
            least = over_prompts(prompts, likeness, SHARES[1:-1])
            least += over_prompts(prompts, likeness, SHARES[::6])
            print(f"| {prompts} | {likeness} | {' | '.join(f'{one:.1%}' for one in least)} |")
