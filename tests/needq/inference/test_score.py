"""Scores, against loops that know nothing of batches, and transformers' own loss."""

import hashlib
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from naive import log_probabilities
from needq.common import schemas
from needq.common.backends import Backend
from needq.common.errors import UserError
from needq.common.keys import logits_key
from needq.corrupt.patches import Patch
from needq.inference import likelihood
from needq.inference.backend import load
from needq.inference.native import NativeModel
from needq.inference.patcher import Patcher
from needq.inference.score import (
    PRISTINE_BYTES,
    by_intervention,
    document_digests,
    document_rows,
    documents_together,
    logits_at_positions,
    reference_logits,
    score_documents,
    score_texts,
    text_rows,
)
from tokenizers import Tokenizer

DOCUMENTS = [[256, *text.encode()] for text in ("A short one.", "Somewhat longer, it is.", "b")]
SIZES = [12, 23, 1]
ROWS = [(list(b"A prompt"), list(b" and more")), (list(b"b"), [7]), (list(b"abc"), list(b"xyz"))]


@pytest.mark.parametrize("batch", [1, 2, 8])
def test_documents_are_scored_as_by_a_naive_loop(setting, batch):
    model, patcher, patches = setting
    of_patches = score_documents(model, patcher, [patches[0], patches[3]], DOCUMENTS, SIZES, batch)
    for index, (ids, size) in enumerate(zip(DOCUMENTS, SIZES, strict=True)):
        before = log_probabilities(model, ids)
        with patcher.applied(patches[3].slices):
            after = log_probabilities(model, ids)
        targets = ids[1:]
        for scores, own in ((of_patches[0][index], before), (of_patches[1][index], after)):
            assert (scores["document"], scores["tokens"]) == (index, len(targets))
            assert scores["bytes"] == size
            nll = -sum(row[t] for row, t in zip(own, targets, strict=True)) / len(targets)
            assert scores["nll"] == pytest.approx(nll, rel=1e-9)
            kl = [
                sum(math.exp(p) * (p - q) for p, q in zip(*rows, strict=True))
                for rows in zip(before, own, strict=True)
            ]
            assert scores["kl"] == pytest.approx(sum(kl) / len(kl), rel=1e-7, abs=1e-12)
            same = [p.argmax() == q.argmax() for p, q in zip(before, own, strict=True)]
            assert scores["top1_agreement"] == sum(same) / len(same)
    assert of_patches[0][0]["kl"] == 0
    assert of_patches[0][0]["top1_agreement"] == 1
    assert of_patches[1][0]["kl"] > 0.01
    assert of_patches[1][1]["top1_agreement"] < 1


@pytest.mark.parametrize("batch", [1, 2, 8])
def test_documents_of_any_length_stay_in_their_order(setting, batch):
    """They pass through the model by length."""
    model, patcher, patches = setting
    forth = score_documents(model, patcher, patches[:2], DOCUMENTS, SIZES, batch)
    back = score_documents(model, patcher, patches[:2], DOCUMENTS[::-1], SIZES[::-1], batch)
    for one, other in zip(forth, back, strict=True):
        assert [score["document"] for score in one] == [0, 1, 2]
        assert [score["bytes"] for score in one] == SIZES
        for score, same in zip(one, other[::-1], strict=True):
            assert same["nll"] == pytest.approx(score["nll"], rel=1e-9)


def test_the_nll_of_each_band_is_that_of_its_tokens(setting):
    model, patcher, patches = setting
    ids = [256, *b"A document of sixty bytes has its tokens in two of the bands"]
    patch = patches[3]
    ((score,),) = score_documents(model, patcher, [patch], [ids], [60], 8)
    with patcher.applied(patch.slices):
        rows = log_probabilities(model, ids)
    nlls = [-row[token] for row, token in zip(rows, ids[1:], strict=True)]
    for name, part in (("0_39", nlls[:40]), ("40_99", nlls[40:])):
        assert score[f"nll_{name}"] == pytest.approx(sum(part) / len(part), rel=1e-9)
    assert score["nll_from_100"] is None
    ((short,),) = score_documents(model, patcher, [patch], [ids[:41]], [40], 8)
    assert short["nll_0_39"] == short["nll"]
    assert short["nll_40_99"] is None


def test_few_documents_together_on_a_cpu():
    long, short = [[0] * 200] * 40, [[0] * 100] * 40
    for documents, most in ((long, [1, 8, 8]), (short, [1, 8, 14])):
        backends = [Backend(batch=batch) for batch in (1, 8, 32)]
        assert [documents_together(None, each, documents) for each in backends] == most
    exact = Backend(arithmetic="exact", precision="float64")
    for tokens, most in ((40, 12), (170, 2), (1000, 1)):
        assert documents_together(None, exact, [[0] * tokens] * 40) == most


@pytest.mark.parametrize(
    ("words", "dtype", "tokens", "most"),
    [
        (4_000, torch.float64, 170, 32),  # pocket-gpt2, whose batch is the limit
        (50_257, torch.float32, 1024, 6),
        (50_257, torch.float64, 1024, 3),
        (262_144, torch.float64, 2048, 1),  # at least one, whatever it takes
    ],
)
def test_as_many_documents_together_on_a_gpu_as_pristine_logits_fit(words, dtype, tokens, most):
    logits = torch.zeros(1, 1, words, dtype=dtype)
    model = SimpleNamespace(logits=lambda ids: (logits, None))
    found = documents_together(model, Backend(device="cuda"), [[0] * tokens] * 40)
    assert found == most
    assert found == 1 or 3 * found * tokens * logits.nbytes <= PRISTINE_BYTES


def test_nll_is_transformers_own_loss(setting):
    model, patcher, patches = setting
    of_patches = score_documents(model, patcher, patches, DOCUMENTS, SIZES, 8)
    for scores, patch in zip(of_patches, patches, strict=True):
        with patcher.applied(patch.slices):
            for ids, score in zip(DOCUMENTS, scores, strict=True):
                row = torch.tensor([ids])
                loss = model.model(row, labels=row).loss.item()
                assert score["nll"] == pytest.approx(loss, rel=1e-6)  # their loss is float32


def test_the_bundled_model_predicts_its_language(pocket):
    model = NativeModel(pocket.load())
    tokenizer = Tokenizer.from_file(str(pocket.backup / "tokenizer.json"))
    text = "Once upon a time, there was a little girl. She was very happy."
    ids = [0, *tokenizer.encode(text, add_special_tokens=False).ids]
    patcher = Patcher(model, pocket.backup / "model.safetensors", {})
    pristine = Patch("s", "q/s/00", None, 0, None, [])
    ((score,),) = score_documents(model, patcher, [pristine], [ids], [len(text)], 1)
    row = torch.tensor([ids])
    assert score["nll"] == pytest.approx(model.model(row, labels=row).loss.item(), rel=1e-5)
    assert score["nll"] < math.log(4000) / 2


@pytest.fixture
def exact(small, corrupted):
    """A model in exact arithmetic, its patcher, and patches."""
    patches, noise = corrupted(small)
    model = load(small.backup, Backend(arithmetic="exact", precision="float64"))
    return model, Patcher(model, small.backup / "model.safetensors", noise), patches


@pytest.mark.parametrize("rows", [5, 128])
def test_the_digest_is_of_all_logits_of_a_document(exact, setting, rows, monkeypatch):
    """However many rows of logits there are at a time."""
    monkeypatch.setattr(likelihood, "CHUNK_ROWS", rows)
    model, patcher, patches = exact
    (scores,) = score_documents(model, patcher, patches[:1], DOCUMENTS, SIZES, 3)
    for score, ids in zip(scores, DOCUMENTS, strict=True):
        logits = model.logits(torch.tensor([ids]))[0][0, :-1]
        assert score["logits_sha256"] == hashlib.sha256(logits.numpy().tobytes()).hexdigest()
    # other arithmetic promises no bits
    model, patcher, patches = setting
    (scores,) = score_documents(model, patcher, patches[:1], DOCUMENTS, SIZES, 3)
    assert [score["logits_sha256"] for score in scores] == [None] * 3


def test_exact_scores_are_those_of_native_float64(exact, setting):
    for of_patch, native in zip(
        score_documents(*exact, DOCUMENTS, SIZES, 2),
        score_documents(*setting, DOCUMENTS, SIZES, 2),
        strict=True,
    ):
        for score, other in zip(of_patch, native, strict=True):
            for name in ("nll", "kl", "top1_agreement"):
                assert score[name] == pytest.approx(other[name], rel=1e-5, abs=1e-8)


def test_digests_alone_are_those_of_the_scores(exact):
    model, patcher, patches = exact
    scores = score_documents(model, patcher, patches, DOCUMENTS, SIZES, 2)
    wanted = [[score["logits_sha256"] for score in of_patch] for of_patch in scores]
    assert document_digests(model, patcher, patches, DOCUMENTS, 2) == wanted
    # "b" has one scored token, which attends to itself alone, whatever its query
    assert len({digest for of_patch in wanted for digest in of_patch}) == 5 * 2 + 1


def test_scores_of_documents_are_rows_of_their_patch(setting):
    model, patcher, patches = setting
    scores = score_documents(model, patcher, patches[:2], DOCUMENTS, SIZES, 8)
    rows = document_rows(patches[:2], scores)
    names = ("sweep", "intervention", "blocks_replaced", "noise_seed", "document", "bytes")
    assert [tuple(row[name] for name in names) for row in rows] == [
        *(("test", "q/test/00", 0, None, index, SIZES[index]) for index in range(3)),
        *(("test", "q/test/01", 1, 0, index, SIZES[index]) for index in range(3)),
    ]
    assert {*rows[0]} == {*schemas.EVALUATION.names} - {"backend"}
    assert [row["nll"] for row in rows] == [score["nll"] for own in scores for score in own]


def test_scores_of_texts_are_rows_beside_the_texts(setting):
    model, _, patches = setting
    prompts = [list(b"one"), list(b"two!")]
    texts = [
        patch.keys() | {"prompt": prompt, "sample_seed": seed, "tokens": [seed, 65 + prompt]}
        for patch in patches[:2]
        for prompt in (0, 1)
        for seed in (4, 5)
    ]
    texts[-1] = texts[-1] | {"tokens": texts[-2]["tokens"]}  # the same text twice
    rows = text_rows(model, patches[:2], texts, prompts, Backend(batch=3))
    for text, row in zip(texts, rows, strict=True):
        new = text["tokens"]
        past = log_probabilities(model, prompts[text["prompt"]] + new)[-2:]
        nlls = [-values[token] for values, token in zip(past, new, strict=True)]
        assert row["tokens"] == 2
        assert row["nlls"] == pytest.approx(nlls, rel=1e-9)
        assert row["pristine_nll"] == pytest.approx(sum(nlls) / 2, rel=1e-9)
        assert {name: row[name] for name in text if name != "tokens"} == {
            name: text[name] for name in text if name != "tokens"
        }
    assert {*rows[0]} == {*schemas.TEXT_SCORES.names} - {"backend"}
    assert text_rows(model, patches, [], prompts, Backend()) == []


@pytest.mark.parametrize("batch", [1, 3])
def test_texts_are_scored_on_their_new_tokens_alone(setting, batch):
    model, _, _ = setting
    nlls = [text["pristine_nll"] for text in score_texts(model, ROWS, batch)]
    for (prompt, new), score in zip(ROWS, nlls, strict=True):
        rows = log_probabilities(model, prompt + new)[len(prompt) - 1 :]
        wanted = -sum(row[t] for row, t in zip(rows, new, strict=True)) / len(new)
        assert score == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("batch", [1, 3])
def test_logits_at_positions_are_those_of_a_direct_forward(setting, batch):
    model, _, _ = setting
    positions = [0, 2, 8]
    of_texts = logits_at_positions(model, ROWS, positions, batch)
    assert of_texts.shape == (3, 3, 257)
    assert of_texts.dtype == np.float64
    for (prompt, new), rows in zip(ROWS, of_texts, strict=True):
        for position, logits in zip(positions, rows, strict=True):
            if position >= len(new):
                assert np.isnan(logits).all()
                continue
            past = torch.tensor([prompt + new[:position]])
            with torch.inference_mode():
                wanted = model.model(past).logits[0, -1].numpy()
            np.testing.assert_allclose(logits, wanted, rtol=1e-9, atol=1e-10)


def test_reference_logits_are_of_the_first_sample_seed_under_each_patch(setting):
    model, patcher, patches = setting
    prompts = [list(b"one"), list(b"two!")]
    texts = [
        {
            "intervention": patch.intervention,
            "noise_seed": patch.noise_seed,
            "prompt": prompt,
            "sample_seed": seed,
            "tokens": [seed + 10, prompt, number],
        }
        for number, patch in enumerate(patches)
        for prompt in (0, 1)
        for seed in (4, 5)
    ]
    logits = reference_logits(model, patcher, patches, texts, prompts, [0, 2], Backend(batch=1))
    assert set(logits) == {logits_key(p.intervention, p.noise_seed) for p in patches}
    for number, patch in enumerate(patches):
        key = logits_key(patch.intervention, patch.noise_seed)
        with patcher.applied(patch.slices):
            rows = [(prompts[prompt], [14, prompt, number]) for prompt in (0, 1)]
            wanted = logits_at_positions(model, rows, [0, 2], 1)
        np.testing.assert_allclose(logits[key], wanted, rtol=1e-9, atol=1e-10)
    assert not np.allclose(logits["q/test/00@none"][:, 0], logits["q/test/04@0"][:, 0])


def test_texts_by_intervention_keep_their_order():
    text = {"intervention": "q/s/01", "noise_seed": 0}
    texts = [
        text | {"prompt": 1, "tokens": [5]},
        text | {"noise_seed": 1, "prompt": 0, "tokens": [6]},
        text | {"prompt": 0, "tokens": [7]},
    ]
    assert by_intervention(texts, [[1], [2]]) == {
        ("q/s/01", 0): [([2], [5]), ([1], [7])],
        ("q/s/01", 1): [([1], [6])],
    }


def test_logits_that_are_not_finite_are_refused(setting):
    model, _, _ = setting
    name = next(
        name for name, _ in model.model.named_parameters() if "norm" in name or "ln" in name
    )
    weight = dict(model.model.named_parameters())[name].detach()
    model.replace(name, torch.full_like(weight, math.nan))
    with pytest.raises(UserError, match="logits are not finite"):
        score_texts(model, ROWS, 8)
    model.restore()
