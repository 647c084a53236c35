"""Integers in float64: products and sums without rounding, and what is refused."""

import math
from hashlib import sha256

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from needq.exact import arithmetic
from needq.exact.arithmetic import (
    BoundError,
    RangeError,
    check_bound,
    digest,
    exact_sum,
    left_bits,
    matmul,
    multiply,
    quantise,
    right_bits,
    rounded,
    rounded_to,
    split,
    to_float64,
)

generator = torch.Generator().manual_seed(0)


def normal(*shape):
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def step(x, bits, dim):
    """The power of two of which the largest entry along `dim` has 2^bits at most."""
    exponents = x.abs().amax(dim, keepdim=True).frexp().exponent
    return torch.from_numpy(numpy.ldexp(1.0, exponents.numpy() - bits))


def product(x, w):
    k = x.shape[-1]
    return matmul(split(x, left_bits(k)), rounded(w, right_bits(k), 0), k)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.floats(-1e300, 1e300), min_size=1), st.integers(2, 50))
def test_integers_stay_within_their_bits(row, bits):
    x = torch.tensor(row, dtype=torch.float64)
    q = quantise(x, bits)
    assert torch.equal(q.values, q.values.round())
    assert q.values.abs().max() <= 2.0**bits
    largest = max(float(x.abs().max()), 2.0**-900)
    assert (q.values * q.scale - x).abs().max() <= largest * 2.0**-bits


def test_a_value_just_under_a_power_of_two_rounds_up_to_2_to_the_bits():
    assert quantise(torch.tensor([1 - 2.0**-53], dtype=torch.float64), 20).values == 2.0**20


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(-1e30, 1e30), min_size=1), st.integers(2, 20))
def test_a_split_keeps_twice_the_bits(row, bits):
    x = torch.tensor([row], dtype=torch.float64)
    largest = x.abs().max().clamp_min(2.0**-700)
    high_step = step(largest[None], bits, 0)
    high, low = split(x, bits).parts.unbind(-3)
    for integers in (high / high_step, low / high_step * 2 ** (bits + 1)):
        assert torch.equal(integers, integers.round())
        assert integers.abs().max() <= 2.0**bits
    assert (high + low - x).abs().max() <= largest * 2.0 ** -(2 * bits)


@pytest.mark.parametrize("exponent", [-149, -40, 0, 40, 400])
def test_columns_are_rounded_as_integers_are(exponent):
    """Whole steps are what integers times their power of two are, down to the smallest float32."""
    w = normal(7, 5) * 2.0**exponent
    q = quantise(w.T, 20)
    assert torch.equal(rounded(w, 20, 0).values, (q.values * q.scale).T)


def test_halves_are_rounded_to_even_steps():
    x = torch.tensor([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]).double() / 64
    expected = torch.tensor([-2.0, -2.0, 0.0, 0.0, 2.0, 2.0]).double() / 64
    assert torch.equal(rounded_to(1 / 64, x), expected)


@pytest.mark.parametrize("terms", [1, 2, 3, 128, 768, 1000, 1024, 1025, 3072, 8192, 1 << 20])
def test_bits_fill_the_bound_and_do_not_pass_it(terms):
    bits = left_bits(terms) + right_bits(terms)
    check_bound(terms, bits)
    assert terms * 2**bits <= 2**53 < 4 * terms * 2**bits


@pytest.mark.parametrize(("terms", "bits"), [(4096, 42), (2049, 42), (1, 54), (0, 10), (3, 52)])
def test_a_sum_that_could_pass_2_to_the_53_is_refused(terms, bits):
    with pytest.raises(BoundError, match="2\\^53"):
        check_bound(terms, bits)


def test_matmul_checks_its_bound():
    with pytest.raises(BoundError):
        matmul(split(normal(2, 4096), 20), rounded(normal(4096, 2), 22, 0), 4096)


@pytest.mark.parametrize("terms", [1, 3, 64, 768, 3072])
def test_matmul_is_exact_even_at_the_bound(terms):
    """Largest integers of one sign: every sum reaches the bound, to the unit."""
    x, w = torch.ones(3, terms).double(), torch.ones(terms, 5).double()
    x[1], w[:, 1] = 1 - 2.0**-53, 1 - 2.0**-53
    x[2, 0], w[0, 2] = -(2.0**-20), 2.0**-20
    left, right = split(x, left_bits(terms)), rounded(w, right_bits(terms), 0)
    high_step, right_step = step(x, left.bits, -1), step(w, right.bits, 0)
    low_step = high_step / 2 ** (left.bits + 1)
    high, low = left.parts.unbind(-3)
    integers = (right.values / right_step).long()
    sums = [part.long() @ integers for part in (high / high_step, low / low_step)]
    assert max(int(s.abs().max()) for s in sums) <= 2**53
    exact = (sums[0].double() * 2.0 ** (left.bits + 1) + sums[1].double()) * low_step
    assert torch.equal(matmul(left, right, terms), exact * right_step + 0.0)
    assert torch.equal(matmul(left, right, terms, torch.ones(5).double()), exact * right_step + 1.0)


@pytest.mark.parametrize("rows", [1, 7, 130])
def test_products_of_integers_are_those_of_integers(rows):
    """As layers use them: one matrix for all rows; keys of some tokens in a larger room, turned."""
    x = torch.randint(-(2**22), 2**22, (3, 2, rows, 32), generator=generator)
    w = torch.randint(-(2**22), 2**22, (32, 50), generator=generator)
    room = torch.randint(-(2**22), 2**22, (3, 2, 64, 32), generator=generator)
    keys = room[:, :, :40].mT
    for left, right in ((x[0, 0], w), (x, w), (x, keys)):
        assert torch.equal(multiply(left.double(), right.double()).long(), left @ right)
        strided = right.mT.contiguous().mT  # columns one after the other
        assert torch.equal(multiply(left.double(), strided.double()).long(), left @ right)


def test_matmul_does_not_depend_on_the_order_of_terms():
    x, w = normal(5, 700), normal(700, 6)
    x[:, 3], x[:, 9] = 3e3, 1e7  # outlier columns
    order = torch.randperm(700, generator=generator)
    assert torch.equal(product(x, w), product(x[:, order], w[order]))
    assert not torch.equal(x @ w, x[:, order] @ w[order])  # float64's own sums do


def test_matmul_is_close_to_float64():
    x, w = normal(50, 768), normal(768, 60)
    error = (product(x, w) - x @ w).abs().max()
    assert error < 1e-6
    assert error < (x.float() @ w.float() - x @ w).abs().max() / 5


@pytest.mark.parametrize("k", [1, 2, 64])
def test_zeros_give_positive_zero(k):
    for sign in (0.0, -0.0):
        result = product(torch.full((3, k), sign).double(), torch.full((k, 2), -1.0).double())
        assert not result.signbit().any()
        assert not exact_sum(torch.full((3, k), sign).double()).signbit().any()


@pytest.mark.parametrize("size", [5e-324, 1e-310, 2.0**-1001, 1e-200, 1e200, 1e280])
def test_tiny_and_huge_rows(size):
    x = torch.tensor([[size, -size / 2], [1.0, 2.0]], dtype=torch.float64)
    result = product(x, torch.eye(2).double())
    assert torch.equal(result[1], torch.tensor([1.0, 2.0]).double())
    expected = x[0] if size > 1e-250 else torch.zeros(2)
    assert (result[0] - expected).abs().max() <= size * 2.0**-28
    assert torch.equal(result[0], product(x[:1], torch.eye(2).double())[0])


def test_exact_sum_is_the_sum_in_any_order():
    x = normal(4, 999) * 10 ** normal(4, 999)
    order = torch.randperm(999, generator=generator)
    assert torch.equal(exact_sum(x), exact_sum(x[:, order]))
    for row, total in zip(x, exact_sum(x), strict=True):
        assert abs(math.fsum(row) - float(total)) <= 999 * float(row.abs().max()) * 2.0**-43


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 2.0**501])
def test_weights_out_of_range_are_refused_by_name(value):
    weight = torch.ones(3, 3, dtype=torch.float64)
    weight[1, 2] = value
    with pytest.raises(RangeError, match=r"h.3.mlp.c_fc.weight"):
        to_float64(weight, "h.3.mlp.c_fc.weight")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_to_float64_does_not_round(dtype):
    x = normal(50).to(dtype)
    assert to_float64(x, "x").tolist() == x.tolist()


def test_subnormal_weights_survive_flush_denormal():
    subnormal = torch.tensor([2.0**-149, 1e-40])
    exact = [2.0**-149, float(subnormal[1].double())]
    try:
        torch.set_flush_denormal(True)
        assert to_float64(subnormal, "x").tolist() == exact
    finally:
        torch.set_flush_denormal(False)


def test_digest_counts_negative_zero_as_zero():
    x = torch.tensor([0.0, 1.0], dtype=torch.float64)
    assert digest(x) == digest(torch.tensor([-0.0, 1.0], dtype=torch.float64))
    assert digest(x) != digest(torch.tensor([0.0, 1 + 2.0**-52], dtype=torch.float64))
    by_hand = bytes(8) + bytes([0, 0, 0, 0, 0, 0, 0xF0, 0x3F])
    assert digest(x) == sha256(by_hand).hexdigest()


def test_refusals_are_errors_that_users_see():
    from needq.common.errors import UserError

    assert issubclass(arithmetic.ExactArithmeticError, UserError)
