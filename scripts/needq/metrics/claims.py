"""The verdicts on the article's claims, from the tests of each."""

from collections.abc import Mapping, Sequence

import numpy
from pandas import DataFrame

from needq.common import columns
from needq.common.keys import LABELS
from needq.metrics.claim_tests import (
    REFUTED,
    STATEMENTS,
    SUPPORTED,
    Answers,
    degradation_bands,
    one_block,
    redundancy,
    spread,
    stabilised,
    two_stages,
)
from needq.metrics.half_points import UNDECIDED, cells


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
    """`claims.tsv`, from the rows of one backend. Tests whose sweep was not run are left out.

    `sweeps` names the sweep of each comparison (`needq.plan.comparisons`); q must be there.
    `blocks` is the number of blocks of the model. `evaluation` has `document` and `nll`, `texts`
    has `prompt` and `label`, and `answers` maps grammar and cloze to rows with `item` and `right`;
    all have the columns of an intervention. `chances` are the accuracies that guessing gives.
    """

    def of(kind: str, rows: DataFrame, column: str, item: str) -> numpy.ndarray:
        return cells(rows[rows["sweep"] == sweeps[kind]], column, item)[0]

    whole, steps = cells(evaluation[evaluation["sweep"] == sweeps["q"]], "nll", "document")
    matrices = paired(evaluation, {kind: sweeps[kind] for kind in "qkvo" if kind in sweeps})
    orders = paired(evaluation, {k: sweeps[k] for k in ("q", "end", "random") if k in sweeps})
    single = of("single", evaluation, "nll", "document") if "single" in sweeps else None
    labelled = {}
    if texts["label"].notna().any():  # without any label, a share of 0 would be wrong
        for label in LABELS:
            has = texts.assign(has=(texts["label"] == label).astype(float))
            labelled[label] = of("q", has, "has", "prompt")
    tasks = {
        name: Answers(of("q", rows, "right", "item"), chances[name])
        for name, rows in answers.items()
    }
    tests = one_block(tasks["grammar"], tasks["cloze"], labelled.get("near normal"))
    tests += degradation_bands(steps, labelled, whole, blocks)
    tests += two_stages(steps, tasks["grammar"], tasks["cloze"])
    if {"k", "v", "o"} <= set(sweeps):
        tests += redundancy(matrices)
    if single is not None and {"k", "v", "o"} <= set(sweeps):
        tests.append(stabilised(whole, single))
    if single is not None:
        tests += spread(single, orders["q"], orders.get("end"), orders.get("random"))
    return with_verdicts(tests)


def paired(evaluation: DataFrame, sweeps: Mapping[str, str]) -> dict[str, numpy.ndarray]:
    """The nll (seeds, documents, steps) of each sweep at the steps that all of them have."""
    rows = {kind: evaluation[evaluation["sweep"] == sweep] for kind, sweep in sweeps.items()}
    common = set.intersection(*(set(part["blocks_replaced"]) for part in rows.values()))
    return {
        kind: cells(part[part["blocks_replaced"].isin(common)], "nll", "document")[0]
        for kind, part in rows.items()
    }
