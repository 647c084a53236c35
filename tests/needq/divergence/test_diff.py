"""Divergence, on cases made by hand."""

import math

import numpy as np
import pytest
from needq.divergence.diff import compare_logits, diff, first_divergent, repeated
from scipy.special import log_softmax

END = 9


@pytest.mark.parametrize(
    ("left", "right", "place"),
    [
        ([1, 2, 3], [1, 2, 3], None),
        ([END], [END], None),
        ([5, 2, 3], [4, 2, 3], 0),
        ([1, 2, 3], [1, 2, 4], 2),
        ([1, END], [1, 7, 8], 1),  # one text ended earlier: it has the end where the other goes on
        ([1, 7, 8], [1, END], 1),
        ([1, 2], [1, 2, 3], 2),
        ([1, 2, 3], [1, 2], 2),
    ],
)
def test_first_divergent_token(left, right, place):
    assert first_divergent(left, right) == place


def test_identical_logits_do_not_differ():
    logits = np.random.default_rng(0).normal(size=(3, 7)).astype(np.float32)
    found = compare_logits(logits, logits.copy(), ("float32", "float32"))
    assert set(found) == {"max_abs_logit", "max_ulp", "kl", "top1_flips", "logit_error"}
    assert set(found.values()) == {0}


def test_measures_equal_a_naive_computation():
    generator = np.random.default_rng(1)
    left = generator.normal(size=(4, 9))
    right = left + generator.normal(size=(4, 9)) * 0.5
    found = compare_logits(left, right, ("float64", "float64"))
    p, q = log_softmax(left, axis=-1), log_softmax(right, axis=-1)
    kl = [sum(math.exp(p[i, j]) * (p[i, j] - q[i, j]) for j in range(9)) for i in range(4)]
    assert found["kl"] == pytest.approx(sum(kl) / 4, rel=1e-12)
    assert found["max_abs_logit"] == np.abs(left - right).max()
    apart, chances = left - right, np.exp(p)
    squares = [
        chances[i, j] * chances[i, k] * (apart[i, j] - apart[i, k]) ** 2
        for i in range(4)
        for j in range(9)
        for k in range(9)
    ]
    pairs = [
        chances[i, j] * chances[i, k]
        for i in range(4)
        for j in range(9)
        for k in range(9)
        if j != k
    ]
    wanted = math.sqrt(sum(squares) / sum(pairs))
    assert found["logit_error"] == pytest.approx(wanted, rel=1e-12)
    flips = sum(left[i].argmax() != right[i].argmax() for i in range(4))
    assert found["top1_flips"] == flips > 0
    ulp = [
        np.abs(left[i] - right[i]).max() / np.spacing(max(abs(left[i]).max(), abs(right[i]).max()))
        for i in range(4)
    ]
    assert found["max_ulp"] == max(ulp)


@pytest.mark.parametrize(
    ("precisions", "ulp"),
    [
        (("float32", "float32"), 2.0**-22),
        (("float64", "float64"), 2.0**-51),
        (("float32", "float64"), 2.0**-22),  # the coarser of the two
        (("bfloat16", "float32"), 2.0**-6),
        (("float32", "float16"), 2.0**-9),
    ],
)
def test_an_ulp_is_that_of_the_coarser_format(precisions, ulp):
    left = np.array([[1.0, -2.5, 0.25]])  # largest between 2 and 4
    right = left + np.array([[0, 0, 3 * ulp]])
    assert compare_logits(left, right, precisions)["max_ulp"] == 3


def test_the_largest_ulp_is_over_positions_of_unlike_size():
    left = np.array([[1.5, 0.0], [1024.0, 0.0]])
    right = left + np.array([[2.0**-23, 0], [2.0**-13, 0]])  # 1 ulp, and 1 ulp
    found = compare_logits(left, right, ("float32", "float32"))
    assert found["max_ulp"] == 1
    assert found["max_abs_logit"] == 2.0**-13


def test_a_flip_of_the_first_ranked_token():
    left, right = np.array([[1.0, 2.0], [3.0, 0.0]]), np.array([[2.0, 1.0], [3.0, 0.0]])
    assert compare_logits(left, right, ("float32", "float32"))["top1_flips"] == 1


def test_positions_beyond_the_text_are_left_out():
    left = np.array([[1.0, 2.0], [np.nan, np.nan]])
    right = np.array([[1.0, 2.5], [np.nan, np.nan]])
    found = compare_logits(left, right, ("float32", "float32"))
    assert found == compare_logits(left[:1], right[:1], ("float32", "float32"))
    assert found["max_abs_logit"] == 0.5
    nothing = compare_logits(left[1:], right[1:], ("float32", "float32"))
    assert nothing == dict.fromkeys(found)


def text(prompt, seed, tokens, margins=None, **changes):
    row = {"sweep": "s", "intervention": "q/s/01", "block": None, "blocks_replaced": 1}
    row["noise_seed"] = 0
    row |= {
        "prompt": prompt,
        "sample_seed": seed,
        "tokens": tokens,
        "margins": margins or [0.5] * len(tokens),
    }
    return row | changes


def test_a_repeat_is_compared_where_the_second_process_has_texts():
    first = [text(prompt, seed, [prompt, seed]) for prompt in (0, 1) for seed in (4, 5)]
    first += [text(0, 4, [7], noise_seed=1), text(0, 4, [8], intervention="q/s/02")]
    second = [text(1, 5, [9]), text(0, 4, [9, 9])]
    assert repeated(first, second) == [first[0], first[3]]
    assert repeated(first, first) == first
    assert repeated(first, []) == []


def test_rows_of_a_pair():
    left = [text(0, 4, [1, 2]), text(0, 5, [1, 2, 3], [0.1, 0.2, 0.3]), text(1, 4, [1, END])]
    right = [text(0, 4, [1, 2]), text(0, 5, [1, 6, 3], [9, 9, 9]), text(1, 4, [1, 3, 4])]
    logits = np.array([[[0.0, 1.0]], [[2.0, 1.0]]])
    moved = logits + np.array([[[0.0, 0.0]], [[0.0, 4.0]]])
    key = "q/s/01@0"
    precisions = ("float32", "float32")
    found = list(diff(("a", "b"), (left, right), ({key: logits}, {key: moved}), precisions))
    assert [row["identical"] for row in found] == [True, False, False]
    assert [row["first_divergent_token"] for row in found] == [None, 1, 1]
    assert [row["margin"] for row in found] == [None, 0.2, 0.5]
    assert [row["tokens"] for row in found] == [2, 3, 2]
    assert [row["blocks_replaced"] for row in found] == [1, 1, 1]
    assert {(row["left"], row["right"]) for row in found} == {("a", "b")}
    assert [row.get("max_abs_logit") for row in found] == [0, None, 4]  # first sample seed only
    assert [row.get("top1_flips") for row in found] == [0, None, 1]


def test_texts_of_other_work_are_refused():
    left, right = [text(0, 4, [1])], [text(1, 4, [1])]
    with pytest.raises(ValueError, match="not of the same interventions"):
        list(diff(("a", "b"), (left, right), ({}, {}), ("float32", "float32")))
