"""Answers to tasks, summed up: accuracy and margin under each intervention, by kind of task."""

from collections.abc import Iterator, Mapping

from pandas import DataFrame

from needq.backup.tasks import COPYING
from needq.common import columns
from needq.common.keys import INTERVENTION
from needq.metrics.estimates import as_columns, estimated, first_values, share

GRAMMAR, INFERENCE, COPY = TASKS = ("grammar", "cloze inference", "cloze copying")


def by_task(answers: DataFrame) -> dict[str, DataFrame]:
    """The rows of schemas.TASKS of each of TASKS; cloze items are split by their kind."""
    copying = answers["kind"].isin(COPYING)
    grammar = answers["task"] == GRAMMAR
    chosen = {GRAMMAR: grammar, INFERENCE: ~grammar & ~copying, COPY: ~grammar & copying}
    return {name: answers[rows] for name, rows in chosen.items()}


def tasks_table(answers: Mapping[str, DataFrame]) -> DataFrame:
    """`tasks.tsv`, from the answers of each backend: one row per intervention and task."""
    rows = [row for backend, own in answers.items() for row in _rows(backend, own)]
    table = DataFrame(rows, columns=list(columns.TASKS)).astype({"block": "Int64"})
    return table.sort_values(["sweep", "intervention"], kind="stable")


def _rows(backend: str, answers: DataFrame) -> Iterator[dict[str, object]]:
    for name, own in by_task(answers).items():
        for _, part in own.groupby(["sweep", "intervention"]):
            row = first_values(part, INTERVENTION) | {"backend": backend, "task": name}
            row |= as_columns("accuracy", share(part, "right", "item"))
            row |= estimated("margin", part, "item")
            seeds = part["noise_seed"].nunique()
            yield row | {"noise_seeds": seeds, "items": part["item"].nunique()}
