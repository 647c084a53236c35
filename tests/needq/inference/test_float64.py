"""float64 is float64 from the first operation to the last, and other precisions stay themselves."""

import float64_llama
import numpy as np
import pytest
import torch
from formats import Formats
from mpmath import mp, mpf
from needq.common.backends import Backend
from needq.common.files import read_json
from needq.inference.backend import load
from needq.inference.float64 import Float64
from needq.inference.native import NativeModel
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel

IDS = torch.randint(0, 256, (2, 48), generator=torch.Generator().manual_seed(0))
KERNELS = pytest.mark.parametrize("kernels", ["sdpa", "eager"])


@pytest.fixture(params=["llama", "llama3"])
def any_llama(request):
    """A model with its rotary frequencies, as numbers of mpmath."""
    model = request.getfixturevalue(request.param)
    rope = read_json(model.backup / "config.json")["rope_parameters"]
    scaling = {name: rope[name] for name in rope if name not in ("rope_type", "rope_theta")}
    size = model.architecture.head_width
    return model, float64_llama.frequencies(size, rope["rope_theta"], scaling)


def error(values, wanted):
    """The largest difference, relative to the largest value."""
    wanted = torch.as_tensor(wanted)
    return float((values - wanted).abs().max() / wanted.abs().max())


def by_blocks(model):
    """The logits by the door of the prefix tree."""
    stream = model.begin(IDS, torch.ones_like(IDS, dtype=torch.bool))
    for block in range(model.n_blocks):
        stream = model.block(block, stream)
    return model.head(model.hidden(stream))


def in_pieces(model, piece):
    """The logits by the cache."""
    cache, parts = None, []
    for ids in IDS.split(piece, 1):
        logits, cache = model.logits(ids, cache)
        parts.append(logits)
    return torch.cat(parts, 1)


@KERNELS
def test_each_door_computes_the_equations_in_float64(any_llama, kernels):
    made, freqs = any_llama
    config = read_json(made.backup / "config.json")
    wanted = np.stack([float64_llama.logits(config, made.tensors, row, freqs) for row in IDS])
    model = NativeModel(made.load("float64", kernels))
    full = model.logits(IDS)[0]
    assert full.dtype == torch.float64
    for door in (full, by_blocks(model), in_pieces(model, 1), in_pieces(model, 7)):
        assert error(door, wanted) < 1e-12  # 5e-15 measured
    rows, mask = torch.cat([IDS[:, :5] * 0, IDS], 1), torch.ones(2, 53, dtype=torch.bool)
    mask[:, :5] = False
    assert error(model.logits(rows, mask=mask)[0][:, 5:], wanted) < 1e-12


@KERNELS
def test_exact_arithmetic_is_as_near_to_it_as_its_bits_allow(small, kernels):
    exact = load(small.backup, Backend(arithmetic="exact", precision="float64"))
    wanted = exact.logits(IDS)[0]
    logits = NativeModel(small.load("float64", kernels)).logits(IDS)[0]
    assert 0 < error(logits, wanted) < 1e-8  # 3.6e-9 measured: the roundings of exact arithmetic


def test_rotary_tables_and_norms_are_those_of_mpmath(any_llama):
    made, freqs = any_llama
    model = made.load("float64").model
    positions = torch.tensor([0, 1, 2, 17, 63])
    x = torch.randn(3, made.architecture.width, dtype=torch.float64)
    weights = model.norm.weight.tolist()
    with Float64():
        found = model.rotary_emb(x, positions[None])
        normal = model.norm(x)
    for table, wanted in zip(found, float64_llama.tables(positions.tolist(), freqs), strict=True):
        assert table.dtype == torch.float64
        assert np.abs(table[0].numpy() - wanted).max() < 1e-14
    for row, values in zip(x.tolist(), normal.tolist(), strict=True):
        mean = mp.fsum(mpf(v) ** 2 for v in row) / len(row)
        scale = 1 / mp.sqrt(mean + mpf(model.norm.variance_epsilon))
        wanted = [float(mpf(v) * scale * w) for v, w in zip(row, weights, strict=True)]
        assert np.allclose(values, wanted, rtol=1e-15, atol=0)


@KERNELS
def test_no_operation_meets_another_format(small, kernels):
    model = NativeModel(small.load("float64", kernels))
    with Formats() as formats:
        model.logits(IDS)
        by_blocks(model)
        in_pieces(model, 7)
    assert formats.seen == {torch.float64}


def test_an_upcasting_gpt2_has_nothing_to_cast(gpt2, tmp_path):
    sizes = GPT2Config.from_pretrained(gpt2.backup, reorder_and_upcast_attn=True)
    model = GPT2LMHeadModel(sizes)
    model.load_state_dict(gpt2.load().state_dict())
    model.save_pretrained(tmp_path)
    upcasting = load(tmp_path, Backend(precision="float64", kernels="eager"))
    with Formats() as formats:
        logits = upcasting.logits(IDS)[0]
    assert formats.seen == {torch.float64}
    assert error(logits, NativeModel(gpt2.load("float64")).logits(IDS)[0]) < 1e-14


@KERNELS
@pytest.mark.parametrize("precision", ["float64", "float32", "bfloat16", "float16"])
def test_all_else_has_the_bits_of_transformers(small, kernels, precision):
    """GPT-2 asks for no float32, so its float64 is transformers' own."""
    plain = AutoModelForCausalLM.from_pretrained(
        small.backup, dtype=getattr(torch, precision), attn_implementation=kernels
    ).eval()
    model = NativeModel(small.load(precision, kernels))
    widened = precision == "float64" and small.architecture.name == "LlamaForCausalLM"
    with torch.inference_mode():
        same = torch.equal(model.logits(IDS)[0], plain(IDS).logits)
    assert same != widened
    buffers = zip(model.model.buffers(), plain.buffers(), strict=True)
    assert all(torch.equal(ours, theirs) != widened for ours, theirs in buffers)
