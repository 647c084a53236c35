"""Families: slices of every one are what its own attention computes with, and nothing else is."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from family_models import FAMILIES, FEW, by_hand, models, watched
from hypothesis import given
from hypothesis import strategies as st
from needq.backup.architectures import find_architecture
from needq.backup.model import back_up
from needq.common.files import read_json
from safetensors.numpy import load_file
from saved import save_small
from small import config_of

IDS = torch.tensor([[3, 1, 4, 1, 5, 9, 2, 6, 5, 3]])


def backed_up(model, folder):
    """The backup of a model, through the gate and with its self-check: its folder."""
    save_small(model, folder / "source")
    back_up(config_of(folder / "source"), folder / "backup")
    return folder / "backup"


@pytest.mark.parametrize("family", FAMILIES)
@FEW
@given(data=st.data())
def test_a_backup_holds_every_tensor_and_says_where_the_matrices_are(family, data):
    model = data.draw(models(family))
    with tempfile.TemporaryDirectory() as name:
        folder = backed_up(model, Path(name))
        architecture = find_architecture(read_json(folder / "config.json"))
        manifest = read_json(folder / "manifest.json")
        tensors = load_file(folder / "model.safetensors")
        # what was read is what was saved, to the bit
        saved = load_torch(Path(name) / "source")
        stored = {t["name"]: t["stored"] for t in manifest["tensors"]}
        assert set(stored.values()) == {"BF16" if model.dtype == torch.bfloat16 else "F32"}
        assert all(np.array_equal(tensors[n], t.float().numpy()) for n, t in saved.items())
        # and transformers reads it all back
        loaded = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    own = dict(loaded.named_parameters())
    for matrix in "qkvo":
        block = data.draw(st.integers(0, architecture.n_blocks - 1))
        layer, places = by_hand(loaded, matrix, block)
        whole = architecture.matrix(matrix, block)
        head_axis, _ = architecture.axes(matrix)
        mine = torch.from_numpy(whole.of(tensors))
        mine = mine if head_axis == (1 if matrix == "o" else 0) else mine.T
        axis = 1 if matrix == "o" else 0
        mine = mine.unflatten(axis, (architecture.heads_of(matrix), architecture.head_width))
        mine = mine if matrix != "o" else mine.transpose(0, 1)
        assert torch.equal(mine, layer.weight.flatten()[places])
        assert own[whole.tensor] is layer.weight
        assert loaded.get_submodule(whole.slices[0].module) is layer
        outputs = layer.weight.shape[architecture.output_axis]
        assert layer(torch.zeros(layer.weight.shape[1 - architecture.output_axis])).shape == (
            outputs,
        )
        bias = architecture.bias(matrix, block)
        assert (bias is not None) == (layer.bias is not None)
        if bias is not None:
            assert own[bias.tensor] is layer.bias


def load_torch(folder):
    from safetensors.torch import load_file as load

    return load(folder / "model.safetensors")


@pytest.mark.parametrize("family", FAMILIES)
@FEW
@given(data=st.data())
def test_attention_sees_a_change_of_the_chosen_heads_alone(family, data):
    model = data.draw(models(family)).float().eval()
    architecture = find_architecture(model.config.to_dict() | {"architectures": None})
    randomise(model)
    parameters = dict(model.named_parameters())
    block = data.draw(st.integers(0, architecture.n_blocks - 1))
    for matrix in "qkv":
        head = data.draw(st.integers(0, architecture.heads_of(matrix) - 1))
        before = seen(model)
        parts = architecture.parts(matrix, block, heads=[head])
        parts += architecture.bias_parts(matrix, block, heads=[head])
        kept = {part.tensor: parameters[part.tensor].detach().clone() for part in parts}
        with torch.no_grad():
            for part in parts:
                parameters[part.tensor][part.index()] += 1
        after = seen(model)
        with torch.no_grad():
            for name, values in kept.items():
                parameters[name].copy_(values)
        assert len(before) == len(after) == architecture.n_blocks
        for number in range(block):
            assert all(torch.equal(before[number][m], after[number][m]) for m in "qkv")
        for other in "qkv":
            assert before[block][other].shape[1] == architecture.heads_of(other)
            same = [
                torch.equal(old, new)
                for old, new in zip(
                    before[block][other].unbind(1), after[block][other].unbind(1), strict=True
                )
            ]
            assert same == [(other, n) != (matrix, head) for n in range(len(same))]


@pytest.mark.parametrize("family", FAMILIES)
@FEW
@given(data=st.data())
def test_a_head_of_w_o_reads_what_attention_gives_for_that_head(family, data):
    model = data.draw(models(family)).float().eval()
    architecture = find_architecture(model.config.to_dict() | {"architectures": None})
    randomise(model)
    parameters = dict(model.named_parameters())
    block = data.draw(st.integers(0, architecture.n_blocks - 1))
    head = data.draw(st.integers(0, architecture.heads - 1))
    layer, _ = by_hand(model, "o", block)
    inputs = []
    hook = layer.register_forward_hook(lambda _, given, output: inputs.append(given[0]))
    with torch.no_grad():
        model(IDS)
    hook.remove()
    others = inputs[0].clone()
    others.unflatten(-1, (architecture.heads, -1))[..., head, :] = 0
    with torch.no_grad():
        wanted = layer(others)
        for part in architecture.parts("o", block, heads=[head]):
            parameters[part.tensor][part.index()] = 0
        torch.testing.assert_close(layer(inputs[0]), wanted)


def seen(model):
    """What the attention of each block sees of IDS."""
    with watched(model) as result, torch.no_grad():
        model(IDS)
        return result()


def randomise(model):
    """Weights far from those that a model begins with."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
