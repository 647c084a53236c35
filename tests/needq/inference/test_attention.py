"""Attention: what transformers says of its weights, what q.k says of its scores, and by hand."""

import math
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from family_models import FAMILIES, FEW, eager, models, put_by_hand
from family_models import watched as queries_and_keys
from hypothesis import given, settings
from hypothesis import strategies as st
from needq.backup.architectures import find_architecture
from needq.backup.model import back_up
from needq.common.attention import TABLE
from needq.common.errors import UserError
from needq.common.files import read_json
from needq.corrupt.methods import noise_tensors
from needq.inference import attention
from needq.inference.attention_rows import attention_rows
from needq.inference.native import NativeModel, load_transformers
from safetensors.numpy import load_file
from saved import save_small
from scipy.stats import entropy
from small import config_of

TEXTS = [[3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8], [2, 7, 1, 8, 2, 8, 1], [6, 6, 2], [1]]


def by_hand(weights, lengths):
    """The measures per head, by a loop over rows, queries and keys."""
    heads = []
    for head in range(weights.shape[1]):
        found = []
        for row, length in enumerate(lengths):
            for query in range(2, length):
                own = [float(w) for w in weights[row, head, query, :length]]
                seen = [w for w in own if w > 0]
                spread = np.std([math.log(w) for w in seen])
                share = entropy(seen) / math.log(len(seen))
                found.append([spread, share, own[query], own[query - 1], own[0]])
        heads.append(np.mean(found, axis=0))
    return np.array(heads).T


@pytest.mark.parametrize("family", FAMILIES)
@settings(FEW, max_examples=2)
@given(data=st.data())
def test_attention_is_what_transformers_says_of_its_own(family, data):
    made = data.draw(models(family)).float()
    with tempfile.TemporaryDirectory() as name:
        source, backup = Path(name) / "source", Path(name) / "backup"
        save_small(made, source)
        back_up(config_of(source), backup)
        architecture = find_architecture(read_json(backup / "config.json"))
        tensors = load_file(backup / "model.safetensors")
        noise = noise_tensors(tensors, architecture, "q", "gaussian", 0)
        model = NativeModel(load_transformers(backup, TABLE))
        watched = attention.Watched(model, architecture)
        ids, mask = attention.first_documents(TEXTS)
        rows = list(attention_rows(watched, tensors, [("q-gaussian-0", noise)], ids, mask))
        theirs = eager(source)
    last = architecture.n_blocks - 1
    check(rows, "pristine", "pristine", theirs, range(last + 1))
    keep = {name: p.clone() for name, p in theirs.named_parameters()}
    biases = {f"{b}.bias": architecture.bias("q", b) for b in range(last + 1)}
    noise |= {name: place.of(tensors) for name, place in biases.items() if place}  # which stay
    put_by_hand(theirs, noise, "q", last)
    check(rows, "gaussian", "this block", theirs, [last])
    for block in range(last):
        put_by_hand(theirs, noise, "q", block)
    check(rows, "gaussian", "all blocks", theirs, range(last + 1))
    # all bits are back
    own = dict(model.model.named_parameters())
    assert all(torch.equal(own[name], p) for name, p in keep.items())


def check(rows, method, replaced, theirs, blocks):
    ids, mask = attention.first_documents(TEXTS)
    with torch.inference_mode():
        output = theirs(input_ids=ids, attention_mask=mask.long(), output_attentions=True)
    for block in blocks:
        keys = {"method": method, "replaced": replaced, "block": block}
        own = [row for row in rows if row.items() >= keys.items()]
        assert [row["head"] for row in own] == list(range(len(own)))
        found = [
            [row[name] for row in own]
            for name in ("score_spread", "entropy", "self", "previous", "first")
        ]
        wanted = by_hand(output.attentions[block], [len(row) for row in TEXTS])
        np.testing.assert_allclose(found, wanted, rtol=2e-3, atol=2e-5)


def test_scores_are_q_k_up_to_a_constant(small):
    """In the first block, from embeddings on, by the formulas of GPT-2 and Llama."""
    model = small.load("float64", "eager")
    ids, mask = attention.first_documents(TEXTS[:1])
    with torch.inference_mode(), queries_and_keys(model) as seen:
        model(input_ids=ids)
        query, key = (seen()[0][matrix] for matrix in "qk")
    model.set_attn_implementation("eager")
    width = query.shape[-1]
    key = key.repeat_interleave(query.shape[1] // key.shape[1], 1)
    products = (query @ key.transpose(-1, -2) / width**0.5)[0].numpy()
    wanted = [
        np.mean([np.std(head[place, : place + 1]) for place in range(2, len(TEXTS[0]))])
        for head in products
    ]
    own = attention.Watched(NativeModel(model), small.architecture)
    with torch.inference_mode():
        _, weights = own.block(0, own.model.begin(ids, mask))
        found = attention.spread(attention.scores(weights), attention.queries(mask))
    np.testing.assert_allclose(found, wanted, rtol=1e-9)


def test_uniform_attention_has_entropy_1_and_no_spread():
    weights = torch.tril(torch.ones(1, 1, 5, 5)) / torch.arange(1, 6)[:, None]
    mask = torch.ones(1, 5, dtype=torch.bool)
    found = attention.measure(weights, attention.queries(mask))
    assert found.entropy.tolist() == pytest.approx([1])
    assert found.score_spread.tolist() == pytest.approx([0])
    third = np.mean([1 / 3, 1 / 4, 1 / 5])
    for part in (found.self, found.previous, found.first):
        assert part.tolist() == pytest.approx([third])


def test_one_key_has_all_the_weight():
    weights = torch.eye(4)[None, None].roll(1, 2)  # each query looks at the token before it
    found = attention.measure(weights, attention.queries(torch.ones(1, 4, dtype=torch.bool)))
    assert (found.previous, found.self, found.first) == (1, 0, 0)


def test_documents_that_are_too_short_are_refused():
    with pytest.raises(UserError, match="its first 4 documents have fewer than 3 tokens each"):
        attention.first_documents([[1, 2]] * 9)
    ids, mask = attention.first_documents([[1, 2], [1] * 500] + [[1, 2, 3]] * 9)
    assert ids.shape == (4, 128)
    assert mask.sum(1).tolist() == [2, 128, 3, 3]
