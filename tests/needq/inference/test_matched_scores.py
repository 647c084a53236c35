"""Matched scores: under the scaled noise, scores spread as transformers' own model's do."""

import hashlib
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from family_models import FAMILIES, FEW, eager, models, put_by_hand
from hypothesis import given, settings
from hypothesis import strategies as st
from needq.backup.architectures import find_architecture
from needq.backup.model import back_up
from needq.backup.replaceable import check_method
from needq.common.attention import NOISE
from needq.common.errors import UserError
from needq.common.files import read_json
from needq.corrupt.methods import noise_tensors
from needq.inference import attention
from needq.inference.matched_scores import matched_noise, rounded
from needq.inference.native import NativeModel, load_transformers
from safetensors.numpy import load_file
from saved import save_small
from small import config_of

TEXTS = [[3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8], [2, 7, 1, 8, 2, 8, 1], [6, 6, 2]]


def spreads(model, heads):
    """The spread of scores in block 0, by transformers' own attention weights, per head."""
    ids, mask = attention.first_documents(TEXTS)
    with torch.inference_mode():
        output = model(input_ids=ids, attention_mask=mask.long(), output_attentions=True)
    weights, found = output.attentions[0].double().numpy(), []
    for row, own in enumerate(TEXTS):
        for query in range(2, len(own)):
            seen = weights[row, :, query, : len(own)]
            found.append([np.std(np.log(head[head > 0])) for head in seen])
    return np.mean(found, axis=0).reshape(heads, -1).mean(1)


@pytest.mark.parametrize("family", FAMILIES)
@settings(FEW, max_examples=2)
@given(data=st.data())
def test_scores_spread_as_those_of_the_pristine_model(family, data):
    made = data.draw(models(family)).float()
    matrix = data.draw(st.sampled_from("qk"))
    capped = getattr(made.config, "attn_logit_softcapping", None)
    with tempfile.TemporaryDirectory() as name:
        source, backup = Path(name) / "source", Path(name) / "backup"
        save_small(made, source)
        back_up(config_of(source), backup)
        architecture = find_architecture(read_json(backup / "config.json"))
        if architecture.scores_normalised:
            with pytest.raises(UserError, match="normalises queries and keys"):
                check_method(architecture, matrix, "matched_scores")
            return
        tensors = load_file(backup / "model.safetensors")
        model = NativeModel(load_transformers(backup, NOISE))
        noises = [noise_tensors(tensors, architecture, matrix, "gaussian", seed) for seed in (0, 1)]
        watched = attention.Watched(model, architecture)
        documents = attention.first_documents(TEXTS)
        matched = matched_noise(watched, tensors, matrix, noises, *documents)
        theirs = eager(source)
    heads, bias = architecture.heads_of(matrix), architecture.bias(matrix, 0)
    wanted = spreads(theirs, heads)
    kept = {"0.bias": bias.of(tensors)} if bias else {}
    put_by_hand(theirs, {"0.weight": np.zeros_like(noises[0]["0.weight"])} | kept, matrix, 0)
    least = spreads(theirs, heads)  # of ALiBi and the bias alone
    for noise, scaled in zip(noises, matched, strict=True):
        assert scaled.keys() == noise.keys()
        assert all(scaled[name].shape == noise[name].shape for name in noise)
        put_by_hand(theirs, scaled | kept, matrix, 0)
        found = spreads(theirs, heads)
        # a scale is rounded to 0.2%, and a cap bends scores
        close = np.isclose(found, wanted, rtol=0.25 if capped else 3e-3)
        assert (close | (least >= wanted)).all()


def test_the_noise_of_a_bias_adds_what_the_bias_adds(gpt2):
    tensors, architecture = gpt2.tensors, gpt2.architecture
    noise = noise_tensors(tensors, architecture, "q", "gaussian", 0)
    watched = attention.Watched(NativeModel(gpt2.load("float64", "eager")), architecture)
    ids, mask = attention.first_documents(TEXTS)
    [scaled] = matched_noise(watched, tensors, "q", [noise], ids, mask)
    weight, bias = architecture.matrix("q", 0), architecture.bias("q", 0)
    found = []
    for values in (bias.of(tensors), scaled["0.bias"]):
        new = [(weight, np.zeros_like(weight.of(tensors))), (bias, values)]
        with torch.inference_mode(), watched.replaced(tensors, new):
            _, weights = watched.block(0, watched.model.begin(ids, mask))
            found.append(attention.spread(attention.scores(weights), attention.queries(mask)))
    np.testing.assert_allclose(found[1], found[0], rtol=3e-3)
    # the bias of W_K moves all scores of a query alike, so its noise stays as it is
    noise = noise_tensors(tensors, architecture, "k", "gaussian", 0)
    [scaled] = matched_noise(watched, tensors, "k", [noise], ids, mask)
    np.testing.assert_array_equal(scaled["0.bias"], noise["0.bias"])


def test_the_noise_is_the_same_on_every_machine(pocket):
    noise = noise_tensors(pocket.tensors, pocket.architecture, "q", "gaussian", 0)
    watched = attention.Watched(NativeModel(pocket.load("float64", "eager")), pocket.architecture)
    documents = attention.first_documents(
        [[n * (7 + k) % 997 for n in range(99)] for k in range(4)]
    )
    [scaled] = matched_noise(watched, pocket.tensors, "q", [noise], *documents)
    content = b"".join(scaled[name].tobytes() for name in sorted(scaled))
    assert hashlib.sha256(content).hexdigest()[:16] == "2ad0e1c5e3d117d8"


@given(st.floats(1e-2, 1e6))
def test_a_scale_is_rounded_to_nine_bits(scale):
    near = rounded(scale)
    assert near == pytest.approx(scale, rel=2**-9)
    step = 2 ** (np.floor(np.log2(near)) - 8)
    assert near / step == int(near / step)
    assert rounded(1e-18) == 0
