"""Selection of task items before any damage: right for the pristine model, wrong for a 5-gram.

An item that a 5-gram model gets right can be answered from four tokens alone. An item that the
pristine model gets wrong cannot be lost. Both are left out, by this code and by nobody's eye.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy
from pandas import DataFrame

from needq.backup.tasks import COPYING, Answer, Candidate, Score, Task
from needq.common import columns

if TYPE_CHECKING:
    from needq.metrics.kneser_ney import KneserNey


def ngram_answers(model: KneserNey, task: Task) -> list[Answer]:
    """What the highest order of an n-gram model answers to each item, scored as a model is.

    The begin token, with which a row begins, counts as context.
    """
    return [
        Answer.of([_score(model, task, candidate, len(own) == 1) for candidate in own])
        for own in task.candidates
    ]


def _score(model: KneserNey, task: Task, candidate: Candidate, alone: bool) -> Score:
    """A candidate's score; its lead over the vocabulary only if it is the only candidate."""
    sentence, start = numpy.array(task.sentence(candidate), numpy.int64), candidate.start
    nats = model.nats(sentence)[-1][start - 1 :]
    leads = [math.nan]
    if alone:
        leads = []
        for place, token in enumerate(candidate.tokens, start):
            shares = model.next_probabilities(sentence[:place])
            others = numpy.delete(shares, token).max()
            leads.append(math.log(shares[token]) - math.log(others))
    return Score(-math.fsum(nats), min(leads))


def items_table(
    tasks: Mapping[str, Task],
    pristine: Mapping[str, Sequence[Answer]],
    ngram: Mapping[str, Sequence[Answer]] | None,
    pairs: int,
    passages: int,
) -> DataFrame:
    """`items.tsv`: each item with the answers of both models, and whether it is selected and asked.

    An item is selected if the pristine model is right and the n-gram model is not; without an
    n-gram model (None), if the pristine model is right. A tie is not right. Of the selected items,
    the first ones are asked: `pairs` of each phenomenon of the grammar task, and `passages` of the
    cloze task, of which two thirds do not mention the answer, since the claims are about these.
    """
    rows = []
    for name, task in tasks.items():
        own = zip(task.numbers, task.kinds, pristine[name], strict=True)
        for place, (number, kind, answer) in enumerate(own):
            row = {"task": name, "item": number, "kind": kind}
            row |= {"right": answer.right, "margin": answer.margin, "selected": answer.right == 1}
            if ngram is not None:
                other = ngram[name][place]
                row |= {"ngram_right": other.right, "ngram_margin": other.margin}
                row["selected"] = row["selected"] and other.right < 1
            rows.append(row)
    table = DataFrame(rows, columns=list(columns.ITEMS))
    chosen = table[table["selected"]]
    grammar = chosen[chosen["task"] == "grammar"].groupby("kind").head(pairs)
    cloze = chosen[chosen["task"] == "cloze"]
    mentioned = cloze["kind"].isin(COPYING)
    inference = cloze[~mentioned].head(-(-2 * passages // 3))
    copying = cloze[mentioned].head(passages - len(inference))
    asked = [*grammar.index, *inference.index, *copying.index]
    return table.assign(asked=table.index.isin(asked))


def asked_tasks(tasks: Mapping[str, Task], items: DataFrame) -> dict[str, Task]:
    """The tasks with the items alone that `items.tsv` says are asked."""
    chosen = {}
    for name, task in tasks.items():
        asked = items.loc[items["task"] == name, "asked"].to_numpy()
        chosen[name] = task.only(numpy.flatnonzero(asked).tolist())
    return chosen
