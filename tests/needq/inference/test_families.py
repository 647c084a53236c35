"""Families under native arithmetic: each is transformers' own model, patched by hand."""

import tempfile
from pathlib import Path

import pytest
import torch
import transformers
from family_models import FAMILIES, FEW, models, put_by_hand, put_mlp_by_hand
from formats import Formats
from hypothesis import given, settings
from hypothesis import strategies as st
from needq.backup.architectures import find_architecture
from needq.backup.model import back_up
from needq.backup.replaceable import check_methods
from needq.common.backends import Backend
from needq.common.errors import UserError
from needq.common.files import read_json
from needq.common.settings import Generation, Sweep
from needq.corrupt.methods import noise_tensors
from needq.corrupt.patches import make_patches
from needq.inference import fused
from needq.inference.generate import generate
from needq.inference.native import NativeModel, load_transformers
from needq.inference.patcher import Patcher
from needq.inference.prefix_tree import hidden_under_each
from needq.inference.sampling import Row
from needq.inference.score import hidden
from needq.inference.stack import Stack
from needq.plan.interventions import Intervention
from safetensors.numpy import load_file
from saved import save_small
from small import config_of
from transformers import GenerationConfig

# longer than the windows of the small models, and of three lengths
TEXTS = [[3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8], [2, 7, 1, 8, 2, 8, 1], [6, 6, 2]]
NEW = 10


def kernels_of(model):
    """Those with which transformers computes the family; sdpa leaves out Gemma 2's cap."""
    capped = getattr(model.config, "attn_logit_softcapping", None)
    return "sdpa" if type(model)._supports_sdpa and not capped else "eager"


def intervention(**changes):
    values = {"sweep": "test", "matrix": "q", "block_indices": (), "heads": None}
    values |= {"dimensions": None, "method": "gaussian", "noise_fraction": 1.0, "bias": "replace"}
    return Intervention(**values | {"noise_seed": 0, "steps": "cumulative"} | changes)


@pytest.mark.parametrize("family", FAMILIES)
@settings(FEW, max_examples=2)
@given(data=st.data())
def test_a_patched_model_is_transformers_own_patched_by_hand(family, data):
    made = data.draw(models(family))
    matrix = data.draw(st.sampled_from("qkvo"))

    def steps(architecture):
        head = data.draw(st.integers(0, architecture.heads_of(matrix) - 1))
        last = {"block_indices": (architecture.n_blocks - 1,), "heads": (head,)}
        return [{"noise_seed": None}, last, {"block_indices": (1,)}]

    def put(theirs, noise, block, done):
        put_by_hand(theirs, noise, matrix, block, done.heads)

    check_patched(made, matrix, steps, put)


@pytest.mark.parametrize("family", [family for family in FAMILIES if family != "Mixtral"])
@settings(FEW, max_examples=2)
@given(data=st.data())
def test_a_patched_mlp_is_transformers_own_patched_by_hand(family, data):
    made = data.draw(models(family))
    matrix = data.draw(st.sampled_from(["mlp_in", "mlp_out", "mlp"]))

    def steps(architecture):
        last = {"block_indices": (architecture.n_blocks - 1,), "bias": "keep"}
        return [{"noise_seed": None}, last, {"block_indices": (1,)}]

    def put(theirs, noise, block, done):
        put_mlp_by_hand(theirs, noise, block, done.bias == "replace")

    check_patched(made, matrix, steps, put)


@settings(FEW, max_examples=1)
@given(data=st.data())
def test_the_experts_of_mixtral_are_refused(data):
    made = data.draw(models("Mixtral"))
    with tempfile.TemporaryDirectory() as source:
        save_small(made, source)
        architecture = find_architecture(read_json(Path(source) / "config.json"))
    with pytest.raises(UserError, match="experts, which no sweep replaces"):
        check_methods(architecture, {"mlp": Sweep(matrix="mlp_out")})


def check_patched(made, matrix, steps, put):
    """Each of some steps, and all blocks, patched here and by hand: logits, texts, stacks.

    `steps` gives fields of interventions, and `put` puts noise into a block of transformers' model.
    """
    with tempfile.TemporaryDirectory() as name:
        source, backup = Path(name) / "source", Path(name) / "backup"
        save_small(made, source)
        back_up(config_of(source), backup)
        architecture = find_architecture(read_json(backup / "config.json"))
        tensors = load_file(backup / "model.safetensors")
        noise = noise_tensors(tensors, architecture, matrix, "gaussian", 0)
        every = {"block_indices": tuple(range(architecture.n_blocks))}
        chosen = [
            intervention(matrix=matrix, **changes) for changes in [*steps(architecture), every]
        ]
        patches = make_patches(chosen, architecture, tensors, {f"{matrix}-gaussian-0": noise})
        backend = Backend(kernels=kernels_of(made), rng="keyed", batch=8)
        model = NativeModel(load_transformers(backup, backend))
        patcher = Patcher(model, backup / "model.safetensors", {f"{matrix}-gaussian-0": noise})
        own = {n: p.clone() for n, p in model.model.named_parameters()}
        ids, mask = padded(TEXTS)
        tree = dict(hidden_under_each(model, patcher, patches, ids, mask))
        check_stack(model, patcher, patches)
        for number, (patch, done) in enumerate(zip(patches, chosen, strict=True)):
            theirs = transformers.AutoModelForCausalLM.from_pretrained(
                source,
                dtype=torch.float32,
                attn_implementation=backend.kernels,
                experts_implementation="eager",
            ).eval()
            for block in done.block_indices:
                put(theirs, noise, block, done)
            with patcher.applied(patch.slices):
                names = {n for n, p in model.model.named_parameters() if not torch.equal(p, own[n])}
                assert names == {part["tensor"] for part in patch.slices}
                logits, _ = model.logits(ids, mask=mask)
                # the tree of interventions gives the same bits
                assert torch.equal(model.head(tree[number]), logits)
                check_logits(model, logits, theirs)
                check_texts(model, backend, theirs)
        assert all(torch.equal(p, own[n]) for n, p in model.model.named_parameters())


@pytest.mark.parametrize("family", FAMILIES)
@settings(FEW, max_examples=2)
@given(data=st.data())
def test_fused_kernels_change_last_bits_only_in_every_family(family, data):
    made = data.draw(models(family)).float()
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(fused, "QUERIES", 5)  # the texts have up to 12 tokens
        save_small(made, folder)
        backend = Backend(kernels=kernels_of(made))
        own, fast = (NativeModel(load_transformers(Path(folder), backend)) for _ in range(2))
        fused.fuse(fast)
        ids, mask = padded(TEXTS)
        for real in (mask, torch.ones_like(mask)):
            [wanted, found] = (model.logits(ids, mask=real)[0][real] for model in (own, fast))
            assert difference(found, wanted) < 1e-4
        again = fast.logits(ids, mask=mask)[0]
        assert torch.equal(fast.head(hidden(fast, ids, mask)), again)


@pytest.mark.parametrize("family", FAMILIES)
@settings(FEW, max_examples=2)
@given(data=st.data())
def test_float64_is_float64_in_every_family(family, data):
    made = data.draw(models(family)).float()
    with tempfile.TemporaryDirectory() as folder:
        save_small(made, folder)
        loaded = [
            NativeModel(load_transformers(Path(folder), Backend(precision="float64", kernels=kind)))
            for kind in {kernels_of(made), "eager"}
        ]
    ids, mask = padded(TEXTS)
    # what Falcon adds to scores with ALiBi is by its definition a number in bfloat16
    alibi = family.startswith("Falcon") and made.config.alibi
    seen = []
    for model in loaded:
        with Formats() as formats:
            logits, _ = model.logits(ids, mask=mask)
        assert logits.dtype == torch.float64
        assert formats.seen - ({torch.bfloat16} if alibi else set()) == {torch.float64}
        seen.append(logits[mask])
    # whichever kernels are taken, the model is the same; ALiBi is rounded elsewhere by each
    assert alibi or difference(seen[0], seen[-1]) < 1e-9


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("family", FAMILIES)
@settings(FEW, max_examples=2)
@given(data=st.data())
def test_cuda_computes_what_the_cpu_does(family, data):
    made = data.draw(models(family)).float()
    ids, mask = padded(TEXTS)
    with tempfile.TemporaryDirectory() as folder:
        save_small(made, folder)
        backend = Backend(precision="float64", kernels=kernels_of(made))
        both = [
            NativeModel(load_transformers(Path(folder), backend.changed(device=device)))
            for device in ("cpu", "cuda")
        ]
    cpu, cuda = (model.logits(ids, mask=mask)[0].cpu() for model in both)
    assert difference(cuda, cpu) < 1e-12
    stream = both[1].begin(ids, mask)
    for block in range(both[1].n_blocks):
        stream = both[1].block(block, stream)
    assert torch.equal(both[1].head(both[1].hidden(stream)).cpu(), cuda)


def padded(rows):
    width = max(map(len, rows))
    ids = torch.tensor([row + [0] * (width - len(row)) for row in rows])
    return ids, torch.arange(width) < torch.tensor([[len(row)] for row in rows])


def check_stack(model, patcher, patches):
    """A stack of patches gives each what it has alone, after texts and after one token more."""
    ids, mask = (part.flip(1) for part in padded([row[::-1] for row in TEXTS]))
    together, more = Stack(model, patcher, patches), torch.tensor([[7], [3], [9]])
    first, cache = together.start(ids, mask)
    with together.applied(len(TEXTS)):
        second, _ = model.logits(more.repeat(len(patches), 1), cache)
    for number, patch in enumerate(patches):
        own = slice(number * len(TEXTS), (number + 1) * len(TEXTS))
        with patcher.applied(patch.slices):
            alone, cache = model.logits(ids, None, mask, last=True)
            assert difference(first[own], alone) < 1e-4
            assert difference(second[own], model.logits(more, cache)[0]) < 1e-4


def check_logits(model, logits, theirs):
    """Each row alone, without padding, as transformers has it; then one more token."""
    with torch.inference_mode():
        for row, ids in enumerate(TEXTS):
            wanted = theirs(torch.tensor([ids])).logits[0]
            assert difference(logits[row, : len(ids)], wanted) < 1e-4
    _, cache = model.logits(torch.tensor(TEXTS[:1]))
    step, _ = model.logits(torch.tensor([[7]]), cache)
    with torch.inference_mode():
        wanted = theirs(torch.tensor([[*TEXTS[0], 7]])).logits[0, -1]
    assert difference(step[0, -1], wanted) < 1e-4


def difference(left, right):
    return float((left - right).abs().max() / right.abs().max())


def check_texts(model, backend, theirs):
    """Greedy texts are those of model.generate, with the cache and without it."""
    theirs.generation_config = GenerationConfig()
    how = GenerationConfig(do_sample=False, max_new_tokens=NEW, pad_token_id=0)
    with torch.inference_mode():
        wanted = [
            theirs.generate(torch.tensor([ids]), generation_config=how)[0, len(ids) :].tolist()
            for ids in TEXTS
        ]
    rows = [Row(ids, "x", 0, 0) for ids in TEXTS]
    greedy = Generation(prompts=["x"], temperature=0.0, top_k=0, top_p=1.0, max_new_tokens=NEW)
    for cache in (True, False):
        texts = generate(model, rows, greedy, None, backend.changed(cache=cache))
        assert [text.tokens for text in texts] == wanted
