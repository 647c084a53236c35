import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf
from needq.exact import elementary

FUNCTIONS = ("exp", "log", "tanh", "sin", "cos", "inverse_normal_cdf", "sqrt")
inf, nan = numpy.inf, numpy.nan
random = numpy.random.default_rng(1)
mp.prec = 130


def ulps(values, references):
    """The largest distance in units of the last place of the rounded reference."""
    worst = 0.0
    for value, reference in zip(values, references, strict=True):
        spacing = numpy.spacing(abs(float(reference)))
        worst = max(worst, float(abs((mpf(float(value)) - reference) / mpf(float(spacing)))))
    return worst


def check_ulps(name, arguments, bound):
    values = getattr(elementary, name)(arguments)
    reference = getattr(mp, name)
    assert ulps(values, [reference(mpf(float(x))) for x in arguments]) <= bound


def test_exp_is_within_2_ulp():
    spans = [(-1, 1), (-745, 709), (-745, -708)]
    arguments = [random.uniform(*span, 1500) for span in spans]
    edges = [709.782712893384, -708.396, -745.13, 1e-300, 5e-324, 0.0]
    check_ulps("exp", numpy.concatenate([*arguments, edges]), 2)


def test_log_is_within_2_ulp():
    arguments = [random.uniform(0.5, 2, 1500), random.uniform(0.99, 1.01, 1500)]
    wide = numpy.exp(random.uniform(-740, 709, 1500))
    subnormal = 5e-324 * random.integers(1, 1 << 40, 300)
    check_ulps("log", numpy.concatenate([*arguments, wide, subnormal]), 2)


def test_tanh_is_within_2_ulp():
    arguments = [random.uniform(-0.7, 0.7, 1500), random.uniform(0.6, 0.7, 1500)]
    wide = [random.uniform(-25, 25, 1500), numpy.exp(random.uniform(-740, 0, 500))]
    check_ulps("tanh", numpy.concatenate([*arguments, *wide]), 2)


@pytest.mark.parametrize("name", ["sin", "cos"])
def test_sin_and_cos_are_within_2_to_the_minus_50(name):
    multiples = numpy.arange(-5215, 5216, 7) * (numpy.pi / 2)
    arguments = numpy.concatenate(
        [random.uniform(-8192, 8192, 2000), multiples, numpy.arange(0, 8193.0, 16), [-8192.0]]
    )
    values = getattr(elementary, name)(arguments)
    references = [getattr(mp, name)(mpf(float(x))) for x in arguments]
    errors = [abs(mpf(float(v)) - r) for v, r in zip(values, references, strict=True)]
    assert max(errors) <= mpf(2) ** -50


def quantile(p, start):
    """The p-quantile of the normal distribution, by Newton's steps on mpmath's erfc."""
    p, z, root = mpf(float(p)), mpf(float(start)), mp.sqrt(2)
    for _ in range(2):
        if z < 0:
            z -= (mp.erfc(-z / root) / 2 - p) / mp.npdf(z)
        else:
            z += (mp.erfc(z / root) / 2 - (1 - p)) / mp.npdf(z)
    return z


def test_inverse_normal_cdf_is_within_8_ulp():
    arguments = numpy.concatenate(
        [
            random.uniform(0, 1, 700),
            random.uniform(0.07, 0.08, 200),
            random.uniform(0.49, 0.51, 200),
            numpy.exp(random.uniform(-700, -1, 400)),
            1 - numpy.exp(random.uniform(-36, -1, 300)),
            [2.0**-53, 1 - 2.0**-53, 0.925, 0.075, 5e-324],
        ]
    )
    values = elementary.inverse_normal_cdf(arguments)
    references = [quantile(p, z) for p, z in zip(arguments, values, strict=True)]
    assert ulps(values, references) <= 8


SPECIAL = [
    ("exp", [0.0, -0.0, inf, -inf, 710.0, -746.0], [1, 1, inf, 0, inf, 0]),
    ("log", [0.0, -0.0, 1.0, inf, -1.0, -inf, -5e-324], [-inf, -inf, 0, inf, nan, nan, nan]),
    ("tanh", [0.0, -0.0, inf, -inf, 5e-324, -1e300], [0.0, -0.0, 1, -1, 5e-324, -1]),
    ("sin", [0.0, inf, -inf, 8192.1], [0, nan, nan, nan]),
    ("cos", [0.0, inf, -inf, -8192.1], [1, nan, nan, nan]),
    ("inverse_normal_cdf", [0.0, 1.0, 0.5, -0.1, 1.1, inf], [-inf, inf, 0, nan, nan, nan]),
    ("sqrt", [0.0, inf, 4.0], [0, inf, 2]),
]


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize(("name", "arguments", "expected"), SPECIAL)
def test_special_values(name, arguments, expected, library):
    arguments = numpy.array([*arguments, nan])
    if library == "torch":
        values = getattr(elementary, name)(torch.from_numpy(arguments)).numpy()
    else:
        values = getattr(elementary, name)(arguments)
    numpy.testing.assert_array_equal(values, [*expected, nan])
    if name == "tanh":
        assert numpy.signbit(values[1])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_numpy_and_torch_give_the_same_bits(name):
    normal = random.standard_normal(20011)
    wide = normal * 10 ** random.uniform(-300, 300, normal.size)
    for x in (normal, wide, abs(normal) % 1, normal[:1]):
        x = abs(x) if name in ("sqrt", "log") else x
        function = getattr(elementary, name)
        numpy.testing.assert_array_equal(function(torch.from_numpy(x)).numpy(), function(x))


def test_sqrt_is_correctly_rounded_where_torch_is_not():
    x = numpy.concatenate([random.uniform(0, 4, 20000), [-elementary.log(numpy.array(0.5))]])
    exact = numpy.array([float(mp.sqrt(mpf(float(v)))) for v in x])
    numpy.testing.assert_array_equal(elementary.sqrt(torch.from_numpy(x)).numpy(), exact)


@settings(max_examples=300, deadline=None)
@given(st.floats(-708, 709))
def test_exp_bounded_has_the_bits_of_exp(x):
    x = numpy.array([x])
    assert elementary.exp_bounded(x) == elementary.exp(x)


@settings(max_examples=300, deadline=None)
@given(st.floats(-(2.0**51), 2.0**51))
def test_nearest_integer_rounds_half_to_even(x):
    assert elementary.nearest_integer(numpy.array([x]))[0] == round(x)


def test_power_of_two_is_exact():
    n = numpy.arange(-1022, 1024, dtype=float)
    numpy.testing.assert_array_equal(elementary.power_of_two(n), [2.0**i for i in n])


@pytest.mark.parametrize("value", [numpy.float32(1), torch.ones(1)])
def test_other_precisions_are_refused(value):
    with pytest.raises(TypeError, match="float64"):
        elementary.exp(value)
