"""How interventions are cut into jobs changes no bit of what a native backend computes of them.

The steps of a sweep under one noise seed are never cut (`cut_into_chunks`).
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from needq.common.backends import Backend
from needq.common.settings import Generation
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
    """A function that makes what jobs compute, the second and later ones from these patches on.

    Each job has a patcher of its own. The pristine model is the first of nine patches, and four
    steps of each of two noise seeds follow.
    """
    patches, noise = corrupted(small, noise_seeds=(0, 1))
    model = NativeModel(small.load("float32"))

    def run(compute, *starts):
        rows = []
        for start, stop in pairwise([0, *starts, len(patches)]):
            patcher = Patcher(model, small.backup / "model.safetensors", noise)
            rows += compute(model, patcher, patches[start:stop])
        return rows

    return run


@pytest.mark.parametrize("rng", ["native", "keyed", "cuda"])
def test_texts(jobs, rng):
    chosen = Generation(prompts=TEXTS, sample_seeds=[0, 1], max_new_tokens=6)

    def texts(model, patcher, patches):
        return generate_all(
            model, patcher, patches, IDS, chosen, Backend(rng=rng, gpu="H200", batch=3)
        )

    together = jobs(texts)
    assert len(together) == 9 * 4
    assert jobs(texts, 1, 5) == jobs(texts, 1) == jobs(texts, 5) == together


def test_other_sweeps_of_the_job_change_no_text(small, corrupted):
    """A stack is what it is alone: the steps of one sweep under one noise seed."""
    model = NativeModel(small.load("float32"))
    chosen = Generation(prompts=TEXTS, sample_seeds=[0, 1], max_new_tokens=6)
    patches, noise = corrupted(small, noise_seeds=(0, 1))
    others, more = corrupted(small, matrix="v", noise_seeds=(0, 1))
    others = [replace(patch, sweep="other") for patch in others]
    patcher = Patcher(model, small.backup / "model.safetensors", noise | more)

    def margins(patches):
        made = generate_all(model, patcher, patches, IDS, chosen, Backend(rng="keyed"))
        return {(text["sweep"], text["intervention"], text["noise_seed"]): text for text in made}

    alone, beside = margins(patches[:5]), margins([*others, *patches])
    assert len(beside) == 18
    assert all(beside[key] == text for key, text in alone.items())


def test_scores(jobs):
    def scores(model, patcher, patches):
        return score_documents(model, patcher, patches, DOCUMENTS, SIZES, 8)

    together = jobs(scores)
    assert len(together) == 9
    assert jobs(scores, *range(1, 9)) == jobs(scores, 4, 8) == together
    assert len({row["nll"] for rows in together for row in rows}) == 9 * 2


def test_logits(jobs):
    chosen = Generation(prompts=TEXTS, sample_seeds=[0], max_new_tokens=6)

    def logits(model, patcher, patches):
        texts = generate_all(model, patcher, patches, IDS, chosen, Backend(rng="keyed"))
        kept = reference_logits(model, patcher, patches, texts, IDS["prompts"], [0, 3], Backend())
        return list(kept.items())

    together, apart = jobs(logits), jobs(logits, 1, 5)
    assert [name for name, _ in together] == [name for name, _ in apart]
    assert len(together) >= 9
    for (_, one), (_, other) in zip(together, apart, strict=True):
        assert np.array_equal(one, other)
