"""The tests of the article's claims C1 to C5, each of which can fail.

The limits are the same for every claim (docs/claims.md gives the reasons): a loss of up to a FIFTH
is small, more than HALF is most, and two things are alike if their ratio is between 4/5 and 5/4.
What a model says of a text is measured by the paired rise of nll, and what it knows by the share of
its margins that is lost. The text after the last ; of a test is the range in which it is true.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from math import inf, log

import numpy

from needq.metrics import half_points, shares, statistics
from needq.metrics.holm import At, Outcome, each_in_range, in_range, untested
from needq.metrics.label_distance import distance_of_labels
from needq.metrics.labels import article_bands
from needq.metrics.participation import effective_share
from needq.metrics.statistics import Estimate

FIFTH, HALF = 1 / 5, 1 / 2
KEPT = 1 - FIFTH  # 4/5; two damages are alike if their ratio is between KEPT and 1 / KEPT
FEWEST_ITEMS, FEWEST_TEXTS = 20, 10
NEAR_NORMAL = "share of texts labelled near normal, each block in turn"
EFFECTIVE = "effective number of blocks by Shapley values"
STATEMENTS = {
    "C1": "With W_Q of one block replaced, the text is still coherent, the grammar still right, "
    "the logic slightly weaker.",
    "C2": "1 to 3 blocks: near normal; 4 to 6: meaning lost; 7 to 9: repetitive; more: noise. The "
    "decline is cumulative.",
    "C3": "The decline is a phase transition in two stages: first meaning is lost, then structure.",
    "C4": "Information is not only in W_Q; K and V can compensate; the residual stream stabilises.",
    "C5": "Knowledge is spread over layers (tested here: what W_Q does is).",
    "C5+": "Stronger than the article: no block matters more, whatever is already replaced.",
}


def of_function(
    tables: Sequence[numpy.ndarray], function: Callable[..., float], step: float = 1e-4
) -> At:
    """A function of means over crossed factors, with its interval at each level."""
    found = statistics.function_variance(tables, function, step)
    return lambda level: statistics.interval(*found, level)


def of_mean(values: numpy.ndarray) -> At:
    """The mean of values (seeds, items), with its interval at each level."""
    mean, variance, freedom = statistics.crossed_variance(values)
    return lambda level: statistics.interval(float(mean), variance, freedom, level)


def of_share(values: numpy.ndarray, n: float | None) -> At:
    """The mean of values (seeds, prompts) from 0 to 1 over `n` different texts, at each level."""
    return lambda level: shares.share_of_crossed(values, n, level)


def single_blocks(single: numpy.ndarray) -> Outcome:
    """C1: the paired rise of nll with each block replaced by itself.

    `single` (seeds, documents, 1 + blocks) has the pristine model, then each block.
    """
    rises = single[:, :, 1:] - single[:, :, :1]
    parts = {f"block {block}": of_mean(rises[:, :, block]) for block in range(rises.shape[2])}
    return each_in_range(
        "C1", "rise of nll, each block in turn", parts, "below ln(5/4)", -inf, -log(KEPT)
    )


def near_normal(texts: numpy.ndarray, different: Sequence[float]) -> Outcome:
    """C1: the share of texts labelled near normal with each block replaced by itself.

    `texts` (seeds, prompts, 1 + blocks), 1 where a text has the label, has the pristine model, then
    each block. `different` is the number of different texts of each block.
    """
    parts = {
        f"block {block}": of_share(texts[:, :, 1 + block], n) for block, n in enumerate(different)
    }
    return each_in_range("C1", NEAR_NORMAL, parts, "above 4/5", KEPT, inf)


def lost_by_single_blocks(name: str, margins: numpy.ndarray) -> Outcome:
    """C1: the share of the margin on a task that is lost with each block replaced by itself.

    `margins` (seeds, items, 1 + blocks) has the pristine model, then each block.
    """
    parts = {
        f"block {block}": of_function(
            [margins[:, :, [0, 1 + block]]], lambda mean: (mean[0] - mean[1]) / mean[0]
        )
        for block in range(margins.shape[2] - 1)
    }
    what = f"share of the {name} margin that is lost, each block in turn"
    return each_in_range("C1", what, parts, "below 1/5", -inf, FIFTH)


def logic_is_weaker(margins: numpy.ndarray) -> Outcome:
    """C1: the share of the cloze inference margin that a single block costs, mean over blocks."""
    lost = of_function([margins], lambda mean: (mean[0] - mean[1:].mean()) / mean[0])
    name = "share of the cloze inference margin that is lost, mean over single blocks; above 0"
    return in_range("C1", name, lost, 0, inf)


def label_bands(
    blocks: numpy.ndarray,
    labels: Mapping[str, numpy.ndarray],
    whole: int,
    different: Callable[[int, int], float | None] = lambda first, last: None,
) -> list[Outcome]:
    """C2: where the labels lie.

    `labels` maps each label to (seeds, prompts, steps), 1 where a text has it. `different` gives
    the number of different texts in a range of blocks replaced. The article's ranges are quarters
    of the 12 blocks of its model, so here of the `whole` number of blocks.
    """
    outcomes = []
    for label, (first, last) in article_bands(whole).items():
        within = (blocks >= first) & (blocks <= last)
        name = f"share of texts labelled {label} with {first} to {last} blocks replaced; above 1/2"
        if not within.any():
            outcomes.append(untested("C2", name, f"no step replaces {first} to {last} blocks"))
            continue
        share = of_share(labels[label][:, :, within].mean(2), different(first, last))
        outcomes.append(in_range("C2", name, share, HALF, inf))
    return outcomes


def label_order(
    blocks: numpy.ndarray, labels: Mapping[str, numpy.ndarray], texts_per_cell: int
) -> list[Outcome]:
    """C2: the order of the labels, wherever they lie. The pristine model is left out.

    A value of `labels` is a mean over `texts_per_cell` texts (sample seeds).
    """
    places, outcomes = blocks[1:], []
    for before, after in pairwise(labels):
        name = (
            f"mean number of blocks replaced of texts labelled {after} minus that of texts "
            f"labelled {before}; above 0"
        )
        few = [
            f"{texts_per_cell * labels[label][:, :, 1:].sum():.0f} texts labelled {label}"
            for label in (before, after)
            if texts_per_cell * labels[label][:, :, 1:].sum() < FEWEST_TEXTS
        ]
        if few:
            outcomes.append(untested("C2", name, f"{' and '.join(few)}; needs {FEWEST_TEXTS}"))
            continue
        found = distance_of_labels(places, labels[after][:, :, 1:], labels[before][:, :, 1:])
        outcomes.append(in_range("C2", name, found, 0, inf))
    return outcomes


def decline(blocks: numpy.ndarray, nll: numpy.ndarray) -> list[Outcome]:
    """C2: whether nll (seeds, documents, steps) only rises, and rises to the end."""
    middle = int(numpy.abs(blocks - blocks[-1] / 2).argmin())
    monotone = of_function(
        [nll], lambda mean: (mean[-1] - mean[0]) / numpy.abs(numpy.diff(mean)).sum()
    )
    late = of_function([nll], lambda mean: (mean[-1] - mean[middle]) / (mean[-1] - mean[0]))
    return [
        in_range(
            "C2",
            "rise of nll with all blocks replaced / sum of its changes between steps; above 4/5",
            lambda level: monotone(level).clipped(-1, 1),
            KEPT,
            inf,
        ),
        in_range(
            "C2",
            f"share of the rise of nll that comes after {blocks[middle]:.0f} blocks replaced; "
            "above 1/5",
            late,
            FIFTH,
            inf,
        ),
    ]


def meaning_first(grammar: numpy.ndarray, inference: numpy.ndarray) -> Outcome:
    """C3: the difference of two curves of margins (seeds, items, steps), mean over all steps."""
    difference = of_function(
        [grammar, inference],
        lambda one, other: float((one[1:] / one[0]).mean() - (other[1:] / other[0]).mean()),
    )
    name = (
        "share of the margin that is kept on grammar minus that on cloze inference, mean over all "
        "numbers of blocks replaced; above 0"
    )
    return in_range("C3", name, difference, 0, inf)


def two_stages(blocks: numpy.ndarray, tables: Sequence[numpy.ndarray]) -> Outcome:
    """C3: the shape in which the margins of both tasks fall."""
    compared = half_points.shapes(blocks, tables, [0.0, 0.0])
    shape = half_points.best_shape(compared)
    p_values = {  # of the comparisons that decide against two breaks
        "smooth": compared["p"].iloc[1:].max(),
        "one break": compared["p"].iloc[1],
    }
    excess = compared.iloc[1 if shape == "one break" else 2]
    name = (
        f"best shape of the decline by cross-validation: {shape} (estimate: squared error of "
        f"smooth minus squared error of {excess['other']}); two breaks"
    )
    found = Estimate(excess["excess"], excess["low"], excess["high"])
    return Outcome("C3", name, found, p_values.get(shape, 1.0), shape == "two breaks")


def damage_ratio(nll: numpy.ndarray, reference: numpy.ndarray) -> At:
    """The mean rise of nll over all steps of a sweep, divided by that of a reference sweep.

    Both are (seeds, documents, steps), the pristine model first. They are paired: seeds and
    documents are equal.
    """
    rises = [table[:, :, 1:].mean(2) - table[:, :, 0] for table in (nll, reference)]
    return of_function([numpy.stack(rises, axis=2)], lambda mean: mean[0] / mean[1])


def not_only_in_q(matrix: str, nll: numpy.ndarray, of_q: numpy.ndarray) -> Outcome:
    """C4: the damage by another matrix, beside W_Q; W_K beside W_Q with its bias."""
    q = "W_Q and b_Q" if matrix == "k" else "W_Q"
    name = f"damage by replacing W_{matrix.upper()} / damage by replacing {q}; above 1/5"
    return in_range("C4", name, damage_ratio(nll, of_q), FIFTH, inf)


def backed_up(whole: numpy.ndarray, single: numpy.ndarray) -> Outcome:
    """C4: whether all blocks together cost more than the sum of single ones.

    Both are nll (seeds, documents, steps) with W_Q replaced. The last step of `whole` replaces all
    blocks. `single` has the pristine model, then each block replaced alone.
    """
    together = numpy.concatenate([whole[:, :, -1:], single], axis=2)
    ratio = of_function([together], lambda mean: (mean[0] - mean[1]) / (mean[2:] - mean[1]).sum())
    name = "damage by replacing W_Q of all blocks / sum of damages by single blocks; above 5/4"
    return in_range("C4", name, ratio, 1 / KEPT, inf)


def spread(single: numpy.ndarray) -> Outcome:
    """C5: over how many blocks the damage by single blocks is spread."""
    blocks = single.shape[2] - 1
    name = f"effective number of blocks that share the damage / all {blocks} blocks; above 1/2"
    rises = single[:, :, 1:] - single[:, :, :1]
    return in_range("C5", name, effective_share(rises), HALF, inf)


def spread_in_all_orders(values: numpy.ndarray) -> Outcome:
    """C5+: over how many blocks their Shapley values (seeds, documents, blocks) are spread."""
    name = f"{EFFECTIVE} / all {values.shape[2]} blocks; above 1/2"
    return in_range("C5+", name, effective_share(values), HALF, inf)


def equal_halves(order: str, nll: numpy.ndarray, start: numpy.ndarray, half: int) -> Outcome:
    """C5+: the damage of half of the blocks, beside that of the first half.

    Both are nll (seeds, documents, 2): the pristine model, then `half` blocks replaced.
    """
    name = f"damage of {half} blocks {order} / damage of the first {half} blocks; 4/5 to 5/4"
    return in_range("C5+", name, damage_ratio(nll, start), KEPT, 1 / KEPT)
