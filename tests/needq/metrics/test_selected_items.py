"""Selection of items, against a naive loop, and on items that an n-gram can and cannot answer."""

import math

import numpy as np
import pandas
import pytest
from needq.backup.tasks import Answer, Candidate, Task
from needq.common import columns
from needq.metrics.kneser_ney import KneserNey
from needq.metrics.selected_items import asked_tasks, items_table, ngram_answers

RNG = np.random.default_rng(0)
# after 1 2 3 4 comes 5; token 9 is as frequent as 5, and 0 begins each document
DOCUMENTS = [np.array([0, *RNG.integers(1, 10, 3), 1, 2, 3, 4, 5, 9, 0]) for _ in range(40)]
MODEL = KneserNey(DOCUMENTS, 5, 10)


def task_of(*items):
    """Items of (beginning, candidates), each candidate with a row of its own."""
    rows, candidates = [], []
    for beginning, words in items:
        candidates.append([])
        for word in words:
            candidates[-1].append(Candidate(len(rows), len(beginning), tuple(word)))
            rows.append([*beginning, *word])
    return Task(list(range(len(items))), ["k"] * len(items), candidates, rows)


def test_an_ngram_model_scores_candidates_as_their_sum():
    known = ([0, 8, 1, 2, 3, 4], [[5], [9]])
    task = task_of(known, ([0, 8, 1, 2], [[6, 7], [3, 4]]), ([0, 7], [[8], [8]]))
    found = ngram_answers(MODEL, task)
    for own, answer in zip(task.candidates, found, strict=True):
        sums = []
        for candidate in own:
            ids = np.array(task.sentence(candidate))
            shares = MODEL.probabilities(ids)[4]
            sums.append(
                sum(np.log(shares[place - 1]) for place in range(candidate.start, len(ids)))
            )
        assert answer.margin == pytest.approx(sums[0] - sums[1])
        assert answer.right == (1 if sums[0] > sums[1] else 0.5 if sums[0] == sums[1] else 0)
    assert [answer.right for answer in found] == [1, 0, 0.5]


def test_a_single_candidate_competes_with_the_vocabulary():
    task = task_of(([0, 2, 1, 2, 3, 4], [[5]]), ([0, 2, 1, 2, 3], [[4, 5]]), ([0, 1, 2], [[4]]))
    found = ngram_answers(MODEL, task)
    assert [answer.right for answer in found] == [1, 1, 0]
    shares = [
        MODEL.probabilities(np.array([0, 2, 1, 2, 3, 4, token]))[4][-1] for token in range(10)
    ]
    others = max(share for token, share in enumerate(shares) if token != 5)
    assert found[0].margin == pytest.approx(math.log(shares[5] / others))


def items(pairs=1, passages=2, ngrams=True):
    """Six items of each task; the fourth of them ties, the fifth is wrong."""
    right = [1.0, 1.0, 1.0, 0.5, 0.0, 1.0]
    tasks, pristine, ngram = {}, {}, {}
    for name, kinds in (("grammar", "aabbab"), ("cloze", "iiicci")):
        task = task_of(*[([0], [[1], [2]])] * 6)
        tasks[name] = Task(task.numbers, list(kinds), task.candidates, task.rows)
        pristine[name] = [Answer(value, value - 0.5) for value in right]
        ngram[name] = [Answer(value, value - 0.5) for value in (1.0, 0.0, 0.5, 0.0, 0.0, 0.0)]
    table = items_table(tasks, pristine, ngram if ngrams else None, pairs, passages)
    return tasks, table


def test_items_are_selected_before_any_damage_by_two_models():
    _, table = items()
    assert list(table) == list(columns.ITEMS)
    selected = table.groupby("task")["selected"].apply(list)
    # right by the model, and not by the n-grams, of which a tie is not right
    assert selected["grammar"] == selected["cloze"] == [False, True, True, False, False, True]


def test_without_ngrams_all_that_the_pristine_model_gets_right_is_selected():
    _, table = items(ngrams=False)
    selected = table.groupby("task")["selected"].apply(list)
    assert selected["grammar"] == [True, True, True, False, False, True]
    assert table[["ngram_right", "ngram_margin"]].isna().all(axis=None)


def test_the_first_selected_items_are_asked():
    tasks, table = items(pairs=1, passages=2)
    asked = table[table["asked"]].groupby("task")["item"].apply(list)
    assert asked["grammar"] == [1, 2]  # one of each phenomenon
    assert asked["cloze"] == [1, 2]  # two in all, and the copying one is third
    chosen = asked_tasks(tasks, table)
    assert chosen["grammar"].numbers == [1, 2]
    assert chosen["grammar"].kinds == ["a", "b"]
    assert len(chosen["cloze"].rows) == 4
    again = Task.from_dict(chosen["cloze"].to_dict())
    assert again == chosen["cloze"]
    assert [again.sentence(one) for one in again.candidates[1]] == [[0, 1], [0, 2]]


def test_two_thirds_of_the_passages_do_not_mention_the_answer():
    kinds = ["infer"] * 9 + ["copy", "bind"] * 5
    task = task_of(*[([0], [[1], [2]])] * 19)
    task = Task(task.numbers, kinds, task.candidates, task.rows)
    answers = {"cloze": [Answer(1.0, 2.0)] * 19}

    def asked(passages):
        table = items_table({"cloze": task}, answers, None, 2, passages)
        return table.loc[table["asked"], "item"].tolist()

    assert asked(6) == [0, 1, 2, 3, 9, 10]
    assert asked(4) == [0, 1, 2, 9]
    assert asked(18) == [*range(9), *range(9, 18)]  # no more than nine infer
    assert asked(100) == list(range(19))


def test_no_item_may_be_selected():
    tasks, table = items(passages=2)
    none = asked_tasks(tasks, table.assign(asked=False))
    assert none["cloze"] == Task([], [], [], [])
    assert none["cloze"].chance == 0
    assert isinstance(table, pandas.DataFrame)
