"""The article's claims C1 to C5, each put to tests that can fail.

What is lost is measured on scales that run from 0 for the pristine model to 1: for accuracies, 1
is chance. The marks on it are the same for every claim, and were fixed before any claim was
computed (docs/claims.md argues for them): a FIFTH lost is little, HALF is most, and two things are
alike if their ratio is within 4/5 and 5/4.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy
from pandas import DataFrame

from needq.common import columns, keys
from needq.common.keys import LABELS
from needq.metrics import half_points as phases
from needq.metrics import statistics
from needq.metrics.half_points import cells
from needq.metrics.labels import article_bands
from needq.metrics.statistics import Estimate
from needq.plan.comparisons import METHODS

FIFTH, HALF = 1 / 5, 1 / 2
SUPPORTED, REFUTED, UNDECIDED = "supported", "refuted", "undecided"
METHODS_CLAIM = "null ladder"
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


@dataclass(frozen=True)
class Probe:
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

    def row(self) -> dict[str, object]:
        """The row of `claims.tsv`: the verdict is what the whole interval says."""
        row = {"claim": self.claim, "statement": STATEMENTS[self.claim], "test": self.test}
        row["estimate"] = float(self.estimate.mean)
        if self.seeds < statistics.ENOUGH_SEEDS:
            ends = {"low": keys.TOO_SMALL, "high": keys.TOO_SMALL}
            return row | ends | {"verdict": UNDECIDED}
        low, high = float(self.estimate.low), float(self.estimate.high)
        verdict = UNDECIDED
        if low > self.above and high < self.below:
            verdict = SUPPORTED
        elif low >= self.below or high <= self.above:
            verdict = REFUTED
        return row | {"low": low, "high": high, "verdict": verdict}


def with_verdicts(tests: Sequence[Mapping[str, object]]) -> DataFrame:
    """`claims.tsv`: for each claim the verdict on all its tests, then a row for each test.

    A claim is refuted if any of its tests is, and supported if all of them are.
    """
    rows = []
    for claim, statement in STATEMENTS.items():
        own = [row for row in tests if row["claim"] == claim]
        if not own:
            continue
        verdicts = {row["verdict"] for row in own}
        verdict = UNDECIDED
        if REFUTED in verdicts:
            verdict = REFUTED
        elif verdicts == {SUPPORTED}:
            verdict = SUPPORTED
        whole = {"claim": claim, "statement": statement, "test": f"all {len(own)} tests"}
        rows += [whole | {"verdict": verdict}, *own]
    return DataFrame(rows, columns=list(columns.CLAIMS))


def claims_table(
    sweeps: Mapping[str, str],
    blocks: int,
    evaluation: DataFrame,
    texts: DataFrame,
    answers: Mapping[str, DataFrame],
    chances: Mapping[str, float],
) -> DataFrame:
    """`claims.tsv` from the rows of one backend; tests that need a sweep not run are left out.

    `sweeps` names the sweep that plays each role (`needq.plan.comparisons`); q must be there.
    `evaluation` has `document` and `nll`, `texts` has `prompt` and `label`, `answers` maps grammar
    and cloze to rows with `item` and `right`; all have the columns of an intervention. `chances`
    are the accuracies that guessing gives.
    """

    def of(role: str, rows: DataFrame, column: str, item: str) -> numpy.ndarray:
        return cells(rows[rows["sweep"] == sweeps[role]], column, item)[0]

    whole, steps = cells(evaluation[evaluation["sweep"] == sweeps["q"]], "nll", "document")
    matrices = paired(evaluation, {role: sweeps[role] for role in "qkvo" if role in sweeps})
    orders = paired(evaluation, {r: sweeps[r] for r in ("q", "end", "random") if r in sweeps})
    single = of("single", evaluation, "nll", "document") if "single" in sweeps else None
    labelled = {}
    if texts["label"].notna().any():  # else nothing is known, which is not the same as none
        for label in LABELS:
            has = texts.assign(has=(texts["label"] == label).astype(float))
            labelled[label] = of("q", has, "has", "prompt")
    probes = {
        name: Probe(of("q", rows, "right", "item"), chances[name]) for name, rows in answers.items()
    }
    tests = one_block(probes["grammar"], probes["cloze"], labelled.get("near normal"))
    tests += degradation_table(steps, labelled, whole, blocks)
    tests += two_stages(steps, probes["grammar"], probes["cloze"])
    if {"k", "v", "o"} <= set(sweeps):
        tests += redundancy(matrices)
    if {"k", "v", "o", "single"} <= set(sweeps):
        tests.append(stabilised(whole, single))
    if single is not None:
        tests += spread(single, orders["q"], orders.get("end"), orders.get("random"))
    return with_verdicts(tests)


def paired(evaluation: DataFrame, sweeps: Mapping[str, str]) -> dict[str, numpy.ndarray]:
    """The nll (seeds, documents, steps) of each sweep at the steps that all of them have."""
    rows = {role: evaluation[evaluation["sweep"] == sweep] for role, sweep in sweeps.items()}
    common = set.intersection(*(set(part["blocks_replaced"]) for part in rows.values()))
    return {
        role: cells(part[part["blocks_replaced"].isin(common)], "nll", "document")[0]
        for role, part in rows.items()
    }


def replacement_methods_table(evaluation: DataFrame, sweeps: Mapping[str, str]) -> DataFrame:
    """Whether what replaces W_Q matters: the damage of other methods beside Gaussian noise.

    `sweeps` names the sweep in each role, q the one of Gaussian noise; each other is compared at
    the steps that both have. A method without noise has one seed. Returns rows of `method`,
    `ratio` of its damage to that of Gaussian noise, `low`, `high` and `verdict`: supported if the
    ratio lies within 4/5 and 5/4, so that the two are alike, refuted if it lies outside.
    """
    rows = []
    for method in [role for role in METHODS.values() if role in sweeps]:
        both = paired(evaluation, {"q": sweeps["q"], method: sweeps[method]})
        gaussian, table = both["q"], both[method]
        table = numpy.broadcast_to(table, gaussian.shape)
        name = f"damage of {method}, as a share of that of Gaussian noise; 4/5 to 5/4"
        ratio = damage_ratio(table, gaussian)
        row = Test(METHODS_CLAIM, name, ratio, 1 - FIFTH, 1 / (1 - FIFTH), len(gaussian)).row()
        rows.append({"method": method, "ratio": row["estimate"]})
        rows[-1] |= {key: row[key] for key in ("low", "high", "verdict")}
    return DataFrame(rows)


def one_block(grammar: Probe, cloze: Probe, near_normal: numpy.ndarray | None) -> list[dict]:
    """C1, from the answers of a cumulative sweep of W_Q and its texts.

    `near_normal` (seeds, prompts, steps) is 1 for texts of that label and 0 for others; None
    without labels.
    """
    seeds, rows = len(grammar.table), []
    if near_normal is not None:
        share = statistics.share_of_crossed(near_normal[:, :, 1])
        name = "share of texts labelled near normal with 1 block replaced; above 4/5"
        rows.append(Test("C1", name, share, 1 - FIFTH, numpy.inf, seeds).row())
    return rows + [
        Test(
            "C1",
            "share of grammar's accuracy above chance that is lost with 1 block; below 1/5",
            lost(grammar, 1),
            -numpy.inf,
            FIFTH,
            seeds,
        ).row(),
        Test(
            "C1",
            "share of cloze's accuracy above chance that is lost with 1 block; above 0, below 1/5",
            lost(cloze, 1),
            0,
            FIFTH,
            seeds,
        ).row(),
    ]


def lost(probe: Probe, step: int) -> Estimate:
    """The share of the pristine model's accuracy above chance that is lost at a step.

    Where no answer changes under any seed, the variance tells nothing: then the interval is what
    none of so many items says of a share (Wilson), gained or lost.
    """
    before, after = probe.table[:, :, 0], probe.table[:, :, step]
    if (before == after).all():
        most = statistics.share_of_items(numpy.zeros(before.shape[1])).high
        end = most / (before.mean() - probe.chance)
        return Estimate(0.0, -end, end)
    return statistics.of_means(
        [probe.table], lambda mean: (mean[0] - mean[step]) / (mean[0] - probe.chance)
    )


def degradation_table(
    blocks: numpy.ndarray, labels: Mapping[str, numpy.ndarray], nll: numpy.ndarray, whole: int
) -> list[dict]:
    """C2, from the texts' labels and the nll of documents in a cumulative sweep of W_Q.

    `labels` maps each label to (seeds, prompts, steps), 1 where a text has it; `nll` is (seeds,
    documents, steps). The article's ranges are quarters of its model's 12 blocks, so quarters of
    the `whole` number of blocks are taken. The last step must replace all blocks.
    """
    rows = []
    ranges = article_bands(whole)
    for label in labels:
        first, last = ranges[label]
        inside = (blocks >= first) & (blocks <= last)
        share = statistics.share_of_crossed(labels[label][:, :, inside].mean(2))
        name = f"share of texts labelled {label} with {first} to {last} blocks; above 1/2"
        rows.append(Test("C2", name, share, HALF, numpy.inf, len(nll)).row())
    middle = int(numpy.abs(blocks - blocks[-1] / 2).argmin())
    late = statistics.of_means([nll], lambda mean: (mean[-1] - mean[middle]) / (mean[-1] - mean[0]))
    name = f"share of the rise of nll that comes after {blocks[middle]:.0f} blocks; above 1/5"
    rows.append(Test("C2", name, late, FIFTH, numpy.inf, len(nll)).row())
    return rows


def two_stages(blocks: numpy.ndarray, grammar: Probe, cloze: Probe) -> list[dict]:
    """C3, from the answers of a cumulative sweep of W_Q."""
    tables, chances = [grammar.table, cloze.table], [grammar.chance, cloze.chance]
    seeds = len(grammar.table)
    order = Test(
        "C3",
        "blocks by which grammar's half-point lies beyond cloze's; above 0",
        phases.half_point_difference(blocks, tables, chances),
        0,
        numpy.inf,
        seeds,
    )
    compared = phases.shapes(blocks, tables, chances)
    shape = phases.best_shape(compared)
    excess = compared.iloc[1 if shape == "one break" else 2]
    stages = Test(
        "C3",
        f"shape of the decline by cross-validation, found {shape} (numbers: error of smooth less "
        f"that of {excess['other']}); two breaks",
        Estimate(excess["excess"], excess["low"], excess["high"]),
        0,
        numpy.inf,
        seeds,
    ).row()
    verdicts = {"two breaks": SUPPORTED, phases.UNDECIDED: UNDECIDED}
    if seeds >= statistics.ENOUGH_SEEDS:
        stages["verdict"] = verdicts.get(shape, REFUTED)
    return [order.row(), stages]


def redundancy(nll: Mapping[str, numpy.ndarray]) -> list[dict]:
    """C4, from the nll of documents in cumulative sweeps of each matrix, same seeds and blocks.

    `nll` maps q, k, v and o to (seeds, documents, steps). The damage of a matrix is its mean rise
    of nll over all steps, so that neither the first block nor the last alone decides.
    """
    seeds = len(nll["q"])
    rows = []
    for matrix in "kvo":
        name = f"damage of W_{matrix.upper()} replaced, as a share of W_Q's; above 1/5"
        found = damage_ratio(nll[matrix], nll["q"])
        rows.append(Test("C4", name, found, FIFTH, numpy.inf, seeds).row())
    for matrix in "kv":
        name = f"damage of W_Q replaced, as a share of W_{matrix.upper()}'s; below 4/5"
        found = damage_ratio(nll["q"], nll[matrix])
        rows.append(Test("C4", name, found, -numpy.inf, 1 - FIFTH, seeds).row())
    return rows


def stabilised(whole: numpy.ndarray, single: numpy.ndarray) -> dict:
    """C4's residual stream, from the nll (seeds, documents, steps) of W_Q.

    The last step of `whole` replaces all blocks; `single` has each block alone, after the pristine
    model.
    """
    together = numpy.concatenate([whole[:, :, -1:], single], axis=2)
    found = statistics.of_means(
        [together], lambda mean: (mean[0] - mean[1]) / (mean[2:] - mean[1]).sum()
    )
    name = "damage of W_Q of all blocks, as a share of the sum of single blocks' damages; below 4/5"
    return Test("C4", name, found, -numpy.inf, 1 - FIFTH, len(single)).row()


def damage_ratio(one: numpy.ndarray, other: numpy.ndarray) -> Estimate:
    """The mean rise of nll over all steps of one sweep, as a share of the other's, paired.

    Both are (seeds, documents, steps), the pristine model first, of the same seeds and documents.
    """
    rises = [table[:, :, 1:].mean(2) - table[:, :, 0] for table in (one, other)]
    return statistics.of_means([numpy.stack(rises, axis=2)], lambda mean: mean[0] / mean[1])


def spread(
    single: numpy.ndarray,
    start: numpy.ndarray,
    end: numpy.ndarray | None = None,
    random: numpy.ndarray | None = None,
) -> list[dict]:
    """C5, from the nll of documents where W_Q is replaced block by block, in several orders.

    `single` (seeds, documents, 1 + blocks) has each block alone, after the pristine model; the
    others are cumulative from the start, from the end, and in a random order of each noise seed.
    """
    seeds, blocks = len(single), single.shape[2] - 1
    name = f"effective number of blocks that share the damage, of {blocks}; above 1/2 of them"
    rows = [Test("C5", name, effective_share(single), HALF, numpy.inf, seeds).row()]
    for order, table in (("the end", end), ("a random block", random)):
        if table is not None:
            name = f"damage from {order} on, as a share of that from the start; 4/5 to 5/4"
            found = damage_ratio(table, start)
            rows.append(Test("C5", name, found, 1 - FIFTH, 1 / (1 - FIFTH), seeds).row())
    return rows


def effective_share(single: numpy.ndarray) -> Estimate:
    """The effective number of blocks over which damage is spread, as a share of the blocks.

    (sum of d)^2 / sum of d^2 for the blocks' mean rises of nll d (the participation ratio; Hill
    1973 of order 2): 1 block if all damage is one's, all if it is equal. Chance in the d makes the
    sum of squares too large by the variances of the d, which are taken off it. Where damage is
    equal the share is at its maximum, and an interval that keeps to slopes is too narrow there,
    far from the mark that the test asks for.
    """
    rises = single[:, :, 1:] - single[:, :, :1]
    _, variance, _ = statistics.crossed_variance(numpy.moveaxis(rises, 2, 0))
    excess = 0.0 if numpy.isnan(variance).any() else float(variance.sum())
    blocks = rises.shape[2]
    found = statistics.of_means(
        [rises], lambda mean: mean.sum() ** 2 / max((mean**2).sum() - excess, 1e-12) / blocks
    )
    return Estimate(min(found.mean, 1.0), found.low, found.high).clipped(0, 1)
