"""Compiled loops: the bits of what they stand for, whatever the numbers and shapes."""

import os
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from needq.exact import attention, compiled, elementary, layers, softmax
from needq.exact.arithmetic import exact_sum, left_bits, matmul, right_bits, rounded, split

LIBRARY = Path(compiled.__file__).parents[2]
inf, nan = numpy.inf, numpy.nan
EDGES = [0.0, -0.0, 5e-324, -5e-324, 2.0**-1022, 1.0, -1.0, 708.0, -708.0, 709.0, 709.5, -745.0]
EDGES += [0.5 * numpy.log(2), 1e16, -1e16, 2.0**500, -(2.0**500), 1.7e308, inf, -inf, nan]
SHAPES = [(), (0,), (1,), (3, 5), (2, 3, 40), (7, 513)]


def numbers(shape, seed=0):
    """Normal numbers of many sizes, with all edges if there is room."""
    generator = numpy.random.default_rng(seed)
    x = generator.standard_normal(shape) * 10.0 ** generator.integers(-12, 4, shape)
    x = numpy.asarray(x)
    if x.size >= len(EDGES):
        x.reshape(-1)[: len(EDGES)] = EDGES
    return torch.from_numpy(x)


def same_bits(x, y):
    """Whether two tensors have the same bits, apart from those of what is not a number."""
    there = ~x.isnan()
    bits = [own.masked_fill(own.isnan(), 0.0).view(torch.int64) for own in (x, y)]
    return torch.equal(there, ~y.isnan()) and torch.equal(*bits)


def without_loops(function, *arguments):
    """What a function of exact arithmetic gives where numba is not installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "find_loops", lambda: None)
        return function(*arguments)


def test_loops_are_compiled_here():
    assert compiled.loops_for(torch.zeros(1)).__name__ == "needq.exact.loops"
    assert without_loops(compiled.loops_for, torch.zeros(1)) is None
    assert compiled.loops_for(torch.zeros(1, device="meta")) is None


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_exponentials_have_the_bits_of_numpy(shape):
    x = numbers(shape) * 30
    views = [x, x.mT, x[..., :1]] if x.dim() > 1 else [x]
    for own in views:
        expected = torch.from_numpy(numpy.asarray(elementary.exp_bounded(own.numpy())))
        assert same_bits(compiled.exp_bounded(own), expected)
        u = own.flip(0) if own.dim() else own
        assert same_bits(compiled.gated(own, u), without_loops(compiled.gated, own, u))
        assert same_bits(layers.gelu(own), without_loops(layers.gelu, own))


@given(st.lists(st.floats(), min_size=1), st.lists(st.floats(), min_size=1))
@settings(max_examples=300, deadline=None)
def test_exponentials_of_any_floats(numbers, others):
    x = torch.tensor(numbers, dtype=torch.float64)
    assert same_bits(compiled.exp_bounded(x), without_loops(compiled.exp_bounded, x))
    u = torch.tensor((others * len(numbers))[: len(numbers)], dtype=torch.float64)
    assert same_bits(compiled.gated(x, u), without_loops(compiled.gated, x, u))
    assert same_bits(layers.gelu(x), without_loops(layers.gelu, x))


@pytest.mark.parametrize("shape", [*SHAPES[3:], (2, 50257)], ids=str)
@pytest.mark.parametrize("size", [0.0, 1e-3, 1.0, 40.0, 1e9])
def test_layers_have_the_bits_of_torch(shape, size):
    x = numbers(shape).nan_to_num(0.0, 0.0, 0.0).clamp(-30, 30) * size
    for own in (x, x.mT, x[..., ::2]):
        weight, bias = numbers((2, own.shape[-1]), 1).clamp(-9, 9).nan_to_num(1.0)
        epsilon = 1e-5
        assert same_bits(softmax.log_softmax(own), without_loops(softmax.log_softmax, own))
        for norm, rest in ((layers.layer_norm, [weight, bias]), (layers.rms_norm, [weight])):
            assert same_bits(norm(own, *rest, epsilon), without_loops(norm, own, *rest, epsilon))


@pytest.mark.parametrize("shape", [*SHAPES[3:4], *SHAPES[5:], (2, 50257)], ids=str)
@pytest.mark.parametrize("size", [0.0, 1.0, 40.0])
def test_divergences_have_the_bits_of_torch(shape, size):
    generator = torch.Generator().manual_seed(0)
    before, after = size * torch.randn(2, *shape, dtype=torch.float64, generator=generator)
    for rows in (slice(None), slice(None, None, 2)):
        log_p, x = softmax.log_softmax(before)[rows], after[rows]
        own = log_p, log_p.exp(), x, softmax.softmax_norm(x)
        kl = softmax.divergence(*own)
        assert same_bits(kl, without_loops(softmax.divergence, *own))
        expected = torch.nn.functional.kl_div(
            x.log_softmax(-1), log_p, log_target=True, reduction="none"
        )
        assert torch.allclose(kl, expected.sum(-1), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(
    ("heads", "group", "new", "tokens"), [(1, 1, 1, 1), (2, 3, 5, 40), (4, 1, 1, 113)]
)
@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3, 1e12])
def test_weights_have_the_bits_of_torch(heads, group, new, tokens, size):
    generator = torch.Generator().manual_seed(0)
    scores = size * torch.randn(
        3, heads, group * new, tokens, dtype=torch.float64, generator=generator
    )
    scores[..., ::3] = 0.0
    visible = torch.rand(3, new, tokens, generator=generator) > 0.3
    visible[..., -1] = True  # a query sees itself
    scale = torch.randint(-300, 300, (3, heads, tokens, 1), generator=generator)
    scale = torch.ldexp(torch.ones(scale.shape, dtype=torch.float64), scale).mT
    for own in (scores, scores.flip(0).mT.contiguous().mT):
        mine, total = attention._weights(own, visible, scale, 128)
        torchs, expected = without_loops(attention._weights, own, visible, scale, 128)
        assert mine.bits == torchs.bits
        assert same_bits(mine.parts, torchs.parts)
        assert same_bits(total, expected)
        hidden = ~visible[:, None, None]
        weights = own.unflatten(2, (group, new)).masked_fill(hidden, -inf).softmax(-1).flatten(2, 3)
        expected = weights * total * scale
        error = (mine.parts.sum(2) - expected).abs() / expected.amax(-1, keepdim=True)
        assert error.max() < 2.0**-25


def test_heads_have_norms_of_their_own():
    x, (weight, bias) = numbers((5, 3, 8)).clamp(-9, 9).nan_to_num(1.0), numbers((2, 3, 8))
    norm = layers.layer_norm(x, weight, bias, 1e-5)
    assert same_bits(norm, without_loops(layers.layer_norm, x, weight, bias, 1e-5))
    for head in range(3):
        own = layers.layer_norm(x[:, head], weight[head], bias[head], 1e-5)
        assert same_bits(norm[:, head], own)


@pytest.mark.parametrize(("left", "right"), [((5, 40), (40, 7)), ((2, 3, 6, 8), (2, 3, 8, 4))])
def test_products_have_the_bits_of_torch(left, right):
    x, w = (numbers(shape).clamp(-9, 9).nan_to_num(1.0) for shape in (left, right))
    terms = left[-1]
    operands = split(x, left_bits(terms)), rounded(w, right_bits(terms), -2), terms
    for bias in (0.0, numbers((right[-1],)) + 0.0):
        mine, torchs = matmul(*operands, bias), without_loops(matmul, *operands, bias)
        assert same_bits(mine, torchs)
        exact = (x[..., :1, :, None] * w[..., None, :, :]).sum(-2) + bias
        assert torch.allclose(mine[..., :1, :], exact, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES[3:], ids=str)
@pytest.mark.parametrize("size", [1.0, 1e-250, 1e-220, 1e140])
def test_splits_and_sums_have_the_bits_of_torch(shape, size):
    x = numbers(shape).nan_to_num(0.0, 0.0, 0.0).clamp(-1e4, 1e4) * size
    for own in (x, x.mT, x[..., ::2]):
        bits = left_bits(own.shape[-1])
        mine, torchs = split(own, bits), without_loops(split, own, bits)
        assert mine.bits == torchs.bits
        assert same_bits(mine.parts, torchs.parts)
        assert same_bits(exact_sum(own), without_loops(exact_sum, own))


@given(st.lists(st.floats(), min_size=1, max_size=70), st.integers(1, 22))
@settings(max_examples=500, deadline=None)
def test_splits_and_sums_of_any_floats(row, bits):
    x = torch.tensor([row, row[::-1], [0.0] * len(row)], dtype=torch.float64)
    assert same_bits(split(x, bits).parts, without_loops(split, x, bits).parts)
    assert same_bits(exact_sum(x), without_loops(exact_sum, x))


# e^-9 to e^8 as `compiled` gives them, and whether loops were found
SHOW = """
import torch
from needq.exact import compiled
x = torch.arange(-9.0, 9.0, dtype=torch.float64)
print(compiled.exp_bounded(x).tolist())
print(compiled.find_loops() is not None, file=sys.stderr)
"""


def in_a_new_process(code, **variables):
    """What a new process of Python prints, and what it writes to stderr."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {code}"],
        env={**os.environ, "PYTHONPATH": str(LIBRARY), **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip(), done.stderr.strip()


def test_loops_are_compiled_anew_where_they_cannot_be_kept():
    """There is no folder that may be written, so none of numba's ways to find one fits."""
    expected = elementary.exp_bounded(numpy.arange(-9.0, 9.0)).tolist()
    nowhere = {"NUMBA_CACHE_LOCATOR_CLASSES": "ZipCacheLocator"}
    assert in_a_new_process(SHOW, **nowhere) == (str(expected), "True")


@pytest.mark.parametrize(
    "hidden", ["sys.modules['numba'] = None", "import numpy; numpy.__version__ = '99.0'"]
)
def test_without_numba_or_with_a_numpy_that_it_refuses_the_bits_are_the_same(hidden):
    expected = elementary.exp_bounded(numpy.arange(-9.0, 9.0)).tolist()
    assert in_a_new_process(hidden + SHOW) == (str(expected), "False")


def test_numba_is_imported_when_something_is_computed_and_scipy_is_not():
    code = """
import needq.exact.load, needq.inference.score
print("numba" in sys.modules)
needq.exact.compiled.find_loops()
print("numba" in sys.modules, "scipy" in sys.modules)
"""
    printed, _ = in_a_new_process(code)
    assert printed.split() == ["False", "True", "False"]
