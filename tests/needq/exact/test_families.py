"""Exact models of every family that has one: near transformers in float64, and stacked to the bit.

Sizes and settings are those that hypothesis makes, of what exact arithmetic has.
"""

import tempfile
from pathlib import Path

import pytest
import torch
from family_models import CASES, FEW, models
from hypothesis import assume, given
from hypothesis import strategies as st
from needq.backup.architectures import find_architecture
from needq.backup.families import FAMILIES
from needq.backup.model import back_up
from needq.common.backends import Backend
from needq.common.files import read_json
from needq.common.keys import MLPS
from needq.corrupt.methods import noise_tensors
from needq.corrupt.patches import make_patches
from needq.exact.load import KINDS
from needq.exact.supported import lacking
from needq.inference.backend import load
from needq.inference.patcher import Patcher
from needq.inference.stack import Stack
from needq.plan.interventions import Intervention
from safetensors.numpy import load_file
from saved import save_small
from small import config_of

# longer than the windows of the small models, and of three lengths
IDS = torch.tensor(
    [[3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8], [0] * 5 + [2, 7, 1, 8, 2, 8, 1], [6] * 12]
)
MASK = torch.arange(12) >= torch.tensor([[0], [5], [9]])
MORE = torch.tensor([[7, 1], [3, 2], [9, 3]])
EXACT = Backend(arithmetic="exact", precision="float64", rng="keyed")


def architecture_of(case):
    name = case.split()[0]
    return f"{name}LMHeadModel" if name == "GPT2" else f"{name}ForCausalLM"


@pytest.mark.parametrize("case", [case for case in CASES if architecture_of(case) in KINDS])
@FEW
@given(data=st.data())
def test_an_exact_model_is_near_float64_and_a_stack_changes_no_bit(case, data):
    made = data.draw(models(case))
    with tempfile.TemporaryDirectory() as folder:
        source, backup = Path(folder) / "source", Path(folder) / "backup"
        save_small(made, source)
        back_up(config_of(source), backup)
        config = read_json(backup / "config.json")
        assume(lacking(config) is None)
        model = load(backup, EXACT)
        kernels = "eager"
        reference = load(backup, Backend(precision="float64", kernels=kernels))
        matrices = [data.draw(st.sampled_from(names)) for names in ("qkvo", MLPS)]
        check_near(model, reference)
        for matrix in matrices:
            check_stack(model, backup, find_architecture(config), matrix)


def check_near(model, reference):
    """Logits of texts padded on the left, and of two tokens more with the cache."""
    wanted, kept = reference.logits(IDS, mask=MASK)
    logits, cache = model.logits(IDS, mask=MASK)
    assert difference(logits[MASK], wanted[MASK]) < 1e-7
    wanted, _ = reference.logits(MORE, kept)
    logits, _ = model.logits(MORE, cache)
    assert difference(logits, wanted) < 1e-7


def difference(left, right):
    return float((left - right).abs().max() / right.abs().max())


def check_stack(model, backup, architecture, matrix):
    """Each patch has the bits that it has alone, after texts and after two tokens more."""
    tensors = load_file(backup / "model.safetensors")
    noise = {f"{matrix}-gaussian-0": noise_tensors(tensors, architecture, matrix, "gaussian", 0)}
    blocks = range(architecture.n_blocks)
    head = None if matrix in MLPS else (0,)
    chosen = [intervention(matrix, b, h) for b, h in (((), None), ((1,), head), (blocks, None))]
    patches = make_patches(chosen, architecture, tensors, noise)
    patcher = Patcher(model, backup / "model.safetensors", noise)
    together = Stack(model, patcher, patches)
    first, cache = together.start(IDS, MASK)
    with together.applied(len(IDS)):
        second, _ = model.logits(MORE.repeat(len(patches), 1), cache)
    seen = []
    for number, patch in enumerate(patches):
        own = slice(number * len(IDS), (number + 1) * len(IDS))
        with patcher.applied(patch.slices):
            alone, cache = model.logits(IDS, None, MASK, last=True)
            assert torch.equal(first[own], alone)
            assert torch.equal(second[own], model.logits(MORE, cache)[0])
        assert all(not torch.equal(alone, other) for other in seen)
        seen.append(alone)
    assert torch.equal(model.logits(IDS, None, MASK, last=True)[0], seen[0])  # restored


def intervention(matrix, blocks, heads):
    return Intervention(
        sweep="test",
        matrix=matrix,
        block_indices=tuple(blocks),
        heads=heads,
        dimensions=None,
        method="gaussian",
        noise_fraction=1.0,
        bias="replace",
        noise_seed=0 if blocks else None,
        steps="cumulative",
    )


def test_every_exact_architecture_has_a_case():
    assert {architecture_of(case) for case in CASES} >= set(KINDS)
    assert set(KINDS) <= set(FAMILIES)
