"""Scores, against loops that know nothing of batches, and transformers' own loss."""

import hashlib
import math

import numpy as np
import pytest
import torch
from naive import log_probabilities
from needq.common.errors import UserError
from needq.common.keys import logits_key
from needq.inference.native import NativeModel
from needq.inference.patcher import Patcher
from needq.inference.sampling import as_array
from needq.inference.score import (
    by_intervention,
    logits_at,
    reference_logits,
    score_documents,
    score_texts,
)
from needq.plan.interventions import sweep_interventions
from sweeps import SWEEP
from tokenizers import Tokenizer

DOCUMENTS = [[256, *text.encode()] for text in ("A short one.", "Somewhat longer, it is.", "b")]
SIZES = [12, 23, 1]
ROWS = [(list(b"A prompt"), list(b" and more")), (list(b"b"), [7]), (list(b"abc"), list(b"xyz"))]


@pytest.mark.parametrize("batch", [1, 2, 8])
def test_documents_are_scored_as_by_a_naive_loop(setting, batch):
    model, patcher, recipes = setting
    found = score_documents(model, patcher, [recipes[0], recipes[3]], DOCUMENTS, SIZES, batch)
    for index, (ids, size) in enumerate(zip(DOCUMENTS, SIZES, strict=True)):
        before = log_probabilities(model, ids)
        with patcher.applied(recipes[3]):
            after = log_probabilities(model, ids)
        targets = ids[1:]
        for scores, own in ((found[0][index], before), (found[1][index], after)):
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
    assert found[0][0]["kl"] == 0 and found[0][0]["top1_agreement"] == 1
    assert found[1][0]["kl"] > 0.01 and found[1][1]["top1_agreement"] < 1


def test_nll_is_transformers_own_loss(setting):
    model, patcher, recipes = setting
    found = score_documents(model, patcher, recipes, DOCUMENTS, SIZES, 8)
    for scores, recipe in zip(found, recipes, strict=True):
        with patcher.applied(recipe):
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
    pristine = {"slices": []}
    ((score,),) = score_documents(model, patcher, [pristine], [ids], [len(text)], 1)
    row = torch.tensor([ids])
    assert score["nll"] == pytest.approx(model.model(row, labels=row).loss.item(), rel=1e-5)
    assert score["nll"] < math.log(4000) / 2


def test_the_digest_is_of_all_logits_of_a_document(setting):
    model, patcher, recipes = setting
    ((score,),) = score_documents(model, patcher, recipes[:1], DOCUMENTS[:1], [1], 1)
    with torch.inference_mode():
        logits = model.model(torch.tensor(DOCUMENTS[:1]), use_cache=False).logits[0, :-1]
    assert score["logits_sha256"] == hashlib.sha256(logits.numpy().tobytes()).hexdigest()


@pytest.mark.parametrize("batch", [1, 3])
def test_texts_are_scored_on_their_new_tokens_alone(setting, batch):
    model, _, _ = setting
    found = [text["text_nll"] for text in score_texts(model, ROWS, batch)]
    for (prompt, new), score in zip(ROWS, found, strict=True):
        rows = log_probabilities(model, prompt + new)[len(prompt) - 1 :]
        wanted = -sum(row[t] for row, t in zip(rows, new, strict=True)) / len(new)
        assert score == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("batch", [1, 3])
def test_logits_at_positions_are_those_of_a_direct_forward(setting, batch):
    model, _, _ = setting
    positions = [0, 2, 8]
    found = logits_at(model, ROWS, positions, batch)
    assert found.shape == (3, 3, 257) and found.dtype == np.float64
    for (prompt, new), rows in zip(ROWS, found, strict=True):
        for position, logits in zip(positions, rows, strict=True):
            if position >= len(new):
                assert np.isnan(logits).all()
                continue
            past = torch.tensor([prompt + new[:position]])
            with torch.inference_mode():
                wanted = model.model(past).logits[0, -1].numpy()
            np.testing.assert_allclose(logits, wanted, rtol=1e-9, atol=1e-10)


def test_reference_logits_are_of_the_first_sample_seed_under_each_patch(setting):
    model, patcher, recipes = setting
    prompts = [list(b"one"), list(b"two!")]
    texts = [
        {
            "intervention": recipe["intervention"],
            "noise_seed": recipe["noise_seed"],
            "prompt": prompt,
            "sample_seed": seed,
            "tokens": [seed + 10, prompt, number],
        }
        for number, recipe in enumerate(recipes)
        for prompt in (0, 1)
        for seed in (4, 5)
    ]
    members = sweep_interventions("test", SWEEP, 4, (0,))
    work = list(zip(members, recipes, strict=True))
    found = reference_logits(model, patcher, work, texts, prompts, [0, 2], 8)
    assert set(found) == {logits_key(r["intervention"], r["noise_seed"]) for r in recipes}
    for number, recipe in enumerate(recipes):
        key = logits_key(recipe["intervention"], recipe["noise_seed"])
        with patcher.applied(recipe):
            rows = [(prompts[prompt], [14, prompt, number]) for prompt in (0, 1)]
            wanted = logits_at(model, rows, [0, 2], 1)
        np.testing.assert_allclose(found[key], wanted, rtol=1e-9, atol=1e-10)
    assert not np.allclose(found["q/test/00@none"][:, 0], found["q/test/04@0"][:, 0])


def test_logits_of_16_bit_formats_are_kept_exactly():
    logits = torch.randn(4, 9, generator=torch.Generator().manual_seed(0))
    for dtype in (torch.bfloat16, torch.float16):
        array = as_array(logits.to(dtype))
        assert array.dtype == np.float32
        assert torch.equal(torch.from_numpy(array).to(dtype), logits.to(dtype))


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
