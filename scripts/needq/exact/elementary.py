"""sqrt, exp, log, tanh, sin, cos and the inverse normal CDF, with the same bits on every machine.

Every function is built only from operations that IEEE 754 rounds correctly everywhere: + - * /
sqrt, comparisons, round-half-even, and moves of the exponent field. No libm, no `torch.exp`, no
`pow`: those differ by device and by instruction set. Products and sums are separate operations,
so nothing is contracted to a fused multiply-add.

One source serves numpy float64 arrays and torch float64 tensors. torch is never imported here: a
tensor can only arrive when its caller has imported it.

Division is always array by array: CUDA turns division by a Python scalar into multiplication by
its reciprocal, and torch computes `scalar / tensor` as `scalar * (1 / tensor)`.

| function           | error                          | special values                            |
|--------------------|--------------------------------|-------------------------------------------|
| exp                | <= 2 ulp                       | exp(-inf) = 0, over 709.78.. inf          |
| log                | <= 2 ulp                       | log(0) = -inf, log(inf) = inf, x < 0: NaN |
| tanh               | <= 2 ulp                       | odd to the bit, tanh(+-inf) = +-1         |
| sin, cos           | <= 2^-50 for abs(x) <= 2^13    | NaN beyond 2^13                           |
| inverse_normal_cdf | <= 8 ulp                       | 0 -> -inf, 1 -> inf, outside [0, 1]: NaN  |

NaN gives NaN, of unspecified sign and payload. Subnormal arguments and results count like any
others, provided that the processor does not flush them to zero.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from math import factorial, inf, nan
from typing import TYPE_CHECKING, Any, TypeVar

import numpy

from needq.exact.tiles import in_tiles, is_tensor

if TYPE_CHECKING:
    from torch import Tensor

    Array = TypeVar("Array", numpy.ndarray, Tensor)

MANTISSA_BITS = 52
EXPONENT_BIAS = 1023
EXPONENT_FIELD = 0x7FF << MANTISSA_BITS
# Added to an integer-valued float64 below 2^51 in size, this leaves the integer in the low bits.
INTEGER_MAGIC = 1.5 * 2.0**52
INTEGER_MAGIC_BITS = 0x4338000000000000

# Constants in parts: the leading parts have 33 bits, so that times an integer below 2^20 is exact.
LN2_HIGH, LN2_LOW = 0.6931471804855391, 7.440617110012397e-11
HALF_PI_HIGH, HALF_PI_MIDDLE, HALF_PI_LOW = (
    1.5707963267341256,
    6.077100506303966e-11,
    2.0222662487959506e-21,
)
LOG2_E = 1.4426950408889634
TWO_OVER_PI = 0.6366197723675814

EXP_LOWEST, EXP_HIGHEST = -746.0, 709.782712893384  # outside: 0 and inf
EXP_SERIES = tuple(1 / factorial(i) for i in range(14))

SQRT_HALF_BITS = 0x3FE6A09E667F3BCD
SMALLEST_NORMAL = 2.0**-1022
LOG_SERIES = tuple(2 / (2 * i + 3) for i in range(11))  # 2 (atanh(s) - s) / s^3 in powers of s^2

# tanh(x) = x - x z P(z) / Q(z) with z = x^2: Lambert's continued fraction to its 8th level.
TANH_NUMERATOR = (675675.0, 45045.0, 594.0, 1.0)
TANH_DENOMINATOR = (2027025.0, 945945.0, 51975.0, 630.0, 1.0)
TANH_SMALL, TANH_ONE = 0.625, 22.0

SIN_SERIES = tuple((-1) ** i / factorial(2 * i + 1) for i in range(9))
COS_SERIES = tuple((-1) ** i / factorial(2 * i) for i in range(9))
ANGLE_LIMIT = 2.0**13

# Wichura (1988), Algorithm AS 241 (PPND16), Applied Statistics 37(3), 477-484: numerators and
# denominators for the centre, the tail, and the far tail.
CENTRE_NUMERATOR = (
    3.3871328727963666080e0,
    1.3314166789178437745e2,
    1.9715909503065514427e3,
    1.3731693765509461125e4,
    4.5921953931549871457e4,
    6.7265770927008700853e4,
    3.3430575583588128105e4,
    2.5090809287301226727e3,
)
CENTRE_DENOMINATOR = (
    1.0,
    4.2313330701600911252e1,
    6.8718700749205790830e2,
    5.3941960214247511077e3,
    2.1213794301586595867e4,
    3.9307895800092710610e4,
    2.8729085735721942674e4,
    5.2264952788528545610e3,
)
TAIL_NUMERATOR = (
    1.42343711074968357734e0,
    4.63033784615654529590e0,
    5.76949722146069140550e0,
    3.64784832476320460504e0,
    1.27045825245236838258e0,
    2.41780725177450611770e-1,
    2.27238449892691845833e-2,
    7.74545014278341407640e-4,
)
TAIL_DENOMINATOR = (
    1.0,
    2.05319162663775882187e0,
    1.67638483018380384940e0,
    6.89767334985100004550e-1,
    1.48103976427480074590e-1,
    1.51986665636164571966e-2,
    5.47593808499534494600e-4,
    1.05075007164441684324e-9,
)
FAR_NUMERATOR = (
    6.65790464350110377720e0,
    5.46378491116411436990e0,
    1.78482653991729133580e0,
    2.96560571828504891230e-1,
    2.65321895265761230930e-2,
    1.24266094738807843860e-3,
    2.71155556874348757815e-5,
    2.01033439929228813265e-7,
)
FAR_DENOMINATOR = (
    1.0,
    5.99832206555887937690e-1,
    1.36929880922735805310e-1,
    1.48753612908506148525e-2,
    7.86869131145613259100e-4,
    1.84631831751005468180e-5,
    1.42151175831644588870e-7,
    2.04426310338993978564e-15,
)


def enter(x: Array) -> tuple[Any, Array]:
    """The module (numpy or torch) that x belongs to, and x as a float64 array of that module."""
    xp: Any = numpy
    if is_tensor(x):
        xp = sys.modules["torch"]
    else:
        x = numpy.asarray(x)  # type: ignore[assignment]  # a number stands for an array
    if x.dtype != xp.float64:
        raise TypeError(f"exact arithmetic needs float64, not {x.dtype}")
    return xp, x


def polynomial(x: Array, coefficients: Sequence[float]) -> Array:
    """sum_i coefficients[i] x^i by Horner's rule; x is an array, the coefficients Python floats."""
    value = x * coefficients[-1]
    value += coefficients[-2]
    for coefficient in coefficients[-3::-1]:
        value *= x
        value += coefficient
    return value


def nearest_integer(x: Array) -> Array:
    """x rounded half to even, for abs(x) <= 2^51; quicker than `round`, and never -0.0."""
    value = x + INTEGER_MAGIC
    value -= INTEGER_MAGIC
    return value


def power_of_two(n: Array) -> Array:
    """2^n to the bit, for integer-valued float64 n in [-1022, 1023]."""
    xp, n = enter(n)
    biased = (n + (INTEGER_MAGIC + EXPONENT_BIAS)).view(xp.int64)
    biased <<= MANTISSA_BITS
    return biased.view(xp.float64)


@in_tiles
def sqrt(x: Array) -> Array:
    """Square root, correctly rounded.

    On the CPU torch hands it to MKL's vector library, which misrounds (sqrt(log(2)) for one); numpy
    uses the processor's own instruction.
    """
    xp, x = enter(x)
    return xp.sqrt(x)


def _exp_reduced(x: Array) -> tuple[Array, Array]:
    """n and e^r with x = n ln 2 + r, abs(r) <= ln(2) / 2; e^r by Taylor's series. x is lost."""
    n = nearest_integer(x * LOG2_E)
    x -= n * LN2_HIGH
    x -= n * LN2_LOW
    return n, polynomial(x, EXP_SERIES)


def exp(x: Array) -> Array:
    """e^x."""
    xp, x = enter(x)
    n, value = _exp_reduced(xp.clip(x, EXP_LOWEST, EXP_HIGHEST))
    half = nearest_integer(n * 0.5)  # in two steps: 2^n itself may be subnormal or too large
    value = value * power_of_two(half) * power_of_two(n - half)
    return xp.where(x > EXP_HIGHEST, inf, value)


@in_tiles
def exp_bounded(x: Array) -> Array:
    """e^x with x first brought into [-708, 709]: there the bits of `exp`, for less work."""
    xp, x = enter(x)
    n, value = _exp_reduced(xp.clip(x, -708.0, 709.0))
    value *= power_of_two(n)
    return value


@in_tiles
def log(x: Array) -> Array:
    """Natural logarithm: x = 2^k (1 + f), log(1 + f) = 2 atanh(f / (2 + f))."""
    xp, x = enter(x)
    regular = xp.where((x > 0.0) & (x < inf), x, 1.0)
    subnormal = regular < SMALLEST_NORMAL
    bits = (regular * xp.where(subnormal, 2.0**54, 1.0)).view(xp.int64)
    k_bits = (bits - SQRT_HALF_BITS) >> MANTISSA_BITS
    f = (bits - (k_bits << MANTISSA_BITS)).view(xp.float64) - 1.0
    k = (k_bits + INTEGER_MAGIC_BITS).view(xp.float64) - INTEGER_MAGIC
    k = k - xp.where(subnormal, 54.0, 0.0)
    s = f / (f + 2.0)
    z = s * s
    half_square = f * f * 0.5
    correction = s * (half_square + z * polynomial(z, LOG_SERIES)) + k * LN2_LOW
    value = k * LN2_HIGH + (f - (half_square - correction))
    value = xp.where(x == 0.0, -inf, xp.where(x == inf, inf, value))
    return xp.where(x >= 0.0, value, nan)


def tanh(x: Array) -> Array:
    """Hyperbolic tangent: Lambert's continued fraction near 0, else 1 - 2 / (e^2x + 1)."""
    xp, x = enter(x)
    size = xp.clip(abs(x), 0.0, TANH_ONE)
    z = size * size
    ratio = polynomial(z, TANH_NUMERATOR) / polynomial(z, TANH_DENOMINATOR)
    near = size - size * (z * ratio)
    two = xp.full_like(size, 2.0)
    far = 1.0 - two / (exp(size + size) + 1.0)
    return xp.copysign(xp.where(size < TANH_SMALL, near, far), x)


def _sin_cos(x: Array) -> tuple[Any, Array, Array, Array]:
    """sin and cos of the remainder of x by pi/2, and the quadrant 0..3."""
    xp, x = enter(x)
    bounded = xp.where(abs(x) <= ANGLE_LIMIT, x, nan)
    n = nearest_integer(bounded * TWO_OVER_PI)
    r = ((bounded - n * HALF_PI_HIGH) - n * HALF_PI_MIDDLE) - n * HALF_PI_LOW
    z = r * r
    quadrant = (n + INTEGER_MAGIC).view(xp.int64) & 3
    return xp, r * polynomial(z, SIN_SERIES), polynomial(z, COS_SERIES), quadrant


def sin(x: Array) -> Array:
    """Sine by reduction to [-pi/4, pi/4] and Taylor's series."""
    xp, sine, cosine, quadrant = _sin_cos(x)
    value = xp.where((quadrant & 1) == 0, sine, cosine)
    return xp.where(quadrant < 2, value, -value)


def cos(x: Array) -> Array:
    """Cosine by reduction to [-pi/4, pi/4] and Taylor's series."""
    xp, sine, cosine, quadrant = _sin_cos(x)
    value = xp.where((quadrant & 1) == 0, cosine, -sine)
    return xp.where(quadrant < 2, value, -value)


def inverse_normal_cdf(p: Array) -> Array:
    """The z with P(Z <= z) = p for a standard normal Z; Wichura's AS 241."""
    xp, p = enter(p)
    inside = (p >= 0.0) & (p <= 1.0)
    p = xp.where(inside, p, 0.5)
    centred = p - 0.5
    r = 0.180625 - centred * centred
    centre = centred * polynomial(r, CENTRE_NUMERATOR) / polynomial(r, CENTRE_DENOMINATOR)
    tail = xp.where(centred < 0.0, p, 1.0 - p)
    r = sqrt(-log(xp.where((tail > 0.0) & (tail < 0.5), tail, 0.5)))
    near = polynomial(r - 1.6, TAIL_NUMERATOR) / polynomial(r - 1.6, TAIL_DENOMINATOR)
    far = polynomial(r - 5.0, FAR_NUMERATOR) / polynomial(r - 5.0, FAR_DENOMINATOR)
    outer = xp.copysign(xp.where(r <= 5.0, near, far), centred)
    value = xp.where(abs(centred) <= 0.425, centre, outer)
    value = xp.where(p == 0.0, -inf, xp.where(p == 1.0, inf, value))
    return xp.where(inside, value, nan)
