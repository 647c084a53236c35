"""Stacks: many interventions in one pass, each in its own rows, as if it were alone."""

from types import SimpleNamespace

import pytest
import torch
from needq.common.backends import Backend
from needq.common.settings import Generation
from needq.inference import stack
from needq.inference.backend import load
from needq.inference.generate import generate_all
from needq.inference.native import NativeModel
from needq.inference.patcher import Patcher
from needq.inference.stack import Stack, levels, stacks

EXACT = Backend(arithmetic="exact", precision="float64", rng="keyed")
VARIANTS = {
    "q": {},
    "k": {"matrix": "k"},
    "v": {"matrix": "v", "block_order": [2, 0]},
    "o": {"matrix": "o"},
    "single": {"steps": "single"},
    "heads": {"heads": [0, 2]},
    "key heads": {"matrix": "k", "heads": [1]},
    "output heads": {"matrix": "o", "heads": [1]},
    "dimensions": {"dimensions": [0, 5, 23]},
    "dimensions of o": {"matrix": "o", "dimensions": [0, 5, 6, 23]},
    "heads and dimensions": {"heads": [1], "dimensions": [4, 9]},
    "each head": {"steps": "heads", "heads": [0, 2]},
    "each head of keys": {"steps": "heads", "heads": [0], "matrix": "k"},
    "groups of dimensions": {"steps": "dimensions", "groups": 3},
    "doses": {"steps": "doses", "doses": [0.1, 0.5, 1]},
    "temperatures": {"steps": "doses", "doses": [0, 0.5, 2], "method": "scaled", "bias": "replace"},
    "q and k": {"matrix": "qk"},
    "all of attention": {"matrix": "qkv", "bias": "replace"},
    "what the MLP reads": {"matrix": "mlp_in"},
    "what the MLP writes": {"matrix": "mlp_out", "bias": "replace"},
    "each MLP": {"matrix": "mlp", "steps": "single", "noise_fraction": 0.5},
    "dimensions of the MLP": {"matrix": "mlp", "steps": "dimensions", "groups": 2},
    "noise fraction": {"noise_fraction": 0.3},
    "bias": {"bias": "replace"},
    "bias of heads": {"bias": "replace", "heads": [2]},
    "bias of o": {"bias": "replace", "matrix": "o", "heads": [0]},
    "from the end": {"block_order": "reversed"},
}
IDS = torch.tensor([[0, 0, 3, 1, 4, 1], [2, 7, 1, 8, 2, 8], [0, 5, 5, 5, 5, 5]])
MASK = torch.tensor([[False] * 2 + [True] * 4, [True] * 6, [False] + [True] * 5])
MORE = torch.tensor([[3, 1], [4, 1], [5, 9]])
TOKENS = {"prompts": [list(b"The cat"), list(b"x")], "end": None, "documents": [], "bytes": []}
SETTINGS = Generation(prompts=["The cat", "x"], sample_seeds=[5, 7], max_new_tokens=6)


@pytest.fixture(params=["exact", "native"])
def model(request, small):
    """A model in exact arithmetic, and in native float64."""
    if request.param == "exact":
        return load(small.backup, EXACT)
    return NativeModel(small.load("float64"))


def same(model, one, other):
    """Whether logits are the same bits, in exact arithmetic, or nearly."""
    if isinstance(model, NativeModel):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)
    else:
        assert torch.equal(one, other)


@torch.inference_mode()
@pytest.mark.parametrize("variant", VARIANTS)
def test_each_patch_has_the_logits_that_it_has_alone(model, small, corrupted, variant):
    """After prompts of several lengths, and after two more tokens each."""
    patches, noise = corrupted(small, noise_seeds=(0, 1), **VARIANTS[variant])
    patcher = Patcher(model, small.backup / "model.safetensors", noise)
    together, rows = Stack(model, patcher, patches), len(IDS)
    logits, cache = together.start(IDS, MASK)
    with together.applied(rows):
        more, _ = model.logits(MORE.repeat(len(patches), 1), cache)
    assert len(logits) == len(more) == rows * len(patches)
    for number, patch in enumerate(patches):
        own = slice(number * rows, (number + 1) * rows)
        with patcher.applied(patch.slices):
            alone, cache = model.logits(IDS, None, MASK, last=True)
            same(model, logits[own], alone)
            same(model, more[own], model.logits(MORE, cache)[0])
    assert not torch.allclose(logits[:rows], logits[-rows:])
    # the model is pristine again
    same(model, model.logits(IDS, None, MASK, last=True)[0], logits[:rows])


def test_in_exact_arithmetic_no_bit_of_a_text_changes(small, corrupted):
    patches, noise = corrupted(small, noise_seeds=(0, 1))
    model = load(small.backup, EXACT)
    patcher = Patcher(model, small.backup / "model.safetensors", noise)
    made = [
        generate_all(model, patcher, patches, TOKENS, SETTINGS, EXACT.changed(**changes))
        for changes in ({}, {"stack": False}, {"batch": 3}, {"cache": False})
    ]
    assert made[1:] == made[:1] * 3
    assert [text["intervention"] for text in made[0]] == [
        patch.intervention for patch in patches for _ in range(4)
    ]


def test_patches_pass_together_by_sweep_and_noise_seed(small, corrupted):
    patches, _ = corrupted(small, noise_seeds=(0, 1))
    native, exact = NativeModel(small.load()), load(small.backup, EXACT)
    parts = list(stacks(native, patches, Backend(), 4, 20))
    assert [len(part) for part in parts] == [1, 4, 4]
    assert [{patch.noise_seed for patch in part} for part in parts] == [{None}, {0}, {1}]
    alone = stacks(native, patches, Backend(stack=False), 4, 20)
    assert [len(part) for part in alone] == [1] * 9
    assert [len(part) for part in stacks(exact, patches, EXACT, 4, 20)] == [9]


def test_a_stack_that_would_not_fit_is_cut_and_no_exact_bit_changes(small, corrupted, monkeypatch):
    patches, noise = corrupted(small, noise_seeds=(0, 1))
    model = load(small.backup, EXACT)
    # keys and values of 4 blocks, in float64 with a power of two for the values of each head
    size, heads = small.architecture.head_width, small.architecture.key_value_heads
    assert model.bytes_per_token() == 4 * heads * (2 * size + 1) * 8
    native = NativeModel(small.load("bfloat16"))
    assert native.bytes_per_token() == 4 * 2 * heads * size * 2
    patcher = Patcher(model, small.backup / "model.safetensors", noise)
    whole = generate_all(model, patcher, patches, TOKENS, SETTINGS, EXACT)
    room = 4 * (7 + 6) * model.bytes_per_token()  # the four texts of one patch
    for times, wanted in ((2, [2, 2, 2, 2, 1]), (5, [5, 4]), (0.5, [1] * 9)):
        monkeypatch.setattr(stack, "STACK_BYTES", int(room * times))
        assert [len(part) for part in stacks(model, patches, EXACT, 4, 13)] == wanted
        assert generate_all(model, patcher, patches, TOKENS, SETTINGS, EXACT) == whole
    # of many texts, a batch passes at a time
    monkeypatch.setattr(stack, "STACK_BYTES", 3 * room)
    few = EXACT.changed(batch=4)
    assert [len(part) for part in stacks(model, patches, few, 400, 13)] == [3, 3, 3]


@pytest.mark.parametrize(
    ("exact", "device", "memory", "most"),
    [
        (True, "cpu", 1 << 37, 1 << 30),
        (True, "cuda", 1 << 37, 1 << 33),
        (True, "cuda", 1 << 33, 1 << 30),
        (False, "cuda", 1 << 37, 1 << 30),  # bits must not depend on the machine
    ],
)
def test_an_exact_stack_on_a_gpu_is_as_large_as_the_gpu_allows(
    monkeypatch, exact, device, memory, most
):
    gpu = SimpleNamespace(total_memory=memory)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: gpu)
    model = SimpleNamespace(exact=exact, device=torch.device(device))
    assert stack.stack_bytes(model) == most


def test_prefixes_are_computed_once(gpt2, corrupted):
    patches, _ = corrupted(gpt2, noise_seeds=(0, 1))
    made = levels(patches, 4)
    # one pristine path, and for each noise seed 1 to 4 replaced before each block
    assert [len(level.slices) for level in made] == [3, 5, 7, 9]
    assert made[0].of_patch == [0, 1, 1, 1, 1, 2, 2, 2, 2]
    assert made[1].parents == [0, 1, 1, 2, 2]
    assert [len(slices) for slices in made[1].slices] == [0, 0, 1, 0, 1]
    assert made[3].of_patch == list(range(9))
    from_end, _ = corrupted(gpt2, block_order="reversed")
    assert [len(level.slices) for level in levels(from_end, 4)] == [2, 3, 4, 5]


def test_rows_without_replacements_are_left_alone(gpt2, corrupted):
    """A module's outputs are computed again for the rows that have them replaced, and no others."""
    patches, noise = corrupted(gpt2)
    model = NativeModel(gpt2.load("float64"))
    patcher = Patcher(model, gpt2.backup / "model.safetensors", noise)
    module = model.model.get_submodule("transformer.h.1.attn.c_attn")
    x = torch.randn(5 * 2, 3, 24, dtype=torch.float64)
    with torch.inference_mode():
        before = module(x)
        with Stack(model, patcher, patches).applied(2):
            after = module(x)
        assert torch.equal(module(x), before)
    changed = (before != after).any(1)
    assert not changed[:4].any()  # none or the first block replaced
    assert changed[4:, :24].all()  # W_Q
    assert not changed[:, 24:].any()
