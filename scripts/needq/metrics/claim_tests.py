"""The tests of the article's claims C1 to C5, each of which can fail.

A loss is measured on a scale from 0 (the pristine model) to 1 (for accuracies, chance). The limits
are the same for every claim, and were fixed before any claim was computed (docs/claims.md gives
the reasons): a loss of up to a FIFTH is small, more than HALF is most, and two things are alike if
their ratio is between 4/5 and 5/4.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy

from needq.common.keys import TOO_SMALL
from needq.metrics import half_points, statistics
from needq.metrics.labels import article_bands
from needq.metrics.statistics import Estimate

FIFTH, HALF = 1 / 5, 1 / 2
SUPPORTED, REFUTED, UNDECIDED = "supported", "refuted", "undecided"
METHODS_CLAIM = "replacement methods"
STATEMENTS = {
    "C1": "With W_Q of one block replaced, the text is still coherent, the grammar still right, "
    "the logic slightly weaker.",
    "C2": "1 to 3 blocks: near normal; 4 to 6: meaning lost; 7 to 9: repetitive; more: noise. The "
    "decline is cumulative.",
    "C3": "The decline is a phase transition in two stages: first meaning is lost, then structure.",
    "C4": "Information is not only in W_Q; K and V can compensate; the residual stream stabilises.",
    "C5": "Knowledge is spread over layers.",
    METHODS_CLAIM: "What replaces W_Q makes no difference.",
}


ClaimRow = dict[str, object]  # a row of claims.tsv


@dataclass(frozen=True)
class Answers:
    """Answers of one sweep as (seeds, items, steps), and the accuracy that chance gives."""

    table: numpy.ndarray
    chance: float


@dataclass(frozen=True)
class Test:
    """A claim's test: it is supported if the estimate lies between `above` and `below`."""

    claim: str
    test: str
    estimate: Estimate
    above: float
    below: float
    seeds: int

    def row(self) -> ClaimRow:
        """The row of `claims.tsv`; the verdict is that of the whole interval."""
        row: ClaimRow = {
            "claim": self.claim,
            "statement": STATEMENTS[self.claim],
            "test": self.test,
            "estimate": float(self.estimate.mean),
        }
        if self.seeds < statistics.ENOUGH_SEEDS:
            ends = {"low": TOO_SMALL, "high": TOO_SMALL}
            return row | ends | {"verdict": UNDECIDED}
        low, high = float(self.estimate.low), float(self.estimate.high)
        verdict = UNDECIDED
        if low > self.above and high < self.below:
            verdict = SUPPORTED
        elif low >= self.below or high <= self.above:
            verdict = REFUTED
        return row | {"low": low, "high": high, "verdict": verdict}


def one_block(
    grammar: Answers, cloze: Answers, near_normal: numpy.ndarray | None
) -> list[ClaimRow]:
    """The tests of C1, from the answers and the texts of a cumulative sweep of W_Q.

    `near_normal` (seeds, prompts, steps) is 1 for texts with that label and 0 for others; None if
    texts have no labels.
    """
    seeds, rows = len(grammar.table), []
    if near_normal is not None:
        share = statistics.share_of_crossed(near_normal[:, :, 1])
        name = "share of texts labelled near normal with 1 block replaced; above 4/5"
        rows.append(Test("C1", name, share, 1 - FIFTH, numpy.inf, seeds).row())
    return [
        *rows,
        Test(
            "C1",
            "share of the grammar accuracy above chance that is lost with 1 block replaced; "
            "below 1/5",
            lost(grammar, 1),
            -numpy.inf,
            FIFTH,
            seeds,
        ).row(),
        Test(
            "C1",
            "share of the cloze accuracy above chance that is lost with 1 block replaced; "
            "above 0, below 1/5",
            lost(cloze, 1),
            0,
            FIFTH,
            seeds,
        ).row(),
    ]


def lost(task: Answers, step: int) -> Estimate:
    """The share of the pristine model's accuracy above chance that is lost at a step.

    If no answer changes under any seed, the variance is 0 and says nothing. Then the interval is
    Wilson's for a share of 0 of the items, in both directions (gained or lost).
    """
    before, after = task.table[:, :, 0], task.table[:, :, step]
    if (before == after).all():
        most = statistics.share_of_items(numpy.zeros(before.shape[1])).high
        end = most / (before.mean() - task.chance)
        return Estimate(0.0, -end, end)
    return statistics.function_of_means(
        [task.table], lambda mean: (mean[0] - mean[step]) / (mean[0] - task.chance)
    )


def degradation_bands(
    blocks: numpy.ndarray, labels: Mapping[str, numpy.ndarray], nll: numpy.ndarray, whole: int
) -> list[ClaimRow]:
    """The tests of C2, from the labels of texts and the nll in a cumulative sweep of W_Q.

    `labels` maps each label to (seeds, prompts, steps), 1 where a text has it; `nll` is (seeds,
    documents, steps). The article's ranges are quarters of the 12 blocks of its model, so here they
    are quarters of the `whole` number of blocks. The last step must replace all blocks.
    """
    rows = []
    ranges = article_bands(whole)
    for label in labels:
        first, last = ranges[label]
        inside = (blocks >= first) & (blocks <= last)
        share = statistics.share_of_crossed(labels[label][:, :, inside].mean(2))
        name = f"share of texts labelled {label} with {first} to {last} blocks replaced; above 1/2"
        rows.append(Test("C2", name, share, HALF, numpy.inf, len(nll)).row())
    middle = int(numpy.abs(blocks - blocks[-1] / 2).argmin())
    late = statistics.function_of_means(
        [nll], lambda mean: (mean[-1] - mean[middle]) / (mean[-1] - mean[0])
    )
    name = (
        f"share of the rise of nll that comes after {blocks[middle]:.0f} blocks replaced; above 1/5"
    )
    rows.append(Test("C2", name, late, FIFTH, numpy.inf, len(nll)).row())
    return rows


def two_stages(blocks: numpy.ndarray, grammar: Answers, cloze: Answers) -> list[ClaimRow]:
    """The tests of C3, from the answers of a cumulative sweep of W_Q."""
    tables, chances = [grammar.table, cloze.table], [grammar.chance, cloze.chance]
    seeds = len(grammar.table)
    order = Test(
        "C3",
        "half-point of grammar minus half-point of cloze, in blocks; above 0",
        half_points.half_point_difference(blocks, tables, chances),
        0,
        numpy.inf,
        seeds,
    )
    compared = half_points.shapes(blocks, tables, chances)
    shape = half_points.best_shape(compared)
    excess = compared.iloc[1 if shape == "one break" else 2]
    stages = Test(
        "C3",
        f"best shape of the decline by cross-validation: {shape} (estimate: squared error of "
        f"smooth minus squared error of {excess['other']}); two breaks",
        Estimate(excess["excess"], excess["low"], excess["high"]),
        0,
        numpy.inf,
        seeds,
    ).row()
    verdicts = {"two breaks": SUPPORTED, half_points.UNDECIDED: UNDECIDED}
    if seeds >= statistics.ENOUGH_SEEDS:
        stages["verdict"] = verdicts.get(shape, REFUTED)
    return [order.row(), stages]


def redundancy(nll: Mapping[str, numpy.ndarray]) -> list[ClaimRow]:
    """The tests of C4, from the nll in cumulative sweeps of each matrix, at the same steps.

    `nll` maps q, k, v and o to (seeds, documents, steps). The damage by replacing a matrix is the
    mean rise of nll over all steps, so that no single step decides.
    """
    seeds = len(nll["q"])
    rows = []
    for matrix in "kvo":
        name = f"damage by replacing W_{matrix.upper()} / damage by replacing W_Q; above 1/5"
        ratio = damage_ratio(nll[matrix], nll["q"])
        rows.append(Test("C4", name, ratio, FIFTH, numpy.inf, seeds).row())
    for matrix in "kv":
        name = f"damage by replacing W_Q / damage by replacing W_{matrix.upper()}; below 4/5"
        ratio = damage_ratio(nll["q"], nll[matrix])
        rows.append(Test("C4", name, ratio, -numpy.inf, 1 - FIFTH, seeds).row())
    return rows


def stabilised(whole: numpy.ndarray, single: numpy.ndarray) -> ClaimRow:
    """The test of C4's residual stream, from the nll (seeds, documents, steps) of W_Q.

    The last step of `whole` replaces all blocks. `single` has the pristine model, then each block
    replaced alone.
    """
    together = numpy.concatenate([whole[:, :, -1:], single], axis=2)
    ratio = statistics.function_of_means(
        [together], lambda mean: (mean[0] - mean[1]) / (mean[2:] - mean[1]).sum()
    )
    name = "damage by replacing W_Q of all blocks / sum of damages by single blocks; below 4/5"
    return Test("C4", name, ratio, -numpy.inf, 1 - FIFTH, len(single)).row()


def damage_ratio(nll: numpy.ndarray, reference: numpy.ndarray) -> Estimate:
    """The mean rise of nll over all steps of a sweep, divided by that of a reference sweep.

    Both are (seeds, documents, steps), the pristine model first. They are paired: seeds and
    documents are equal.
    """
    rises = [table[:, :, 1:].mean(2) - table[:, :, 0] for table in (nll, reference)]
    return statistics.function_of_means(
        [numpy.stack(rises, axis=2)], lambda mean: mean[0] / mean[1]
    )


def spread(
    single: numpy.ndarray,
    start: numpy.ndarray,
    end: numpy.ndarray | None = None,
    random: numpy.ndarray | None = None,
) -> list[ClaimRow]:
    """The tests of C5, from the nll where W_Q is replaced in single blocks or in several orders.

    `single` (seeds, documents, 1 + blocks) has the pristine model, then each block replaced alone.
    The others are cumulative: from the first block on, from the last block on, and in a random
    order of each noise seed.
    """
    seeds, blocks = len(single), single.shape[2] - 1
    name = f"effective number of blocks that share the damage / all {blocks} blocks; above 1/2"
    rows = [Test("C5", name, effective_share(single), HALF, numpy.inf, seeds).row()]
    for order, table in (("from the last block on", end), ("in a random order", random)):
        if table is not None:
            name = f"damage {order} / damage from the first block on; 4/5 to 5/4"
            ratio = damage_ratio(table, start)
            rows.append(Test("C5", name, ratio, 1 - FIFTH, 1 / (1 - FIFTH), seeds).row())
    return rows


def effective_share(single: numpy.ndarray) -> Estimate:
    """The effective number of blocks over which damage is spread, as a share of the blocks.

    The effective number is (sum of d)^2 / sum of d^2, where d is the mean rise of nll of a block
    (the participation ratio; Hill 1973 of order 2). It is 1 if one block does all the damage, and
    the number of blocks if all do the same damage. Chance makes the sum of squares too large by
    the variances of the d, so these are subtracted. Where all damages are equal, the share is at
    its maximum and the interval, which is made from slopes, is too narrow; but there the share is
    far from the limit of the test.
    """
    rises = single[:, :, 1:] - single[:, :, :1]
    _, variance, _ = statistics.crossed_variance(numpy.moveaxis(rises, 2, 0))
    excess = 0.0 if numpy.isnan(variance).any() else float(variance.sum())
    blocks = rises.shape[2]
    share = statistics.function_of_means(
        [rises], lambda mean: mean.sum() ** 2 / max((mean**2).sum() - excess, 1e-12) / blocks
    )
    return Estimate(min(share.mean, 1.0), share.low, share.high).clipped(0, 1)
