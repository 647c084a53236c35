"""Attention maps: transformers' own weights of a model that was saved with the noise in it."""

import numpy as np
import torch
from needq.common.attention import WORDS
from needq.corrupt.methods import noise_tensors
from needq.inference.attention import Watched
from needq.inference.attention_maps import attention_maps
from needq.inference.native import NativeModel

SENTENCE = list(range(1, WORDS + 9))


def test_maps_are_transformers_own_weights(small):
    architecture = small.architecture
    noise = noise_tensors(small.tensors, architecture, "q", "gaussian", 0)
    watched = Watched(NativeModel(small.load("float32", "eager")), architecture)
    found = attention_maps(watched, small.tensors, noise, SENTENCE)
    assert list(found) == ["pristine", "all blocks"]
    model = small.load("float32", "eager")
    for name in found:
        if name == "all blocks":
            parameters = dict(model.named_parameters())
            for block in range(architecture.n_blocks):
                (place,) = architecture.matrix("q", block).slices
                with torch.no_grad():
                    drawn = torch.from_numpy(noise[f"{block}.weight"])
                    parameters[place.tensor][place.index()] = drawn
        with torch.inference_mode():
            ids = torch.tensor([SENTENCE[:WORDS]])
            wanted = model(input_ids=ids, output_attentions=True).attentions
        wanted = np.stack([weights[0].numpy() for weights in wanted])
        np.testing.assert_allclose(found[name], wanted, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(found[name].sum(-1), 1, rtol=1e-5)
    assert abs(found["pristine"] - found["all blocks"]).max() > 0.01
