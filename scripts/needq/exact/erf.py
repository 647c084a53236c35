"""The error function, with the same bits on every machine: at most 2 ulp from the true value.

Like the functions of `elementary`, it is built from correctly rounded operations alone, and serves
numpy and torch. It is odd to the bit; erf(+-inf) = +-1, NaN gives NaN.

The rational approximations are those of FreeBSD's msun, s_erf.c (Sun Microsystems 1993). Below
0.84375, erf(x) = x + x P(x^2) / Q(x^2). Up to 1.25, it is ERF_ONE + P(x - 1) / Q(x - 1). Above, it
is 1 - exp(-x^2 - 0.5625 + P(1 / x^2) / Q(1 / x^2)) / x, with other polynomials from 1 / 0.35 on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy

from needq.exact.elementary import enter, exp_bounded, polynomial
from needq.exact.tiles import in_tiles

if TYPE_CHECKING:
    from torch import Tensor

    Array = TypeVar("Array", numpy.ndarray, Tensor)

NEAR, MIDDLE, FAR, ONE = 0.84375, 1.25, 1 / 0.35, 6.0  # where each approximation ends
ERF_ONE = 8.45062911510467529297e-01  # erf(1), rounded to float32
NEAR_NUMERATOR = (
    1.28379167095512558561e-01,
    -3.25042107247001499370e-01,
    -2.84817495755985104766e-02,
    -5.77027029648944159157e-03,
    -2.37630166566501626084e-05,
)
NEAR_DENOMINATOR = (
    1.0,
    3.97917223959155352819e-01,
    6.50222499887672944485e-02,
    5.08130628187576562776e-03,
    1.32494738004321644526e-04,
    -3.96022827877536812320e-06,
)
MIDDLE_NUMERATOR = (
    -2.36211856075265944077e-03,
    4.14856118683748331666e-01,
    -3.72207876035701323847e-01,
    3.18346619901161753674e-01,
    -1.10894694282396677476e-01,
    3.54783043256182359371e-02,
    -2.16637559486879084300e-03,
)
MIDDLE_DENOMINATOR = (
    1.0,
    1.06420880400844228286e-01,
    5.40397917702171048937e-01,
    7.18286544141962662868e-02,
    1.26171219808761642112e-01,
    1.36370839120290507362e-02,
    1.19844998467991074170e-02,
)
FAR_NUMERATOR = (
    -9.86494403484714822705e-03,
    -6.93858572707181764372e-01,
    -1.05586262253232909814e01,
    -6.23753324503260060396e01,
    -1.62396669462573470355e02,
    -1.84605092906711035994e02,
    -8.12874355063065934246e01,
    -9.81432934416914548592e00,
)
FAR_DENOMINATOR = (
    1.0,
    1.96512716674392571292e01,
    1.37657754143519042600e02,
    4.34565877475229228821e02,
    6.45387271733267880336e02,
    4.29008140027567833386e02,
    1.08635005541779435134e02,
    6.57024977031928170135e00,
    -6.04244152148580987438e-02,
)
FARTHEST_NUMERATOR = (
    -9.86494292470009928597e-03,
    -7.99283237680523006574e-01,
    -1.77579549177547519889e01,
    -1.60636384855821916062e02,
    -6.37566443368389627722e02,
    -1.02509513161107724954e03,
    -4.83519191608651397019e02,
)
FARTHEST_DENOMINATOR = (
    1.0,
    3.03380607434824582924e01,
    3.25792512996573918826e02,
    1.53672958608443695994e03,
    3.19985821950859553908e03,
    2.55305040643316442583e03,
    4.74528541206955367215e02,
    -2.24409524465858183362e01,
)


@in_tiles
def erf(x: Array) -> Array:
    """The integral of 2 / sqrt(pi) e^(-t^2) from 0 to x."""
    xp, x = enter(x)
    size = xp.clip(abs(x), 0.0, ONE)
    square = xp.clip(size, 0.0, NEAR) * xp.clip(size, 0.0, NEAR)
    near = size + size * _ratio(square, NEAR_NUMERATOR, NEAR_DENOMINATOR)
    middle = ERF_ONE + _ratio(
        xp.clip(size, NEAR, MIDDLE) - 1.0, MIDDLE_NUMERATOR, MIDDLE_DENOMINATOR
    )
    large = xp.clip(size, MIDDLE, ONE)
    square = large * large
    inverse = xp.full_like(square, 1.0) / square
    power = xp.where(
        large < FAR,
        _ratio(inverse, FAR_NUMERATOR, FAR_DENOMINATOR),
        _ratio(inverse, FARTHEST_NUMERATOR, FARTHEST_DENOMINATOR),
    )
    far = 1.0 - exp_bounded(power - square - 0.5625) / large
    value = xp.where(size < NEAR, near, xp.where(size < MIDDLE, middle, far))
    return xp.copysign(value, x)


def _ratio(x: Array, numerator: Sequence[float], denominator: Sequence[float]) -> Array:
    return polynomial(x, numerator) / polynomial(x, denominator)
