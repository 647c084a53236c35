"""The verdicts on the article's claims, from the tests of each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy
from pandas import DataFrame

from needq.common import columns
from needq.common.keys import GRAMMAR, INFERENCE, LABELS, TOO_SMALL
from needq.metrics import claim_tests, healing, holm, statistics
from needq.metrics.claim_tests import EFFECTIVE, FEWEST_ITEMS, NEAR_NORMAL, STATEMENTS
from needq.metrics.estimates import different_texts
from needq.metrics.half_points import cells
from needq.metrics.holm import CANNOT, Outcome, untested
from needq.metrics.task_summary import by_task

HEALING = "needs the other matrices refitted after W_Q is replaced (configs/healing.yaml)"
SUBSETS = "needs the damage of all block subsets (configs/subsets.yaml)"
NO_NGRAMS = "no n-gram text, so items may be answered from four tokens alone"
NO_LABELS = "no text has a label"
NO_TEXTS = "needs texts with each block replaced by itself (run: texts_of_reference)"
UNIFORM = (
    0.95  # entropy, as a share of equal weights', from which noise in W_Q has little to change
)


@dataclass(frozen=True)
class Measured:
    """What the claims are about: the rows of one backend of a run.

    `sweeps` names the sweep of each comparison (`needq.plan.comparisons`); q must be there.
    `n_blocks` is that of the model. `evaluation` has `document` and `nll`, `texts` has `prompt`,
    `label` and `text_hash`, and `answers` are rows of schemas.TASKS; all have the columns of an
    intervention. `ngrams` says whether a 5-gram model had a part in selecting the items.
    `entropy` is the lowest of the pristine blocks' attention, as a share of equal weights'.
    `shapley` (seeds, documents, blocks) has the Shapley values of the blocks; None without them.
    `healing` are rows of schemas.HEALING; None if no model was healed.
    `off` names the sweeps that the default config runs and this run does not, by comparison.
    """

    sweeps: Mapping[str, str]
    n_blocks: int
    evaluation: DataFrame
    texts: DataFrame
    answers: DataFrame
    ngrams: bool
    entropy: float
    shapley: numpy.ndarray | None = None
    healing: DataFrame | None = None
    off: Mapping[str, str] = field(default_factory=dict)

    def nll(self, kind: str) -> tuple[numpy.ndarray, numpy.ndarray]:
        """The nll (seeds, documents, steps) in the sweep of a comparison, and its steps."""
        return cells(self._of(kind, self.evaluation), "nll", "document")

    def lacking(self, *kinds: str) -> str:
        """Why a test of these comparisons cannot be decided; empty if all were run."""
        missing = [kind for kind in kinds if kind not in self.sweeps]
        if not missing:
            return ""
        needed = f"needs a sweep of {' and of '.join(SWEEPS[kind] for kind in missing)}"
        named = [f"sweeps.{self.off[kind]}" for kind in missing if kind in self.off]
        return f"{needed} ({' and '.join(named)}: off here, on in config.yaml)" if named else needed

    def margins(self, kind: str, task: str) -> tuple[numpy.ndarray | None, str]:
        """The margins (seeds, items, steps) on a task; or None, and why not.

        Pairs of one grammatical phenomenon resemble each other, so a phenomenon is one item there.
        """
        own = self._of(kind, self.answers)
        if own.empty and not self.answers.empty:
            return None, f"sweeps.{self.sweeps[kind]} answers no tasks here (run: tasks)"
        rows = by_task(own)[task]
        unit, name = ("kind", "phenomena") if task == GRAMMAR else ("item", "selected items")
        items = rows[unit].nunique()
        if items < FEWEST_ITEMS:
            return None, f"{items} {name} of {task}; needs {FEWEST_ITEMS}"
        return cells(rows, "margin", unit)[0], ""

    def labelled(self, kind: str) -> dict[str, numpy.ndarray]:
        """For each label, 1 where a text of a comparison's sweep has it: (seeds, prompts, steps).

        Empty if no text has a label.
        """
        texts = self._of(kind, self.texts)
        if not texts["label"].isin(LABELS).any():  # a share of 0 would be wrong
            return {}
        return {
            label: cells(texts.assign(has=(texts["label"] == label) * 1.0), "has", "prompt")[0]
            for label in LABELS
        }

    def different_texts(self, first: int, last: int) -> float:
        """The effective number of different texts with `first` to `last` blocks replaced."""
        texts = self._of("q", self.texts)
        return different_texts(texts[texts["blocks_replaced"].between(first, last)])

    def different_texts_by_block(self) -> list[float]:
        """The effective number of different texts with each block replaced by itself."""
        texts = self._of("single", self.texts)
        replaced = texts[texts["blocks_replaced"] > 0]
        return [different_texts(own) for _, own in replaced.groupby("intervention")]

    def _of(self, kind: str, rows: DataFrame) -> DataFrame:
        return rows[rows["sweep"] == self.sweeps[kind]]


SWEEPS = {
    "k": "W_K",
    "v": "W_V",
    "o": "W_O",
    "single": "single blocks",
    "bias": "W_Q with its bias",
    "end": "blocks from the last one on",
    "random": "blocks in a random order",
}


def claims_table(measured: Measured, run: str, model: str) -> DataFrame:
    """`claims.tsv`: for each claim the verdict on all its tests, then a row for each test."""
    seeds = len(measured.nll("q")[0])
    outcomes = [
        *_one_block(measured),
        *_bands(measured),
        *_stages(measured),
        *_redundancy(measured),
        *_spread(measured),
    ]
    if seeds < statistics.ENOUGH_SEEDS:
        few = f"{seeds} noise seeds; needs {statistics.ENOUGH_SEEDS}"
        outcomes = [
            Outcome(one.claim, one.test, one.estimate, why=one.why or few) for one in outcomes
        ]
    rows = with_verdicts(outcomes).assign(run=run, model=model)
    if seeds < statistics.ENOUGH_SEEDS:
        rows[["low", "high"]] = rows[["low", "high"]].astype(object)
        rows.loc[rows["estimate"].notna(), ["low", "high"]] = TOO_SMALL
    return rows


def with_verdicts(outcomes: Sequence[Outcome]) -> DataFrame:
    """The rows of `claims.tsv` but for `run` and `model`: each claim as a whole, then its tests."""
    rows: list[dict[str, object]] = []
    for claim, statement in STATEMENTS.items():
        own = [outcome for outcome in outcomes if outcome.claim == claim]
        if not own:
            continue
        corrected, found = holm.verdicts(own)
        verdict = holm.verdict_of_all(found)
        reasons = [one.why for one in own if one.why] if verdict == CANNOT else []
        whole: dict[str, object] = {"claim": claim, "statement": statement}
        whole["test"] = f"all {len(own)} tests"
        rows.append(whole | {"verdict": verdict, "why": "; ".join(dict.fromkeys(reasons))})
        for outcome, value, one in zip(own, corrected, found, strict=True):
            row: dict[str, object] = {"claim": claim, "statement": statement, "test": outcome.test}
            ends = {end: float(getattr(outcome.estimate, end)) for end in ("low", "high")}
            row |= {"estimate": float(outcome.estimate.mean), **ends}
            row |= {"p": numpy.nan if outcome.why else outcome.p, "p_holm": value}
            rows.append(row | {"verdict": one, "why": outcome.why})
    return DataFrame(rows, columns=list(columns.CLAIMS))


def _one_block(measured: Measured) -> Iterator[Outcome]:
    lacking = measured.lacking("single")
    if lacking:
        yield untested("C1", "texts, nll and margins, each block in turn", lacking)
        return
    labels, why = measured.labelled("single"), ""
    if not (measured.texts["sweep"] == measured.sweeps["single"]).any():
        why = NO_TEXTS
    elif not labels:
        why = NO_LABELS
    elif measured.entropy >= UNIFORM:
        why = (
            f"every block attends uniformly already (entropy {measured.entropy:.2f} of that of "
            "equal weights, or more)"
        )
    if why:
        yield untested("C1", f"{NEAR_NORMAL}; above 4/5", why)
    else:
        yield claim_tests.near_normal(labels["near normal"], measured.different_texts_by_block())
    yield claim_tests.single_blocks(measured.nll("single")[0])
    for task in (GRAMMAR, INFERENCE):
        margins, why = measured.margins("single", task)
        if margins is None:
            yield untested("C1", f"share of the {task} margin that is lost; below 1/5", why)
            continue
        yield claim_tests.lost_by_single_blocks(task, margins)
        if task == INFERENCE:
            yield claim_tests.logic_is_weaker(margins)


def _bands(measured: Measured) -> Iterator[Outcome]:
    nll, blocks = measured.nll("q")
    labels = measured.labelled("q")
    if labels:
        texts_per_cell = measured.texts["sample_seed"].nunique()
        different = measured.different_texts
        yield from claim_tests.label_bands(blocks, labels, measured.n_blocks, different)
        yield from claim_tests.label_order(blocks, labels, texts_per_cell)
    else:
        yield untested("C2", "where the labels lie, and their order", NO_LABELS)
    yield from claim_tests.decline(blocks, nll)


def _stages(measured: Measured) -> Iterator[Outcome]:
    found = [measured.margins("q", task) for task in (GRAMMAR, INFERENCE)]
    reasons = [why for _, why in found if why]
    tables = [table for table, _ in found if table is not None]
    if not measured.ngrams:
        reasons.insert(0, NO_NGRAMS)
    if reasons:
        name = "share of the margin that is kept on grammar and on cloze inference"
        yield untested("C3", name, "; ".join(reasons))
        return
    yield claim_tests.meaning_first(*tables)
    yield claim_tests.two_stages(measured.nll("q")[1], tables)


def _redundancy(measured: Measured) -> Iterator[Outcome]:
    for matrix in "kvo":
        # b_Q survives when W_Q is replaced, and b_K has no part in the attention
        reference = "bias" if matrix == "k" else "q"
        lacking = measured.lacking(*[kind for kind in (matrix, reference) if kind != "q"])
        if lacking:
            yield untested("C4", f"damage by replacing W_{matrix.upper()}; above 1/5", lacking)
            continue
        both = {kind: measured.sweeps[kind] for kind in (matrix, reference)}
        nll, _ = paired(measured.evaluation, both)
        yield claim_tests.not_only_in_q(matrix, nll[matrix], nll[reference])
    lacking = measured.lacking("single")
    if lacking:
        yield untested("C4", "damage of all blocks / sum of damages by single blocks", lacking)
    else:
        yield claim_tests.backed_up(measured.nll("q")[0], measured.nll("single")[0])
    if measured.healing is None:
        yield untested("C4", "K and V can compensate", HEALING)
    else:
        yield healing.compensated(measured.healing, measured.n_blocks)


def _spread(measured: Measured) -> Iterator[Outcome]:
    lacking = measured.lacking("single")
    if lacking:
        yield untested("C5", "effective number of blocks that share the damage; above 1/2", lacking)
    else:
        yield claim_tests.spread(measured.nll("single")[0])
    for kind, order in (("end", "from the last one on"), ("random", "in a random order")):
        lacking = measured.lacking(kind)
        if not lacking:
            both = {name: measured.sweeps[name] for name in ("q", kind)}
            nll, blocks = paired(measured.evaluation, both)
            fewer = blocks[(blocks > 0) & (blocks < measured.n_blocks)]
            if len(fewer):
                half = fewer[numpy.abs(fewer - measured.n_blocks / 2).argmin()]
                steps = (blocks == 0) | (blocks == half)
                own, first = (nll[name][:, :, steps] for name in (kind, "q"))
                yield claim_tests.equal_halves(order, own, first, int(half))
                continue
            lacking = "needs a step of about half of the blocks"
        yield untested("C5+", f"damage of half of the blocks {order}; 4/5 to 5/4", lacking)
    if measured.shapley is None:
        yield untested("C5+", f"{EFFECTIVE}; above 1/2", SUBSETS)
        return
    found = claim_tests.spread_in_all_orders(measured.shapley)
    seeds = len(measured.shapley)
    few = f"{seeds} noise seeds of the subsets; needs {statistics.ENOUGH_SEEDS}"
    yield found if seeds >= statistics.ENOUGH_SEEDS else replace(found, why=few)


def paired(
    evaluation: DataFrame, sweeps: Mapping[str, str]
) -> tuple[dict[str, numpy.ndarray], numpy.ndarray]:
    """The nll (seeds, documents, steps) of each sweep at the steps that all have, and these."""
    rows = {kind: evaluation[evaluation["sweep"] == sweep] for kind, sweep in sweeps.items()}
    common = set.intersection(*(set(part["blocks_replaced"]) for part in rows.values()))
    cut = {
        kind: cells(part[part["blocks_replaced"].isin(common)], "nll", "document")
        for kind, part in rows.items()
    }
    return {kind: table for kind, (table, _) in cut.items()}, next(iter(cut.values()))[1]
