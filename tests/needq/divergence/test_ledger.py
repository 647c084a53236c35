"""The ledger: causes removed one at a time, in both orders, down to identical bits."""

import numpy as np
import pytest
from needq.corrupt.methods import noise_tensors
from needq.corrupt.patches import patches
from needq.divergence import summary
from needq.divergence.ledger import Trace, texts_of_steps
from needq.inference.backend import load
from needq.inference.generate import generate_all
from needq.inference.patcher import Patcher, patcher
from needq.inference.score import reference_logits
from needq.plan.interventions import sweep_interventions
from needq.plan.ledger_steps import CAUSES, NATIVE, backends_of, steps
from pandas import DataFrame
from sweeps import SWEEP

LEFT = {"device": "cpu", "arithmetic": "native", "precision": "bfloat16", "kernels": "sdpa"}
LEFT |= {"rng": "native", "noise": "native", "instructions": "native", "threads": 1}
LEFT |= {"batch": 8, "cache": True}
RIGHT = LEFT | {"kernels": "eager", "batch": 1, "threads": 2, "cache": False}
MACHINE = {"device", "threads", "instructions"}


def differing(one, other):
    return {name for name in one if one[name] != other[name]}


def test_both_orders_go_from_native_everything_to_the_same_end():
    found = steps(LEFT, RIGHT)
    assert [step.order for step in found] == ["forwards"] * 6 + ["backwards"] * 6
    assert [step.step for step in found] == [*range(6), *range(6)]
    assert [step.cause for step in found[:6]] == [NATIVE, *CAUSES]
    assert [step.cause for step in found[6:]] == [NATIVE, *reversed(CAUSES)]
    assert found[0][3:] == found[6][3:] == (LEFT, RIGHT)
    assert found[5][3:] == found[11][3:]
    left, right = found[5].left, found[5].right
    assert left["arithmetic"] == "exact" and left["rng"] == left["noise"] == "keyed"
    assert differing(left, right) == {"threads"} <= MACHINE


def test_each_step_changes_what_its_cause_names_and_nothing_else():
    names = {"noise": {"noise"}, "token draws": {"rng"}, "float64": {"precision"}}
    names |= {"kernels, batch, cache": {"kernels", "batch", "cache"}}
    names |= {"exact": {"arithmetic", "precision"}}
    found = steps(LEFT, RIGHT)
    for before, after in zip(found, found[1:], strict=False):
        if after.step:
            changed = differing(before.left, after.left) | differing(before.right, after.right)
            assert changed <= names[after.cause]


def test_a_backend_that_serves_two_steps_is_computed_once():
    # shared kernels are the left side's own, float64 adds nothing to exact, both orders end alike
    assert [len(backends_of(side, LEFT, RIGHT)) for side in ("left", "right")] == [7, 9]
    assert backends_of("left", LEFT, RIGHT)[0] == LEFT
    assert backends_of("right", LEFT, RIGHT)[0] == RIGHT


IDS = {"prompts": [list(b"Once upon"), list(b"The cat"), list(b"x")], "end": None}
SETTINGS = {"prompts": ["Once upon", "The cat", "x"], "sample_seeds": [0, 1]}
SETTINGS |= {"max_new_tokens": 8, "temperature": 1.0, "top_k": 0, "top_p": 1.0}


def trace(model, work, backends, noise, reference):
    """What scripts/trace.py does, in this process."""
    texts, logits = [], {}
    for number, backend in enumerate(backends):
        loaded = load(model.backup, backend)
        patches = patcher_of(model, loaded, backend, noise)
        rows = generate_all(loaded, patches, work, IDS, SETTINGS, backend)
        texts += [{"backend_number": number} | row for row in rows]
        given = (reference, IDS["prompts"], [0, 3], backend["batch"])
        found = reference_logits(loaded, patches, work, *given)
        logits |= {f"{number} {key}": values for key, values in found.items()}
    return Trace(texts, logits)


def patcher_of(model, loaded, backend, noise):
    weights = model.backup / "model.safetensors"
    if backend["noise"] == "native":
        return patcher(loaded, weights, backend, [])
    return Patcher(loaded, weights, noise)


@pytest.fixture(scope="module")
def rows(gpt2):
    """The rows of the ledger of two backends of a small model."""
    members = sweep_interventions("test", SWEEP, 4, (0, 1))[1:]
    noise = {
        f"q-gaussian-{seed}": noise_tensors(gpt2.tensors, gpt2.adapter, "q", "gaussian", seed)
        for seed in (0, 1)
    }
    work = list(zip(members, patches(members, gpt2.adapter, gpt2.tensors, noise), strict=True))
    loaded = load(gpt2.backup, LEFT)
    reference = generate_all(
        loaded, patcher_of(gpt2, loaded, LEFT, noise), work, IDS, SETTINGS, LEFT
    )
    sides = {side: backends_of(side, LEFT, RIGHT) for side in ("left", "right")}
    traces = {}
    for side, backends in sides.items():
        traces[side, "first"] = trace(gpt2, work, backends, noise, reference)
        traces[side, "second"] = trace(gpt2, work, backends[:1], noise, reference)
    return DataFrame(texts_of_steps(("one", "two"), (LEFT, RIGHT), traces))


def test_rows_are_every_step_of_every_text(rows):
    texts = 4 * 2 * 3 * 2  # interventions, noise seeds, prompts, sample seeds
    assert len(rows) == texts * (2 * 6 + 2)
    counts = rows.groupby(["left", "right", "order", "step"]).size()
    assert set(counts) == {texts}
    assert set(rows["order"]) == {"control", "forwards", "backwards"}


def test_null_controls_and_exact_ends_are_the_same_bits(rows):
    control = rows[rows["order"] == "control"]
    assert {tuple(pair) for pair in control[["left", "right"]].to_numpy()} == {
        ("one", "one"),
        ("two", "two"),
    }
    ends = rows[(rows["step"] == 5) & (rows["order"] != "control")]
    for part in (control, ends):
        assert part["identical"].all()
        assert (part["max_abs_logit"].dropna() == 0).all() and part["kl"].notna().any()


def test_rounding_is_left_until_exact(rows):
    largest = rows[rows["order"] == "forwards"].groupby("step")["max_abs_logit"].max()
    assert 1e-3 < largest[2] < 10  # same noise, same draws: kernels, batch and cache differ
    assert largest[4] < 1e-9  # float64
    assert largest[5] == 0


def test_the_table_is_a_few_lines_from_the_rows(rows):
    assert 0 < rows["identical"].mean() < 1
    table = summary.ledger_table(rows).set_index(["left", "right", "order", "step"])
    for key, part in rows.groupby(["left", "right", "order", "step"]):
        row = table.loc[key]
        assert row["identical_share"] == pytest.approx(part["identical"].mean())
        shared = [
            1 if place is None or np.isnan(place) else place / tokens
            for place, tokens in zip(part["first_divergent_token"], part["tokens"], strict=True)
        ]
        assert row["shared"] == pytest.approx(np.mean(shared))
        assert row["kl"] == pytest.approx(part["kl"].mean())
        assert row["max_ulp"] == part["max_ulp"].max()
        assert row["texts"] == len(part)
