"""The gate: no tensor of a model's files is changed, cast or left out without a word."""

import shutil

import pytest
import torch
from folders import edit, save_tensors, tensors_of
from needq.backup.architectures import find_architecture
from needq.backup.checkpoint import stored_tensors
from needq.backup.gate import admit
from needq.common.errors import UserError
from needq.common.files import read_json

QUERY = {
    "gpt2": "transformer.h.1.attn.c_attn.weight",
    "llama": "model.layers.1.self_attn.q_proj.weight",
}


@pytest.fixture(params=["gpt2", "llama"])
def folder(request, tmp_path):
    """A copy of a small model's folder, named after it."""
    source = request.getfixturevalue(request.param).source
    return shutil.copytree(source, tmp_path / request.param)


def query(folder):
    return QUERY[folder.name]


def admitted(folder):
    architecture = find_architecture(read_json(folder / "config.json"))
    return admit(architecture, stored_tensors(folder))


def refused(folder):
    with pytest.raises(UserError) as error:
        admitted(folder)
    assert "\n" not in str(error.value)
    return str(error.value)


def renamed(folder, rename):
    save_tensors(folder, {rename(name): tensor for name, tensor in tensors_of(folder).items()})


def test_every_tensor_is_admitted_under_its_own_name(folder):
    names = {name: name for name in tensors_of(folder)}
    assert admitted(folder) == (names, [])
    assert find_architecture(read_json(folder / "config.json")).shapes() == {
        name: tuple(tensor.shape) for name, tensor in tensors_of(folder).items()
    }


def test_names_without_the_prefix_are_those_of_the_hub(folder):
    prefix = query(folder).split(".")[0] + "."
    renamed(folder, lambda name: name.removeprefix(prefix))
    names, left_out = admitted(folder)
    assert left_out == []
    assert names[query(folder)] == query(folder).removeprefix(prefix)


def test_a_tensor_under_both_names_is_refused(folder):
    name = query(folder)
    short = name.split(".", 1)[1]
    save_tensors(folder, tensors_of(folder) | {short: torch.ones(2, 2)})
    assert f"hold {name} twice" in refused(folder)


@pytest.mark.parametrize("block", [0, 3])
def test_known_buffers_are_left_out_by_name(folder, block):
    buffers = {
        "gpt2": [f"transformer.h.{block}.attn.bias", f"h.{block}.attn.masked_bias"],
        "llama": [f"model.layers.{block}.self_attn.rotary_emb.inv_freq"],
    }[folder.name]
    # masks were stored in many formats
    save_tensors(
        folder, tensors_of(folder) | {n: torch.ones(3, dtype=torch.uint8) for n in buffers}
    )
    assert admitted(folder).left_out == sorted(buffers)


FORMATS = {
    "float64": True,
    "float32": True,
    "bfloat16": True,
    "float16": True,
    "float8_e4m3fn": False,
    "float8_e5m2": False,
    "complex64": False,
    "int64": False,
    "int32": False,
    "int16": False,
    "int8": False,
    "uint8": False,
    "uint16": False,
    "uint32": False,
    "bool": False,
}


@pytest.mark.parametrize("name", FORMATS)
def test_formats_that_are_not_floating_point_are_refused_by_name(folder, name):
    tensors = tensors_of(folder)
    tensors[query(folder)] = tensors[query(folder)].to(getattr(torch, name))
    save_tensors(folder, tensors)
    if FORMATS[name]:
        assert query(folder) in admitted(folder).names
    else:
        assert f"the tensor {query(folder)} is stored as " in refused(folder)


# what quantising leaves beside the weights: transformers#47145
SCALES = ("weight_scale", "weight_scale_inv", "SCB", "weight.absmax", "qzeros", "g_idx")
UNKNOWN = {
    **{name: (f"{{layer}}.{name}", "scales of quantised weights") for name in SCALES},
    "LoRA": ("{layer}.lora_A.default.weight", "adapter (LoRA) that is not merged"),
    "bias": ("model.layers.0.self_attn.q_proj.bias", "does not announce"),  # LlamaFactory#3721
    "norm of queries": ("model.layers.0.self_attn.q_norm.weight", "does not announce"),
    "another block": ("model.layers.9.self_attn.q_proj.weight", "does not announce"),
    "another head": ("value_head.weight", "does not announce"),
    "frequencies": ("rope_freqs.weight", "does not announce"),
    "buffer of another kind": ("model.layers.0.self_attn.bias", "does not announce"),
    "buffer of another block": ("transformer.h.77.attn.bias", "does not announce"),
    "buffer by other digits": ("transformer.h.\u0663.attn.bias", "does not announce"),
    "frequencies of another block": (
        "model.layers.7.self_attn.rotary_emb.inv_freq",
        "does not announce",
    ),
}


@pytest.mark.parametrize("kind", UNKNOWN)
def test_tensors_that_nothing_announces_are_refused_by_name(folder, kind):
    name, message = UNKNOWN[kind]
    name = name.format(layer=query(folder).removesuffix(".weight"))
    save_tensors(folder, tensors_of(folder) | {name: torch.ones(4)})
    line = refused(folder)
    assert f"hold tensors that are not known: {name} (" in line
    assert message in line


def test_a_block_more_than_config_json_says_is_refused(folder):
    key = {"gpt2": "n_layer", "llama": "num_hidden_layers"}[folder.name]
    edit(folder, **{key: 3})
    line = refused(folder)
    assert "tensors that are not known" in line
    assert ".3." in line


def test_a_block_less_than_config_json_says_is_refused(folder):
    key = {"gpt2": "n_layer", "llama": "num_hidden_layers"}[folder.name]
    edit(folder, **{key: 5})
    assert "have no tensor " in refused(folder)
    assert ".4." in refused(folder)


@pytest.mark.parametrize("prefix", ["_orig_mod.", "module.", "base_model.model."])
def test_names_of_a_wrapped_model_are_refused_for_what_they_are(folder, prefix):
    renamed(folder, lambda name: prefix + name)
    line = refused(folder)
    assert f"begin with {prefix}" in line
    assert "save the model inside" in line


def test_the_base_layer_of_an_adapter_is_refused(folder):
    renamed(
        folder,
        lambda name: (
            name.replace(".weight", ".base_layer.weight") if name == query(folder) else name
        ),
    )
    assert "adapter (LoRA)" in refused(folder)


def test_a_missing_tensor_is_refused_by_name(folder):
    tensors = tensors_of(folder)
    del tensors[query(folder)]
    save_tensors(folder, tensors)
    assert refused(folder) == f"model: its files have no tensor {query(folder)}"


def test_another_shape_is_refused_by_name(folder):
    tensors = tensors_of(folder)
    tensors[query(folder)] = tensors[query(folder)][1:]
    save_tensors(folder, tensors)
    assert f"the tensor {query(folder)} has the shape [23, " in refused(folder)


def test_a_head_of_its_own_is_left_out_only_where_config_json_ties_it(folder):
    tied = folder.name == "gpt2"
    tensors = tensors_of(folder)
    head = tensors["transformer.wte.weight" if tied else "lm_head.weight"]
    save_tensors(folder, tensors | {"lm_head.weight": head.clone()})
    assert admitted(folder).left_out == (["lm_head.weight"] if tied else [])
    edit(folder, tie_word_embeddings=not tied)
    assert admitted(folder).left_out == ([] if tied else ["lm_head.weight"])
