"""How interventions are cut into jobs changes no bit of what a native backend computes of them."""

import numpy as np
import pytest
from needq.common.settings import Backend, Generation
from needq.inference.generate import generate_all
from needq.inference.native import NativeModel
from needq.inference.patcher import Patcher
from needq.inference.score import reference_logits, score_documents

TEXTS = ["The cat", "x"]
IDS = {"prompts": [list(text.encode()) for text in TEXTS], "end": None}
DOCUMENTS = [[256, *text.encode()] for text in ("A short one.", "Somewhat longer, it is.")]
SIZES = [12, 23]


@pytest.fixture
def jobs(small, corrupted):
    """A function that makes what jobs compute, with so many interventions in each.

    Each job has a patcher of its own.
    """
    patches, noise = corrupted(small, noise_seeds=(0, 1))
    model = NativeModel(small.load("float32"))

    def run(compute, size):
        rows = []
        for start in range(0, len(patches), size):
            patcher = Patcher(model, small.backup / "model.safetensors", noise)
            rows += compute(model, patcher, patches[start : start + size])
        return rows

    return run


@pytest.mark.parametrize("rng", ["native", "keyed", "cuda"])
def test_texts(jobs, rng):
    chosen = Generation(prompts=TEXTS, sample_seeds=[0, 1], max_new_tokens=6)

    def texts(model, patcher, patches):
        return generate_all(
            model, patcher, patches, IDS, chosen, Backend(rng=rng, gpu="H200", batch=3)
        )

    together = jobs(texts, 9)
    assert len(together) == 9 * 4
    assert jobs(texts, 1) == jobs(texts, 4) == together


def test_scores(jobs):
    def scores(model, patcher, patches):
        return score_documents(model, patcher, patches, DOCUMENTS, SIZES, 8)

    together = jobs(scores, 9)
    assert len(together) == 9
    assert jobs(scores, 1) == jobs(scores, 4) == together
    assert len({row["logits_sha256"] for rows in together for row in rows}) == 9 * 2


def test_logits(jobs):
    chosen = Generation(prompts=TEXTS, sample_seeds=[0], max_new_tokens=6)

    def logits(model, patcher, patches):
        texts = generate_all(model, patcher, patches, IDS, chosen, Backend(rng="keyed"))
        kept = reference_logits(model, patcher, patches, texts, IDS["prompts"], [0, 3], 8)
        return list(kept.items())

    together, apart = jobs(logits, 9), jobs(logits, 1)
    assert [name for name, _ in together] == [name for name, _ in apart]
    assert len(together) >= 9
    for (_, one), (_, other) in zip(together, apart, strict=True):
        assert np.array_equal(one, other)
