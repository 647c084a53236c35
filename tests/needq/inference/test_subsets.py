"""Scores under subsets: those of each patched model, with each different prefix computed once."""

from itertools import permutations

import numpy as np
import pandas
import pytest
import torch
from needq.common import tables
from needq.common.backends import Backend
from needq.common.schemas import SUBSETS
from needq.common.subsets import Subsets
from needq.inference import subsets
from needq.inference.backend import load
from needq.inference.native import NativeModel
from needq.inference.patcher import Patcher
from needq.metrics.subsets import block_values, damage_of

DOCUMENTS = [[3, 1, 4, 1, 5, 9], [2, 7, 1, 8], [0, 5, 5]]
EVERY = np.arange(16)
EXACT = Backend(arithmetic="exact", precision="float64")


def by_hand(model, patcher, patch, subset, row):
    """The nll of a document by transformers' model with the blocks of a subset patched."""
    slices = [part for part in patch.slices if subset >> part["block"] & 1]
    with patcher.applied(slices), torch.inference_mode():
        logits = model.model(torch.tensor([row])).logits[0].double()
    predictions = torch.log_softmax(logits, -1)[:-1]
    return -float(predictions.gather(1, torch.tensor(row[1:])[:, None]).mean())


def test_scores_are_those_of_each_patched_model(setting):
    model, patcher, patches = setting
    found = subsets.score_subsets(model, patcher, patches[-1], EVERY, DOCUMENTS, 2)
    expected = [
        [by_hand(model, patcher, patches[-1], subset, row) for row in DOCUMENTS] for subset in EVERY
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert len(np.unique(found[:, 0])) == 16
    # some of them, in any order
    some = np.array([9, 2, 15])
    few = subsets.score_subsets(model, patcher, patches[-1], some, DOCUMENTS, 3)
    np.testing.assert_allclose(few, found[some], rtol=1e-12)
    # the model is left as it was
    again = subsets.score_subsets(model, patcher, patches[-1], EVERY, DOCUMENTS, 2)
    assert (again == found).all()


def test_values_by_brute_force_on_a_model_of_four_blocks(setting):
    model, patcher, patches = setting
    nlls = subsets.score_subsets(model, patcher, patches[-1], EVERY, DOCUMENTS, 8)
    arrays = subsets.subset_arrays(0, EVERY, DOCUMENTS, nlls)
    damage = damage_of(pandas.DataFrame(arrays), 4)
    values = block_values(damage, permutations=2)[0]
    for number, row in enumerate(DOCUMENTS):
        expected = np.zeros(4)
        for order in permutations(range(4)):
            nll, replaced = by_hand(model, patcher, patches[-1], 0, row), 0
            for block in order:
                replaced |= 1 << block
                after = by_hand(model, patcher, patches[-1], replaced, row)
                expected[block] += (after - nll) / 24
                nll = after
        np.testing.assert_allclose(values[number], expected, atol=1e-9)
        rise = nlls[15, number] - nlls[0, number]
        assert values[number].sum() == pytest.approx(rise, abs=1e-9)


def test_exact_arithmetic_scores_likewise(gpt2, corrupted):
    patches, noise = corrupted(gpt2)
    found = []
    for model in (load(gpt2.backup, EXACT), NativeModel(gpt2.load("float64"))):
        patcher = Patcher(model, gpt2.backup / "model.safetensors", noise)
        found.append(subsets.score_subsets(model, patcher, patches[-1], EVERY, DOCUMENTS, 2))
    np.testing.assert_allclose(*found, rtol=1e-9)


def test_each_different_prefix_is_computed_once(setting, monkeypatch):
    model, patcher, patches = setting
    calls, block = [], type(model).block
    monkeypatch.setattr(
        type(model), "block", lambda self, i, s: calls.append(i) or block(self, i, s)
    )
    monkeypatch.setattr(subsets, "PARTS", 1)
    subsets.score_subsets(model, patcher, patches[-1], EVERY, DOCUMENTS, 3)
    assert [calls.count(index) for index in range(4)] == [2, 4, 8, 16]
    calls.clear()
    monkeypatch.setattr(subsets, "PARTS", 4)  # each of them has the first two blocks to itself
    subsets.score_subsets(model, patcher, patches[-1], EVERY, DOCUMENTS, 3)
    assert [calls.count(index) for index in range(4)] == [4, 4, 8, 16]


def test_documents_are_cut():
    tokens = {"prompts": [], "end": None, "documents": DOCUMENTS, "bytes": [9, 9, 9]}
    cut = subsets.chosen_documents(tokens, Subsets(documents=2, tokens_per_document=3))
    assert cut == [[3, 1, 4, 1], [2, 7, 1, 8]]
    assert subsets.chosen_documents(tokens, Subsets(documents=None, tokens_per_document=None)) == (
        DOCUMENTS
    )


def test_scores_are_rows_of_a_file(tmp_path):
    nlls = np.arange(6.0).reshape(2, 3)
    arrays = subsets.subset_arrays(7, np.array([0, 5]), DOCUMENTS, nlls)
    tables.write_arrays(tmp_path / "x.parquet", arrays, SUBSETS)
    rows = tables.read_rows(tmp_path / "x.parquet")
    assert [tuple(row.values()) for row in rows] == [
        (7, 0, 0, 5, 0.0),
        (7, 0, 1, 3, 1.0),
        (7, 0, 2, 2, 2.0),
        (7, 5, 0, 5, 3.0),
        (7, 5, 1, 3, 4.0),
        (7, 5, 2, 2, 5.0),
    ]
