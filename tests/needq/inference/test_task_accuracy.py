"""Scores of probes, against a naive loop, chance and the bundled model."""

from pathlib import Path

import numpy as np
import pytest
import torch
from naive import log_probabilities
from needq.backup.tasks import (
    Candidate,
    Item,
    Probe,
    encode,
    first_items,
    first_of_each_kind,
    read_meaning,
    read_structure,
)
from needq.inference.native import NativeModel
from needq.inference.task_accuracy import answers, score_probe
from tokenizers import Tokenizer
from transformers import GPT2Config, GPT2LMHeadModel

ROOT = Path(__file__).parents[3]
PROBE_ITEMS = [
    Item("pair", "", ("A cat is here.", "A cat are here.")),
    Item("pair", "", ("b", "a")),
    Item("cloze", "I saw a", (" cat", " dog", " cab", " cow")),
    Item("cloze", "", ("z", "y", "x")),
]


@pytest.mark.parametrize("batch", [1, 3, 200])
def test_probe_items_are_right_as_by_a_naive_loop(setting, small, batch):
    model, patcher, recipes = setting
    tokenizer = Tokenizer.from_file(str(small.backup / "tokenizer.json"))
    probe = encode(PROBE_ITEMS, tokenizer, "<|endoftext|>", 64)
    outcomes = []
    under_each = answers(model, patcher, [recipes[0], recipes[3]], probe, batch)
    assert under_each[0] == score_probe(model, probe, batch)
    for recipe, found in zip((recipes[0], recipes[3]), under_each, strict=True):
        with patcher.applied(recipe):
            for item, outcome in zip(PROBE_ITEMS, found, strict=True):
                begin = [256, *tokenizer.encode(item.beginning).ids]
                sums = []
                for candidate in item.candidates:
                    new = tokenizer.encode(candidate).ids
                    rows = log_probabilities(model, begin + new)[len(begin) - 1 :]
                    sums.append(sum(row[t] for row, t in zip(rows, new, strict=True)))
                assert outcome == (np.argmax(sums) == 0)
        outcomes += found
    assert set(outcomes) == {0, 1}


def test_a_single_candidate_is_right_if_it_is_what_the_model_would_write(setting):
    model, _, _ = setting
    prompt = [256, 3, 4]
    first = int(log_probabilities(model, [*prompt, 0])[-1].argmax())
    second = int(log_probabilities(model, [*prompt, first, 0])[-1].argmax())
    other = 9
    assert other not in (first, second)
    written = [(first, second), (first, other), (other, second), (first,)]
    probe = Probe(
        ["open"] * 4,
        [[Candidate(row, 3, tokens)] for row, tokens in enumerate(written)],
        [[*prompt, *tokens] for tokens in written],
    )
    assert score_probe(model, probe, 8) == [1, 0, 0, 1]


def test_a_model_without_preference_is_at_chance(small):
    model = small.load("float64")
    with torch.no_grad():
        model.get_output_embeddings().weight.zero_()
    tokenizer = Tokenizer.from_file(str(small.backup / "tokenizer.json"))
    probe = encode(PROBE_ITEMS[1:4], tokenizer, "<|endoftext|>", 64)
    found = score_probe(NativeModel(model), probe, 8)
    assert found == [1 / 2, 1 / 4, 1 / 3]


def test_the_bundled_model_is_above_chance_and_random_ones_are_not(pocket):
    folder = ROOT / "resources/probes/simple"
    tokenizer = Tokenizer.from_file(str(pocket.backup / "tokenizer.json"))
    pairs = first_of_each_kind(read_structure(folder / "structure.jsonl"), 4)
    passages = first_items(read_meaning(folder / "meaning.jsonl"), 80)
    probes = [encode(items, tokenizer, "<|endoftext|>", 256) for items in (pairs, passages)]
    model = NativeModel(pocket.load())
    found = [np.mean(score_probe(model, probe, 64)) for probe in probes]
    assert found[0] > 0.7 and found[1] > 0.65
    torch.manual_seed(0)
    sizes = GPT2Config(vocab_size=4000, n_positions=64, n_embd=16, n_layer=1, n_head=2)
    models = [NativeModel(GPT2LMHeadModel(sizes).eval()) for _ in range(10)]
    chance = [[np.mean(score_probe(one, probe, 64)) for probe in probes] for one in models]
    # the means of ten models have standard errors of 0.02
    np.testing.assert_allclose(np.mean(chance, 0), [0.5, 0.25], atol=0.06)
