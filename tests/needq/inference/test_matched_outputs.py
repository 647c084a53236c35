"""Matched outputs: by transformers, the mixed MLP changes a block as much as noise in W_Q."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from family_models import FAMILIES, FEW, eager, models, put_by_hand, put_mlp_by_hand
from hypothesis import given, settings
from hypothesis import strategies as st
from needq.backup.architectures import find_architecture
from needq.backup.model import back_up
from needq.common.attention import NOISE
from needq.common.files import read_json
from needq.corrupt.methods import noise_tensors
from needq.inference import attention, matched_outputs
from needq.inference.matched_outputs import STEPS, matched_mixtures, nearest
from needq.inference.native import NativeModel, load_transformers
from safetensors.numpy import load_file
from saved import save_small
from small import config_of

TEXTS = [[3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8], [2, 7, 1, 8, 2, 8, 1], [6, 6, 2]]
SEEDS = (0, 3)


def output(model):
    """The stream after block 0 of transformers' model, for each token from the third one on."""
    found = []
    for text in TEXTS:
        with torch.inference_mode():
            states = model(torch.tensor([text]), output_hidden_states=True).hidden_states
        found += states[1][0].double().numpy()[2:].tolist()
    return np.array(found)


def changed(after, before):
    return np.mean(np.linalg.norm(after - before, axis=1) / np.linalg.norm(before, axis=1))


@pytest.mark.parametrize("family", [family for family in FAMILIES if family != "Mixtral"])
@settings(FEW, max_examples=2)
@given(data=st.data())
def test_the_output_changes_as_much_as_by_noise_in_w_q(family, data):
    made = data.draw(models(family)).float()
    matrix = data.draw(st.sampled_from(["mlp_in", "mlp_out", "mlp"]))
    with tempfile.TemporaryDirectory() as name:
        source, backup = Path(name) / "source", Path(name) / "backup"
        save_small(made, source)
        back_up(config_of(source), backup)
        architecture = find_architecture(read_json(backup / "config.json"))
        tensors = load_file(backup / "model.safetensors")
        watched = attention.Watched(NativeModel(load_transformers(backup, NOISE)), architecture)
        noises = {
            seed: tuple(
                noise_tensors(tensors, architecture, one, "gaussian", seed) for one in ("q", matrix)
            )
            for seed in SEEDS
        }
        documents = attention.first_documents(TEXTS)
        mixtures, rows = matched_mixtures(watched, tensors, matrix, noises, *documents)
        assert len(rows) == len(SEEDS) * architecture.n_blocks
        before = output(eager(source))
        for seed, row in zip(SEEDS, rows, strict=False):
            assert (row["block"], row["noise_seed"], row["matrix"]) == (0, seed, matrix)
            of_query, own = noises[seed]
            kept = {n: v for n, v in own.items() if n.endswith("weight")}
            assert mixtures[seed].keys() == kept.keys()
            bias = architecture.bias("q", 0)
            pristine_bias = {"0.bias": bias.of(tensors)} if bias else {}
            theirs = eager(source)
            put_by_hand(theirs, of_query | pristine_bias, "q", 0)
            wanted = changed(output(theirs), before)
            theirs = eager(source)
            put_mlp_by_hand(theirs, own, 0)
            whole = changed(output(theirs), before)
            theirs = eager(source)
            put_mlp_by_hand(theirs, mixtures[seed], 0)
            found = changed(output(theirs), before)
            for key, value in (("change_w_q", wanted), ("change_all_noise", whole)):
                assert row[key] == pytest.approx(value, rel=1e-3, abs=1e-6)
            assert row["change"] == pytest.approx(found, rel=1e-3, abs=1e-5)
            if whole <= wanted:
                assert row["noise_fraction"] == 1
            else:
                assert row["change"] == pytest.approx(wanted, rel=0.02, abs=1e-4)


def test_the_mixture_has_the_share_of_noise_that_its_row_says(small):
    """It is the mixture of the method with a noise fraction, of the whole matrix's mean."""
    watched = attention.Watched(NativeModel(small.load("float64", "eager")), small.architecture)
    noises = {
        0: tuple(
            noise_tensors(small.tensors, small.architecture, one, "gaussian", 0)
            for one in ("q", "mlp")
        )
    }
    documents = attention.first_documents(TEXTS)
    mixtures, rows = matched_mixtures(watched, small.tensors, "mlp", noises, *documents)
    for row in rows:
        for one in small.architecture.singles("mlp"):
            name, share = f"{row['block']}.{one}.weight", row["noise_fraction"]
            pristine = small.architecture.matrix(one, row["block"]).of(small.tensors)
            mean = pristine.astype(np.float64).mean()
            mixed = np.sqrt(1 - share) * (pristine - mean) + np.sqrt(share) * (
                noises[0][1][name] - mean
            )
            np.testing.assert_allclose(mixtures[0][name], mixed + mean, rtol=1e-5, atol=1e-7)
    assert 0 < rows[1]["noise_fraction"] < 1


@pytest.mark.parametrize("wanted", [0, 0.03, 0.5, 0.999])
def test_the_nearest_step_is_found(wanted):
    k, change = nearest(lambda k: 2 * k / STEPS, wanted, 2.0)
    assert abs(k - wanted * STEPS / 2) <= 0.5
    assert change == 2 * k / STEPS


def test_a_bent_curve_takes_few_steps():
    tried = []

    def change(k):
        tried.append(k)
        return (k / STEPS) ** 3

    k, _ = nearest(change, 0.01, 1.0)
    assert abs(k - 0.01 ** (1 / 3) * STEPS) <= 1
    assert len(tried) <= 24  # of which every third halves what is left, of 16 bits


def test_a_change_that_is_out_of_reach_takes_all_noise():
    assert nearest(lambda k: k / STEPS, 3.0, 1.0) == (STEPS, 1.0)


def test_blocks_change_the_stream_of_the_pristine_model_alone(small, monkeypatch):
    """The changes of a block do not depend on what replaces the blocks before it."""
    watched = attention.Watched(NativeModel(small.load("float64", "eager")), small.architecture)
    noises = {
        0: tuple(
            noise_tensors(small.tensors, small.architecture, one, "gaussian", 0)
            for one in ("q", "mlp_out")
        )
    }
    documents = attention.first_documents(TEXTS)
    _, rows = matched_mixtures(watched, small.tensors, "mlp_out", noises, *documents)
    monkeypatch.setattr(matched_outputs, "nearest", lambda change, wanted, whole: (STEPS, whole))
    _, whole = matched_mixtures(watched, small.tensors, "mlp_out", noises, *documents)
    for key in ("change_w_q", "change_all_noise"):
        assert [row[key] for row in rows] == [row[key] for row in whole]
    assert [row["change"] for row in whole] == [row["change_all_noise"] for row in whole]
