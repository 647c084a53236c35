"""Recomputation: a run's digests from its backup, whatever the exact backend's factors."""

import shutil

import pytest
import torch
from needq.backup.architectures import adapter
from needq.common.files import read_json, write_json
from needq.corrupt import keyed, methods
from needq.corrupt.methods import noise_tensors
from needq.corrupt.patches import patches
from needq.inference import sampling
from needq.inference.backend import load
from needq.inference.generate import generate, rows
from needq.inference.patcher import Patcher
from needq.inference.score import score_documents
from needq.plan.interventions import noise_parts, sweep_interventions
from needq.provenance import digests
from needq.provenance.recomputation import Recomputation
from safetensors.numpy import load_file, save_file
from sweeps import SWEEP

MEMBERS = sweep_interventions("test", SWEEP | {"blocks": [2, 0]}, 4, (0, 1))
IDS = {"prompts": [list(b"Once"), list(b"x y")], "end": 256, "bytes": [3, 1]}
IDS |= {"documents": [[256, 65, 66, 67], [256, 98]]}
GENERATION = {"prompts": ["Once", "x y"], "sample_seeds": [0, 3], "max_new_tokens": 6}
GENERATION |= {"temperature": 0.9, "top_k": 40, "top_p": 0.95}
EXACT = {"device": "cpu", "arithmetic": "exact", "precision": "float64", "rng": "keyed"}
EXACT |= {"kernels": "sdpa", "threads": 1, "batch": 32, "cache": True}


@pytest.fixture(scope="module", autouse=True)
def restored():
    """What recomputing sets in this process, set back."""
    deterministic, threads = torch.are_deterministic_algorithms_enabled(), torch.get_num_threads()
    yield
    torch.use_deterministic_algorithms(deterministic)
    torch.set_num_threads(threads)


@pytest.fixture
def backup(small, tmp_path):
    """A copy of a small model's backup, with token ids."""
    folder = tmp_path / "backup"
    shutil.copytree(small.backup, folder)
    write_json(folder / "tokens.json", IDS)
    return folder


def recomputed(backup, members=MEMBERS, **factors):
    found = Recomputation(backup, {"generation": GENERATION}, members, EXACT | factors)
    return {stage: getattr(found, stage)() for stage in digests.STAGES}


def test_one_digest_whatever_the_factors(backup):
    wanted = recomputed(backup)
    assert len(wanted["logits"]) == len(wanted["tokens"]) == 5
    assert len(set(wanted["logits"].values())) == 5
    assert len(set(wanted["tokens"].values())) > 1  # keyed draws often choose the same
    for factors in ({"batch": 1}, {"batch": 3}, {"threads": 2}, {"cache": False}):
        assert recomputed(backup, **factors) == wanted
    # nor do other interventions matter
    some = recomputed(backup, MEMBERS[3:])
    for stage in ("logits", "tokens"):
        assert some[stage].items() < wanted[stage].items()


def test_it_finds_what_the_stages_left(backup):
    """The same digests as from scores, generations and stored noise, each by its own way."""
    sizes, tensors = (
        adapter(read_json(backup / "config.json")),
        load_file(backup / "model.safetensors"),
    )
    names = ("q-gaussian-0", "q-gaussian-1")
    noise = {name: noise_tensors(tensors, sizes, *noise_parts(name)) for name in names}
    recipes = patches(MEMBERS, sizes, tensors, noise)
    model = load(backup, EXACT)
    patcher = Patcher(model, backup / "model.safetensors", noise)
    scored = score_documents(model, patcher, recipes, IDS["documents"], IDS["bytes"], 32)
    logits = [m.keys() | row for m, found in zip(MEMBERS, scored, strict=True) for row in found]
    texts = []
    for member, recipe in zip(MEMBERS, recipes, strict=True):
        work = rows(IDS, GENERATION)
        with patcher.applied(recipe):
            found = generate(model, work, GENERATION, IDS["end"], EXACT)
        for row, one in zip(work, found, strict=True):
            keys = {"prompt": row.index, "sample_seed": row.sample_seed, "tokens": one.tokens}
            texts.append(member.keys() | keys)
    manifest = read_json(backup / "manifest.json")
    assert recomputed(backup) == {
        "weights": {tensor["name"]: tensor["sha256"] for tensor in manifest["tensors"]},
        "noise": digests.of_noise(noise),
        "logits": digests.of_logits(logits),
        "tokens": digests.of_tokens(texts),
    }


def differing(one, other):
    """The stages whose digests differ."""
    return [stage for stage in digests.STAGES if one[stage] != other[stage]]


def test_one_bit_of_a_weight(backup):
    wanted = recomputed(backup)
    tensors = load_file(backup / "model.safetensors")
    name = next(name for name in tensors if "2" in name and "q_proj" in name or "c_attn" in name)
    flipped = tensors[name].copy()
    flipped.view("uint32")[(0,) * flipped.ndim] ^= 1 << 20
    save_file(tensors | {name: flipped}, backup / "model.safetensors")
    found = recomputed(backup)
    assert differing(found, wanted)[0] == "weights"
    changed = {key for key in wanted["weights"] if wanted["weights"][key] != found["weights"][key]}
    assert changed == {name}


def flipped(key):
    """A function that gives the key with one bit changed."""
    return lambda *meaning: (key(*meaning)[0] ^ 1, key(*meaning)[1])


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
