"""Factors of a backend, one at a time: each makes the kind of divergence that it should."""

import numpy as np
import pytest
import torch
from needq.common.backends import Backend
from needq.common.settings import Generation
from needq.divergence.diff import diff
from needq.inference.backend import load
from needq.inference.generate import generate_all
from needq.inference.patcher import Patcher, make_patcher
from needq.inference.score import reference_logits

PLAIN = Backend(rng="keyed", batch=8)
PROMPTS = ["Once upon a time", "The cat", "x", "Why not? Because"]
IDS = {"prompts": [list(text.encode()) for text in PROMPTS], "end": None}
IDS |= {"documents": [], "bytes": []}
SETTINGS = Generation(prompts=PROMPTS, sample_seeds=range(5), max_new_tokens=8, top_k=0)


@pytest.fixture
def compared(small, corrupted):
    """A function: the rows of diff between a plain backend and one of other factors."""
    patches, noise = corrupted(small)
    patches = patches[::4]  # pristine, and every block
    weights = small.backup / "model.safetensors"

    threads = torch.get_num_threads()

    def run(backend, settings, reference=None):
        torch.set_num_threads(backend.threads)
        model = load(small.backup, backend)
        if backend.noise == "native":
            patcher = make_patcher(model, weights, backend, [])
        else:
            patcher = Patcher(model, weights, noise)
        texts = generate_all(model, patcher, patches, IDS, settings, backend)
        rows, positions = reference or texts, [0, 2, 5]
        return texts, reference_logits(
            model, patcher, patches, rows, IDS["prompts"], positions, backend
        )

    def compare(left=PLAIN, settings=SETTINGS, **factors):
        right = left.changed(**factors)
        left_texts, left_logits = run(left, SETTINGS)
        right_texts, right_logits = run(right, settings, left_texts)
        for row, mine in zip(right_texts, left_texts, strict=True):
            row["sample_seed"] = mine["sample_seed"]  # diff compares texts of the same work
        texts, logits = (left_texts, right_texts), (left_logits, right_logits)
        return list(diff(("left", "right"), texts, logits, (left.precision, right.precision)))

    yield compare
    torch.set_num_threads(threads)


def largest(rows, name="max_abs_logit"):
    return max(row[name] for row in rows if row.get(name) is not None)


def identical(rows):
    return np.mean([row["identical"] for row in rows])


def test_nothing_differs_nothing_diverges(compared):
    rows = compared()
    assert identical(rows) == 1
    assert largest(rows) == 0
    assert largest(rows, "kl") == 0


# what only rounds: logits a few units in the last place apart, draws from the same keys the same
@pytest.mark.parametrize(
    "factor", [{"kernels": "eager"}, {"batch": 1}, {"cache": False}, {"threads": 2}]
)
def test_what_rounds_otherwise_moves_logits_by_ulps(compared, factor):
    rows = compared(**factor)
    assert largest(rows) < 1e-4
    assert largest(rows, "max_ulp") < 200
    assert largest(rows, "kl") < 1e-9
    assert identical(rows) > 0.95
    if "kernels" in factor:
        assert largest(rows) > 0


def test_threads_and_cache_never_change_exact_arithmetic(compared):
    exact = PLAIN.changed(arithmetic="exact", precision="float64")
    rows = compared(exact, batch=1, cache=False, threads=2, kernels="eager")
    assert identical(rows) == 1
    assert largest(rows) == 0


def test_precisions_diverge_in_their_order(compared):
    reference = PLAIN.changed(precision="float64")
    of_precision = {
        name: compared(reference, precision=name) for name in ("float32", "float16", "bfloat16")
    }
    errors = [largest(rows) for rows in of_precision.values()]
    assert 0 < errors[0] < errors[1] / 50 < errors[2] / 50
    assert errors[1] < errors[2]
    errors = [largest(rows, "logit_error") for rows in of_precision.values()]
    assert 0 < errors[0] < errors[1] / 50
    assert errors[1] < errors[2]
    shares = [identical(rows) for rows in of_precision.values()]
    assert shares[0] >= shares[1] >= shares[2]
    assert shares[0] > 0.95
    assert shares[2] < 1


def test_random_streams_make_texts_of_equal_logits_diverge(compared):
    rows = compared(rng="native")
    assert largest(rows) == 0
    assert identical(rows) < 0.2
    early = [row["first_divergent_token"] for row in rows if not row["identical"]]
    assert np.median(early) <= 1


def test_native_streams_of_other_seeds_diverge_at_the_first_token(compared):
    native = PLAIN.changed(rng="native")
    rows = compared(native, SETTINGS.changed(sample_seeds=range(100, 105)))
    assert identical(rows) < 0.2
    assert np.mean([row["first_divergent_token"] == 0 for row in rows]) > 0.4
    same = compared(native)
    assert identical(same) == 1


def test_native_noise_changes_the_corrupted_model_alone(compared):
    rows = compared(noise="native")
    pristine = [row for row in rows if row["noise_seed"] is None]
    replaced = [row for row in rows if row["noise_seed"] is not None]
    assert identical(pristine) == 1
    assert largest(pristine) == 0
    assert min(row["kl"] for row in replaced if row.get("kl") is not None) > 1e-4
    assert largest(replaced) > 0.1
