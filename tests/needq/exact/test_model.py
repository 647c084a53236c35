"""The exact models: the same bits however they are computed, and close to transformers' own."""

import json
import math
import os
import subprocess
import sys

import keyed_models
import pytest
import torch
from needq.backup.architectures import find_architecture
from needq.common.backends import Backend
from needq.exact import attention, compiled, layers, tiles
from needq.exact.arithmetic import RangeError, digest
from needq.exact.load import load_exact
from needq.exact.model import ContextError, UnsupportedModelError
from needq.inference.backend import load
from safetensors.torch import save_file
from torch.utils._python_dispatch import TorchDispatchMode

MODELS = keyed_models.models()
IDS = keyed_models.ids()
GOLDEN = {
    "gpt2": "540aaad46e5c1889113f0e542649aac1ab933f1210e2bc1bb4680dde761d422b",
    "llama": "f2b1d38d01d35de4b6d391ab959ddffc91b470228725c0d23499c34d75d3009b",
    "scaled gpt2": "3af6c7e1d24e0f7ffed08c950f07894851b1cba410c186ff998cdf77826b575b",
    "smollm3": "24afd42e0b1016ad524366959058e093c8587d06a7c3b34a13e57adbd4871d40",
    "qwen3": "7ce3f45142c8a12cfe6cf7f26d3b2bf382c722182a04ab6952d3b30db385eb48",
    "olmo2": "c7768637eaaf01f2e85a2ae92c41a0cd9fcfceb03f89cb4173dc8e8043db6721",
    "gemma2": "e50af40db9abd3f8a24bc8a4840e7edaa2335e0f5352e6df44c43fb302713cdb",
    "gemma3": "da838e8ae5a738b73f996cb251272693189c5e13065ed29258f3a0caf7c4c97b",
    "phi3": "f3170040b1eebd0dc9accc5bb342f8461e949ebcf758b41049a7d88a7b2dc3c2",
    "phi": "390e6c5762283fe37c8a09ba3b15c41a48cc2187e8664ddd062cdef1b057bca1",
    "stablelm": "5cb2402cab555e1e908bbb05cfeac07211596d454d0acbe19ba2fc608ac8104d",
    "neox": "6cbc32bd5bb6c43d700c3ea2cdc7512482a5eb494ec7600bfc5fecbe3864db8f",
    "opt": "e63b869218c7c37e49af2a2ab5ac30bacd953666c7892c5569e0913fefa9ffd1",
    "granite": "877c40cf634f6f98ec47d6d6fa3a212f549e43c6758d32cfff52ea40beb67b48",
}


@pytest.fixture(params=sorted(MODELS))
def name(request):
    return request.param


@pytest.fixture
def model(name):
    return MODELS[name]


@pytest.fixture(scope="module")
def full():
    return {name: model.logits(IDS)[0] for name, model in MODELS.items()}


def in_pieces(model, ids, pieces):
    cache, results = None, []
    for piece in ids.split(pieces, 1):
        logits, cache = model.logits(piece, cache)
        results.append(logits)
    return torch.cat(results, 1)


def test_golden_digest(name, full):
    assert digest(full[name]) == GOLDEN[name]


@pytest.mark.parametrize(
    "variables",
    [
        {"ATEN_CPU_CAPABILITY": "default", "OMP_NUM_THREADS": "1"},
        {"MKL_ENABLE_INSTRUCTIONS": "SSE4_2", "OMP_NUM_THREADS": "2"},
        {"MKL_CBWR": "COMPATIBLE", "OMP_NUM_THREADS": "3"},
        {"OPENBLAS_CORETYPE": "Prescott", "OPENBLAS_NUM_THREADS": "1"},
        {"OPENBLAS_CORETYPE": "Haswell", "OPENBLAS_NUM_THREADS": "2"},
        {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""},
    ],
    ids=" ".join,
)
def test_instruction_sets_do_not_matter(full, variables):
    done = subprocess.run(
        [sys.executable, keyed_models.__file__, "cpu"],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    digests = dict(line.split("\t") for line in done.stdout.splitlines())
    assert digests == {name: digest(logits[:2]) for name, logits in full.items()}


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_golden_digest_on_cuda(name):
    assert digest(keyed_models.models("cuda")[name].logits(IDS)[0]) == GOLDEN[name]


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_do_not_matter(name, model, full, threads):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        assert torch.equal(model.logits(IDS[:2])[0], full[name][:2])
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("batch", [1, 3])
def test_the_batch_does_not_matter(name, model, full, batch):
    parts = [model.logits(part)[0] for part in IDS.split(batch)]
    assert torch.equal(torch.cat(parts), full[name])


@pytest.mark.parametrize(("pieces", "more"), [(1, 5), (1, 32), (7, 1), (32, 5)])
def test_the_cache_does_not_matter(name, model, full, pieces, more, monkeypatch):
    monkeypatch.setattr(attention, "MORE_TOKENS", more)
    assert torch.equal(in_pieces(model, IDS[:3, :33], pieces), full[name][:3, :33])


CUDA_CHUNKS = layers.CHUNK_ROWS["cuda"], attention.CHUNK_SCORES["cuda"]


@pytest.mark.parametrize(("rows", "scores"), [(7, 1), (17, 4000), CUDA_CHUNKS])
def test_chunks_do_not_matter(name, model, full, rows, scores, monkeypatch):
    monkeypatch.setitem(layers.CHUNK_ROWS, "cpu", rows)
    monkeypatch.setitem(attention.CHUNK_SCORES, "cpu", scores)
    assert torch.equal(model.logits(IDS)[0], full[name])


def test_compiled_loops_do_not_matter(name, model, full, monkeypatch):
    monkeypatch.setattr(compiled, "find_loops", lambda: None)
    assert torch.equal(model.logits(IDS)[0], full[name])


def test_a_cache_serves_several_continuations(name, model, full):
    """What is added in one of them reaches no other, though they share memory."""
    _, cache = model.logits(IDS[:1, :8])
    one, longer = model.logits(IDS[:1, 8:9], cache)
    other, _ = model.logits(IDS[1:2, 8:9], cache)
    again, _ = model.logits(IDS[:1, 8:9], cache)
    assert torch.equal(one, full[name][:1, 8:9])
    assert torch.equal(again, one)
    assert not torch.equal(other, one)
    assert torch.equal(model.logits(IDS[:1, 9:50], longer)[0], full[name][:1, 9:50])


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_does_not_matter(name, model, full, side):
    """Prompts of 5, 9 and 12 tokens side by side, then tokens one by one."""
    lengths, width = [5, 9, 12], 12
    ids, mask = torch.full((3, width), 11), torch.zeros(3, width, dtype=torch.bool)
    for row, length in enumerate(lengths):
        place = slice(width - length, width) if side == "left" else slice(0, length)
        ids[row, place], mask[row, place] = IDS[row, :length], True
    logits, cache = model.logits(ids, mask=mask)
    for row, length in enumerate(lengths):
        assert torch.equal(logits[row, mask[row]], full[name][row, :length])
    for step in range(3):
        new = torch.stack([IDS[row, n + step] for row, n in enumerate(lengths)])[:, None]
        logits, cache = model.logits(new, cache)
        expected = torch.stack([full[name][row, n + step] for row, n in enumerate(lengths)])
        assert torch.equal(logits[:, 0], expected)


def test_rows_of_a_cache_can_be_chosen_and_repeated(name, model, full):
    _, cache = model.logits(IDS[:3, :20])
    index = torch.tensor([2, 0, 2])
    logits, _ = model.logits(
        IDS[index, 20:22],
        type(cache)(tuple(kept.rows(index) for kept in cache.blocks), cache.real[index]),
    )
    assert torch.equal(logits, full[name][index, 20:22])
    logits, _ = model.logits(IDS[:3, 20:21], cache)  # the cache itself is as it was
    assert torch.equal(logits, full[name][:3, 20:21])


def test_flush_denormal_does_not_matter(name, full):
    config, tensors = SOURCES[name]
    tensors = {key: t.clone() for key, t in tensors.items()}
    for key in tensors:
        if tensors[key].dim() == 2:
            tensors[key][3] = 2.0**-140
    plain = digest(load_exact(config, tensors).logits(IDS)[0])
    try:
        torch.set_flush_denormal(True)
        assert digest(load_exact(config, tensors).logits(IDS)[0]) == plain
    finally:
        torch.set_flush_denormal(False)


SOURCES = {name: (keyed_models.config(name), keyed_models.tensors(name)) for name in MODELS}
# what has an entry for each hidden unit, and on which axis
HIDDEN = [("c_fc.weight", 1), ("c_fc.bias", 0), ("mlp.c_proj.weight", 0)]
HIDDEN += [("gate_proj.weight", 0), ("up_proj.weight", 0), ("down_proj.weight", 1)]
HIDDEN += [("gate_proj.bias", 0), ("up_proj.bias", 0), ("gate_up_proj.weight", 0)]
HIDDEN += [("fc1.weight", 0), ("fc1.bias", 0), ("fc2.weight", 1)]
HIDDEN += [("h_to_4h.weight", 0), ("h_to_4h.bias", 0), ("4h_to_h.weight", 1)]


def test_the_order_of_hidden_units_does_not_matter(name, full):
    config, tensors = SOURCES[name]
    order = torch.randperm(keyed_models.HIDDEN, generator=torch.Generator().manual_seed(0))
    permuted = dict(tensors)
    for key in tensors:
        for suffix, dim in HIDDEN:
            if key.endswith(suffix):
                parts = tensors[key].split(keyed_models.HIDDEN, dim)  # Phi-3 has two in one
                permuted[key] = torch.cat([part.index_select(dim, order) for part in parts], dim)
    assert sum(not torch.equal(permuted[key], tensors[key]) for key in tensors) >= 6
    assert torch.equal(load_exact(config, permuted).logits(IDS)[0], full[name])


class Operations(TorchDispatchMode):
    """Collects the operations that torch carries out, and refuses division by a number."""

    def __init__(self):
        super().__init__()
        self.names = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.name().removeprefix("aten::").split(".")[0].strip("_")
        self.names.add(name)
        if name in ("div", "reciprocal"):
            assert all(isinstance(arg, torch.Tensor) for arg in args), "division by a number"
        if name in ("add", "sub"):
            # times a power of two is exact, so that fused or not, the sum alone is rounded
            alpha = (kwargs or {}).get("alpha", 1)
            assert math.frexp(alpha)[0] == 0.5, "a fused multiply-add"
        return function(*args, **(kwargs or {}))


ROUNDED = {"add", "sub", "rsub", "mul", "div", "neg", "abs", "sqrt"}  # correctly, each for itself
INTEGERS = {"mm", "bmm", "sum", "cumsum", "bitwise_and", "bitwise_or", "bitwise_not", "ilshift"}
COMPARED = {"amax", "max", "clamp", "clamp_min", "eq", "gt", "le", "lt"}
COMPARED |= {"masked_fill", "where", "copysign"}
CREATED = {"arange", "full_like", "new_empty", "new_full", "new_ones", "ones_like", "zeros_like"}
CREATED |= {"lift_fresh", "scalar_tensor", "index"}
MOVED = {"view", "unsafe_view", "alias", "detach", "expand", "permute", "transpose", "unsqueeze"}
MOVED |= {"slice", "split", "split_with_sizes", "unbind", "cat", "stack", "clone"}
MOVED |= {"local_scalar_dense"}


def test_only_operations_of_known_rounding_are_used(model, monkeypatch):
    monkeypatch.setattr(tiles, "on_cpu", lambda x: False)  # numpy would hide them, and so would
    monkeypatch.setattr(compiled, "find_loops", lambda: None)  # compiled loops
    with torch.no_grad(), Operations() as operations:
        type(model).logits.__wrapped__(model, IDS[:2, :10])  # inference mode would hide them
    known = ROUNDED | INTEGERS | COMPARED | CREATED | MOVED
    assert operations.names <= known, operations.names - known


CHANGED = ("c_attn.weight", "q_proj.weight", "qkv_proj.weight", "query_key_value.weight")
EMBEDDINGS = ("wte.weight", "embed_tokens.weight", "embed_in.weight")
CHANGED += (*EMBEDDINGS, "embed_positions.weight", "ln_1.bias", "_norm.weight")


def test_replace_and_restore(name, full):
    config, tensors = SOURCES[name]
    model = load_exact(config, tensors)
    for key in tensors:
        if key.endswith(CHANGED):
            changed = tensors[key] * 1.25
            model.replace(key, changed)
            fresh = load_exact(config, tensors | {key: changed})
            assert torch.equal(model.logits(IDS[:1])[0], fresh.logits(IDS[:1])[0])
            assert not torch.equal(model.logits(IDS[:1])[0], full[name][:1])
            model.restore()
    assert torch.equal(model.logits(IDS)[0], full[name])


def test_an_untied_head(name):
    config, tensors = SOURCES[name]
    own = find_architecture(config).head
    (width,) = {shape.shape[1] for key, shape in tensors.items() if key.endswith(EMBEDDINGS)}
    head = keyed_models.tensor("another head", keyed_models.VOCABULARY, width)
    tied = load_exact(config, tensors).logits(IDS[:1])[0]
    untied = load_exact(config, tensors | {own: head}).logits(IDS[:1])[0]
    assert tied.shape == untied.shape
    assert not torch.equal(tied, untied)


def test_published_names_without_prefix(full):
    config, tensors = SOURCES["gpt2"]
    tensors = {key.removeprefix("transformer."): t for key, t in tensors.items()}
    tensors["h.0.attn.bias"] = torch.ones(1, 1, 64, 64).tril()
    assert torch.equal(load_exact(config, tensors).logits(IDS)[0], full["gpt2"])


def test_more_tokens_than_the_context_are_refused(model):
    ids = keyed_models.ids(1, 65)
    with pytest.raises(ContextError, match="65 tokens are more than the model's 64"):
        model.logits(ids)
    _, cache = model.logits(ids[:, :64])
    with pytest.raises(ContextError):
        model.logits(ids[:, 64:], cache)
    with pytest.raises(ContextError):
        model.begin(ids, torch.ones_like(ids, dtype=torch.bool))
    # padding does not count
    mask = torch.tensor([[False] + [True] * 64])
    assert torch.equal(model.logits(ids, mask=mask)[0][:, 1:], model.logits(ids[:, 1:])[0])


OUTPUTS = ("attn.c_proj.weight", "o_proj.weight", "out_proj.weight", "dense.weight")


def test_what_is_out_of_range_is_refused_by_name(name):
    config, tensors = SOURCES[name]
    key = next(key for key in tensors if key.endswith(OUTPUTS))
    spoilt = tensors[key].clone()
    spoilt[0, 0] = math.nan
    with pytest.raises(RangeError, match=key):
        load_exact(config, tensors | {key: spoilt})
    model = load_exact(config, tensors)
    # a norm after attention would bring it back into range
    last = [key for key in tensors if key.endswith("post_feedforward_layernorm.weight")]
    key = (last or [key])[0]
    model.replace(key, tensors[key].double() * 2.0**499)
    with pytest.raises(RangeError, match="residual stream after block 0"):
        model.logits(IDS)


def test_unknown_and_missing_tensors(name):
    config, tensors = SOURCES[name]
    with pytest.raises(KeyError, match="no weight named nonsense"):
        MODELS[name].replace("nonsense", torch.ones(1))
    key = next(iter(k for k in tensors if "norm" in k or "ln_1" in k))
    few = {k: t for k, t in tensors.items() if k != key}
    with pytest.raises(UnsupportedModelError, match=key):
        load_exact(config, few).logits(IDS)


@torch.inference_mode()
def test_errors_are_below_those_of_float32(name, full, tmp_path):
    config, tensors = SOURCES[name]
    (tmp_path / "config.json").write_text(json.dumps(config))
    save_file(tensors, tmp_path / "model.safetensors", {"format": "pt"})
    single, double = (
        load(tmp_path, Backend(precision=precision, kernels="eager")).logits(IDS)[0].double()
        for precision in ("float32", "float64")
    )
    error, error32 = (full[name] - double).abs().max(), (single - double).abs().max()
    assert error < 1e-6 * double.abs().max()
    assert error < error32


def test_the_last_logits_alone(model, name, full):
    logits, cache = model.logits(IDS[:3, :20], last=True)
    assert torch.equal(logits, full[name][:3, 19:20])
    assert torch.equal(model.logits(IDS[:3, 20:21], cache, last=True)[0], full[name][:3, 20:21])
