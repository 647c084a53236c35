"""Recomputation: a run's digests from its backup, whatever the exact backend's factors."""

import shutil

import pytest
import torch
from default_config import DEFAULT, ROOT
from needq.backup.architectures import find_architecture
from needq.common.backends import Backend
from needq.common.errors import UserError
from needq.common.files import read_json, write_json
from needq.common.keys import noise_parts
from needq.common.settings import Generation
from needq.corrupt import keyed, methods
from needq.corrupt.methods import noise_tensors
from needq.corrupt.patches import make_patches
from needq.inference import sampling
from needq.inference.backend import load
from needq.inference.generate import generate, prompt_rows
from needq.inference.patcher import Patcher
from needq.inference.score import score_documents
from needq.plan.config import read_config
from needq.plan.interventions import interventions, sweep_interventions
from needq.plan.selection import Selection
from needq.provenance import digests
from needq.provenance.recomputation import Recomputation, deciding_interventions
from safetensors.numpy import load_file, save_file
from sweeps import SWEEP

INTERVENTIONS = sweep_interventions("test", SWEEP.changed(block_order=[2, 0]), 4, (0, 1))
IDS = {"prompts": [list(b"Once"), list(b"x y")], "end": 256, "bytes": [3, 1]}
IDS |= {"documents": [[256, 65, 66, 67], [256, 98]]}
GENERATION = Generation(
    prompts=["Once", "x y"],
    sample_seeds=[0, 3],
    max_new_tokens=6,
    temperature=0.9,
    top_k=40,
    top_p=0.95,
)
EXACT = Backend(arithmetic="exact", precision="float64", rng="keyed")

pytestmark = pytest.mark.usefixtures("restored")


@pytest.fixture
def backup(small, tmp_path):
    """A copy of a small model's backup, with token ids."""
    folder = tmp_path / "backup"
    shutil.copytree(small.backup, folder)
    write_json(folder / "tokens.json", IDS)
    return folder


def recomputed(backup, chosen=INTERVENTIONS, documents=2, **factors):
    weights = backup / "model.safetensors"
    recomputation = Recomputation(weights, GENERATION, chosen, EXACT.changed(**factors), documents)
    return {stage: getattr(recomputation, stage)() for stage in digests.STAGES}


def test_one_digest_whatever_the_factors(backup):
    wanted = recomputed(backup)
    assert len(wanted["logits"]) == len(wanted["tokens"]) == 5
    assert len(set(wanted["logits"].values())) == 5
    assert len(set(wanted["tokens"].values())) > 1  # keyed draws often choose the same
    for factors in ({"batch": 1}, {"batch": 3}, {"threads": 2}, {"cache": False}):
        assert recomputed(backup, **factors) == wanted
    # fewer documents have other digests
    first = recomputed(backup, documents=1)
    assert first["tokens"] == wanted["tokens"]
    assert not first["logits"].items() & wanted["logits"].items()
    # other interventions do not matter
    some = recomputed(backup, INTERVENTIONS[3:])
    for stage in ("logits", "tokens"):
        assert some[stage].items() < wanted[stage].items()


def test_it_says_where_it_computes(backup):
    said = Recomputation(backup / "model.safetensors", GENERATION, [], EXACT, 2).describe_device()
    assert said.startswith("exact arithmetic on cpu (")
    assert said.endswith("): integers in float64 are exact up to 2^53")


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a CUDA device")
def test_a_device_that_is_not_there_is_one_line(backup):
    on_cuda = EXACT.changed(device="cuda")
    recomputation = Recomputation(backup / "model.safetensors", GENERATION, [], on_cuda, 2)
    with pytest.raises(UserError, match="needs a CUDA device, and its machine shows none"):
        recomputation.describe_device()


def test_it_finds_what_the_stages_left(backup):
    """The same digests as from scores, generations and stored noise, each by its own way."""
    architecture = find_architecture(read_json(backup / "config.json"))
    tensors = load_file(backup / "model.safetensors")
    names = ("q-gaussian-0", "q-gaussian-1")
    noise = {name: noise_tensors(tensors, architecture, *noise_parts(name)) for name in names}
    patches = make_patches(INTERVENTIONS, architecture, tensors, noise)
    model = load(backup, EXACT)
    patcher = Patcher(model, backup / "model.safetensors", noise)
    scored = score_documents(model, patcher, patches, IDS["documents"], IDS["bytes"], 32)
    logits = [
        intervention.keys() | score
        for intervention, scores in zip(INTERVENTIONS, scored, strict=True)
        for score in scores
    ]
    texts = []
    for intervention, patch in zip(INTERVENTIONS, patches, strict=True):
        rows = prompt_rows(IDS, GENERATION)
        with patcher.applied(patch.slices):
            continuations = generate(model, rows, GENERATION, IDS["end"], EXACT)
        for row, text in zip(rows, continuations, strict=True):
            keys = {"prompt": row.index, "sample_seed": row.sample_seed, "tokens": text.tokens}
            texts.append(intervention.keys() | keys)
    manifest = read_json(backup / "manifest.json")
    assert recomputed(backup) == {
        "weights": {tensor["name"]: tensor["sha256"] for tensor in manifest["tensors"]},
        "noise": digests.noise_digests(noise),
        "logits": digests.logits_digests(logits),
        "tokens": digests.token_digests(texts),
    }


def differing(first, second):
    """The stages whose digests differ."""
    return [stage for stage in digests.STAGES if first[stage] != second[stage]]


def test_the_deciding_keys_give_the_interventions_of_the_exact_sweeps(monkeypatch):
    monkeypatch.chdir(ROOT)
    config = read_config(DEFAULT)
    chosen = deciding_interventions(Selection(config, cuda=False).deciding)
    assert chosen == interventions(config, ["cumulative"])
    assert len(chosen) == 1 + 5 * 12
    assert chosen[-1].block_indices == tuple(range(12))
    single = config.sweeps["single"].changed(run="texts", exact=True)
    more = config.changed(sweeps=config.sweeps | {"single": single})
    chosen = deciding_interventions(Selection(more, cuda=False).deciding)
    assert chosen == interventions(more, ["cumulative", "single"])
    assert len(chosen) == 2 * (1 + 5 * 12)


def test_one_bit_of_a_weight(backup):
    wanted = recomputed(backup)
    tensors = load_file(backup / "model.safetensors")
    name = next(name for name in tensors if ("2" in name and "q_proj" in name) or "c_attn" in name)
    flipped = tensors[name].copy()
    flipped.view("uint32")[(0,) * flipped.ndim] ^= 1 << 20
    save_file(tensors | {name: flipped}, backup / "model.safetensors")
    again = recomputed(backup)
    assert differing(again, wanted)[0] == "weights"
    changed = {key for key in wanted["weights"] if wanted["weights"][key] != again["weights"][key]}
    assert changed == {name}


def test_one_bit_of_the_noise_key(backup, monkeypatch):
    wanted = recomputed(backup)

    key = keyed.noise_key
    monkeypatch.setattr(
        methods, "noise_key", lambda *meaning: (key(*meaning)[0] ^ 1, key(*meaning)[1])
    )
    assert differing(recomputed(backup), wanted) == ["noise", "logits", "tokens"]


def test_one_bit_of_the_draw_key(backup, monkeypatch):
    wanted = recomputed(backup)

    key = keyed.draw_key
    monkeypatch.setattr(
        sampling, "draw_key", lambda *meaning: (key(*meaning)[0], key(*meaning)[1] ^ 1)
    )
    assert differing(recomputed(backup), wanted) == ["tokens"]
