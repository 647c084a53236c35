"""Residual streams: those that transformers gives of the patched model, each once."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from family_models import FAMILIES, FEW, models
from hypothesis import given, settings
from hypothesis import strategies as st
from needq.backup.model import back_up
from needq.common.probes import BACKEND
from needq.inference.backend import load
from needq.inference.native import NativeModel
from needq.inference.patcher import Patcher
from needq.inference.stack import PRISTINE
from needq.inference.streams import each_stream
from saved import save_small
from small import config_of

DOCUMENTS = [[3, 1, 4, 1, 5, 9], [2, 7, 1, 8], [6, 6]]


def setting(made, corrupted, **changes):
    """A model, its patcher, and patches."""
    patches, noise = corrupted(made, **changes)
    model = NativeModel(made.load())
    return model, Patcher(model, made.backup / "model.safetensors", noise), patches


@pytest.mark.parametrize("batch", [1, 2, 8])
def test_streams_are_the_hidden_states_of_transformers(small, corrupted, batch):
    model, patcher, patches = setting(small, corrupted, noise_seeds=(0, 1))
    found = {
        (index, layer): values
        for indices, layer, values in each_stream(model, patcher, patches, DOCUMENTS, batch)
        for index in indices
    }
    assert len(found) == len(patches) * 5
    base = model.model.base_model
    norm = base.ln_f if hasattr(base, "ln_f") else base.norm
    for index, patch in enumerate(patches):
        with patcher.applied(patch.slices), torch.inference_mode():
            states = [
                model.model(torch.tensor([ids]), output_hidden_states=True).hidden_states
                for ids in DOCUMENTS
            ]
        for layer in range(5):
            expected = torch.cat([own[layer][0] for own in states])
            values = found[index, layer]
            if layer == 4:  # transformers gives the last one after its norm
                with torch.inference_mode():
                    values = norm(torch.from_numpy(values)).numpy()
            assert values.dtype == np.float32
            np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-5)


def test_streams_that_patches_share_come_once(gpt2, corrupted):
    model, patcher, patches = setting(gpt2, corrupted, noise_seeds=(0, 1))
    found = list(each_stream(model, patcher, patches, DOCUMENTS, 2))
    # of 4 blocks and 2 noise seeds: all before the first block, then as tests of the tree count
    layers = [layer for _, layer, _ in found]
    assert [layers.count(layer) for layer in range(5)] == [1, 3, 5, 7, 9]
    together = {
        layer: sorted(i for own, n, _ in found if n == layer for i in own) for layer in range(5)
    }
    assert all(indices == list(range(9)) for indices in together.values())


def test_the_model_is_pristine_afterwards(gpt2, corrupted):
    model, patcher, patches = setting(gpt2, corrupted)
    ids = torch.tensor([DOCUMENTS[0]])
    before = model.logits(ids)[0]
    list(each_stream(model, patcher, patches, DOCUMENTS, 2))
    assert torch.equal(model.logits(ids)[0], before)


@pytest.mark.parametrize("family", FAMILIES)
@settings(FEW, max_examples=1)
@given(data=st.data())
def test_streams_of_every_family(family, data):
    made = data.draw(models(family)).float()
    with tempfile.TemporaryDirectory() as name:
        source, backup = Path(name) / "source", Path(name) / "backup"
        save_small(made, source)
        back_up(config_of(source), backup)
        model = load(backup, BACKEND)
        patcher = Patcher(model, backup / "model.safetensors", {})
        found = list(each_stream(model, patcher, [PRISTINE], DOCUMENTS, 2))
    with torch.inference_mode():
        states = [
            model.model(torch.tensor([ids]), output_hidden_states=True).hidden_states
            for ids in DOCUMENTS
        ]
    assert [layer for _, layer, _ in found] == list(range(model.n_blocks + 1))
    for _, layer, values in found[:-1]:  # transformers gives the last one after its norm
        expected = torch.cat([own[layer][0] for own in states])
        np.testing.assert_allclose(values, expected, rtol=1e-3, atol=1e-4)
