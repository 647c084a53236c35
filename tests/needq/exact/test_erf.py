import numpy
import torch
from mpmath import mp, mpf
from needq.exact.erf import ERF_ONE, FAR, MIDDLE, NEAR, ONE, erf

random = numpy.random.default_rng(2)
mp.prec = 130


def test_erf_is_within_2_ulp():
    edges = [NEAR, MIDDLE, FAR, ONE]
    spans = [(0, NEAR), (NEAR, MIDDLE), (MIDDLE, FAR), (FAR, ONE), (ONE, 30), (1.0, 1.5)]
    arguments = [random.uniform(*span, 1500) for span in spans]
    arguments += [numpy.exp(random.uniform(-740, 0, 500)), edges, numpy.nextafter(edges, 0)]
    arguments = numpy.concatenate(arguments)
    arguments *= random.choice([-1, 1], arguments.size)
    worst = 0.0
    for value, x in zip(erf(arguments), arguments, strict=True):
        wanted = mp.erf(mpf(float(x)))
        unit = mpf(float(numpy.spacing(abs(float(wanted)))))
        worst = max(worst, abs((mpf(float(value)) - wanted) / unit))
    assert worst <= 2


def test_special_values():
    inf, nan = numpy.inf, numpy.nan
    arguments = numpy.array([0.0, -0.0, inf, -inf, 1e300, -1e300, 5e-324, nan])
    wanted = [0.0, -0.0, 1, -1, 1, -1, 5e-324, nan]
    for values in (erf(arguments), erf(torch.from_numpy(arguments)).numpy()):
        numpy.testing.assert_array_equal(values, wanted)
        assert numpy.signbit(values[1])


def test_numpy_and_torch_give_the_same_bits():
    x = random.standard_normal(20011) * 10 ** random.uniform(-3, 1, 20011)
    numpy.testing.assert_array_equal(erf(torch.from_numpy(x)).numpy(), erf(x))


def test_the_constant_is_a_float32():
    assert numpy.float32(ERF_ONE) == ERF_ONE
