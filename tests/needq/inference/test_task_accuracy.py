"""Accuracy on tasks, against a naive loop, chance and the bundled model."""

from pathlib import Path

import numpy as np
import pytest
import torch
from naive import log_probabilities
from needq.backup.encoder import Encoder
from needq.backup.task_files import Item, first_of_each_kind, read_cloze, read_grammar
from needq.backup.tasks import (
    Candidate,
    Task,
    encode,
)
from needq.common import schemas
from needq.inference.native import NativeModel
from needq.inference.task_accuracy import answer_rows, answer_task, answers
from transformers import GPT2Config, GPT2LMHeadModel

ROOT = Path(__file__).parents[3]
ITEMS = [
    Item("pair", "", ("A cat is here.", "A cat are here.")),
    Item("pair", "", ("b", "a")),
    Item("cloze", "I saw a", (" cat", " dog", " cab", " cow")),
    Item("cloze", "", ("z", "y", "x")),
]


@pytest.mark.parametrize("batch", [1, 3, 200])
def test_task_items_are_right_as_by_a_naive_loop(setting, small, batch):
    model, patcher, patches = setting
    encoder = Encoder(small.backup / "tokenizer.json", 257)
    task = encode(ITEMS, encoder, "<|endoftext|>", 64)
    outcomes = []
    under_each = answers(model, patcher, [patches[0], patches[3]], task, batch)
    assert under_each[0] == answer_task(model, task, batch)
    for patch, right in zip((patches[0], patches[3]), under_each, strict=True):
        with patcher.applied(patch.slices):
            for item, outcome in zip(ITEMS, right, strict=True):
                begin = [256, *encoder.tokenizer.encode(item.beginning).ids]
                sums = []
                for candidate in item.candidates:
                    new = encoder.tokenizer.encode(candidate).ids
                    rows = log_probabilities(model, begin + new)[len(begin) - 1 :]
                    sums.append(sum(row[t] for row, t in zip(rows, new, strict=True)))
                assert outcome.right == (np.argmax(sums) == 0)
                assert outcome.margin == pytest.approx(sums[0] - max(sums[1:]), abs=1e-9)
        outcomes += [outcome.right for outcome in right]
    assert set(outcomes) == {0, 1}


def test_answers_are_rows_of_their_patch_and_task(setting, small):
    model, patcher, patches = setting
    encoder = Encoder(small.backup / "tokenizer.json", 257)
    tasks = {
        "grammar": encode(ITEMS[:2], encoder, "<|endoftext|>", 64),
        "cloze": encode(ITEMS[2:], encoder, "<|endoftext|>", 64),
    }
    rows = answer_rows(model, patcher, patches[::2], tasks, 8)
    assert {*rows[0]} == {*schemas.TASKS.names} - {"backend"}
    names = ("task", "intervention", "noise_seed", "item", "kind")
    assert [tuple(row[name] for name in names) for row in rows] == [
        (task, f"q/test/{count:02d}", 0 if count else None, item, kind)
        for task, kind in (("grammar", "pair"), ("cloze", "cloze"))
        for count in (0, 2, 4)
        for item in (0, 1)
    ]
    wanted = [
        answer
        for task in tasks.values()
        for of_patch in answers(model, patcher, patches[::2], task, 8)
        for answer in of_patch
    ]
    assert [(row["right"], row["margin"]) for row in rows] == wanted
    some = {"cloze": tasks["cloze"].only([1])}
    [row] = answer_rows(model, patcher, patches[:1], some, 8)
    assert (row["item"], row["right"]) == (1, wanted[3][0])
    assert answer_rows(model, patcher, patches, {}, 8) == []


def test_a_single_candidate_is_right_if_it_is_what_the_model_would_write(setting):
    model, _, _ = setting
    prompt = [256, 3, 4]
    first = int(log_probabilities(model, [*prompt, 0])[-1].argmax())
    second = int(log_probabilities(model, [*prompt, first, 0])[-1].argmax())
    other = 9
    assert other not in (first, second)
    written = [(first, second), (first, other), (other, second), (first,)]
    task = Task(
        [0, 1, 2, 3],
        ["open"] * 4,
        [[Candidate(row, 3, tokens)] for row, tokens in enumerate(written)],
        [[*prompt, *tokens] for tokens in written],
    )
    found = answer_task(model, task, 8)
    assert [answer.right for answer in found] == [1, 0, 0, 1]
    for tokens, answer in zip(written, found, strict=True):
        leads = []
        for place, token in enumerate(tokens):
            row = log_probabilities(model, [*prompt, *tokens[: place + 1]])[len(prompt) - 1 + place]
            leads.append(float(row[token] - max(np.delete(np.asarray(row), token))))
        assert answer.margin == pytest.approx(min(leads), abs=1e-6)


def test_a_model_without_preference_is_at_chance(small):
    model = small.load("float64")
    with torch.no_grad():
        model.get_output_embeddings().weight.zero_()
    encoder = Encoder(small.backup / "tokenizer.json", 257)
    task = encode(ITEMS[1:4], encoder, "<|endoftext|>", 64)
    found = answer_task(NativeModel(model), task, 8)
    assert found == [(1 / 2, 0), (1 / 4, 0), (1 / 3, 0)]


def accuracy(model, task):
    return np.mean([answer.right for answer in answer_task(model, task, 64)])


def test_the_bundled_model_is_above_chance_and_random_ones_are_not(pocket):
    folder = ROOT / "resources/tasks/simple"
    encoder = Encoder(pocket.backup / "tokenizer.json", 4000)
    pairs = first_of_each_kind(read_grammar(folder / "grammar.jsonl"), 4)
    passages = read_cloze(folder / "cloze.jsonl")[:80]
    tasks = [encode(items, encoder, "<|endoftext|>", 256) for items in (pairs, passages)]
    model = NativeModel(pocket.load())
    found = [accuracy(model, task) for task in tasks]
    assert found[0] > 0.7
    assert found[1] > 0.65
    torch.manual_seed(0)
    sizes = GPT2Config(vocab_size=4000, n_positions=64, n_embd=16, n_layer=1, n_head=2)
    models = [NativeModel(GPT2LMHeadModel(sizes).eval()) for _ in range(10)]
    chance = [[accuracy(random, task) for task in tasks] for random in models]
    # the means of ten models have standard errors of 0.02
    np.testing.assert_allclose(np.mean(chance, 0), [0.5, 0.25], atol=0.06)
