"""Loops of exact arithmetic, compiled by numba for the CPU that runs them.

They do what other functions of exact arithmetic do in several passes, operation by operation, so
they have the same bits: LLVM joins no product with a sum, and reorders no sum of floating-point
numbers, unless it is told that it may. They take a sixth to a third of the time, since a value
stays in a register from one operation to the next.

What is compiled is kept beside this file, in `__pycache__`. Arrays are of float64, in C order.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numba
import numpy

from needq.exact.elementary import (
    EXPONENT_BIAS,
    EXPONENT_FIELD,
    INTEGER_MAGIC,
    MANTISSA_BITS,
)

Array: TypeAlias = numpy.ndarray
Numbers: TypeAlias = tuple[float, ...]

# of e^x: its constants are arguments, since numba would not see that another file's had changed
CONSTANTS = "f8, UniTuple(f8, 2), UniTuple(f8, 14)"
inline: Any = numba.njit(inline="always", error_model="numpy")


def compiled(signature: str) -> Callable[[Callable[..., None]], Any]:
    """Compile a function for arguments of these types, or take what was compiled before."""

    def compile_function(function: Callable[..., None]) -> Any:
        try:
            return numba.njit(signature, error_model="numpy", cache=True)(function)
        except RuntimeError:  # there is no folder to keep it in
            return numba.njit(signature, error_model="numpy")(function)

    return compile_function


@inline
def _bits(x: float) -> Any:
    """The bits of a float64, as an integer."""
    return numpy.float64(x).view(numpy.int64)


@inline
def _float(bits: int) -> Any:
    """The float64 of these bits."""
    return numpy.int64(bits).view(numpy.float64)


@inline
def _exp(x: float, log2_e: float, ln2: Numbers, series: Numbers) -> Any:
    """`elementary.exp_bounded` of one number."""
    x = -708.0 if x < -708.0 else x
    x = 709.0 if x > 709.0 else x
    n = x * log2_e + INTEGER_MAGIC - INTEGER_MAGIC
    x -= n * ln2[0]
    x -= n * ln2[1]
    value = x * series[len(series) - 1] + series[len(series) - 2]
    for i in range(len(series) - 3, -1, -1):
        value = value * x + series[i]
    return value * _float(_bits(n + (INTEGER_MAGIC + EXPONENT_BIAS)) << MANTISSA_BITS)


@compiled(f"void(f8[::1], {CONSTANTS}, f8[::1])")
def exp_bounded(x: Array, log2_e: float, ln2: Numbers, series: Numbers, y: Array) -> None:
    """y = e^x, with x first brought into [-708, 709]."""
    for i in range(x.size):
        y[i] = _exp(x[i], log2_e, ln2, series)


@compiled(f"void(f8[::1], f8[::1], {CONSTANTS}, f8[::1])")
def gated(x: Array, u: Array, log2_e: float, ln2: Numbers, series: Numbers, y: Array) -> None:
    """y = x / (1 + e^u)."""
    for i in range(x.size):
        y[i] = x[i] / (_exp(u[i], log2_e, ln2, series) + 1.0)


@compiled(f"void(f8[::1], f8, f8, {CONSTANTS}, f8[::1])")
def gelu(
    x: Array,
    cubic: float,
    factor: float,
    log2_e: float,
    ln2: Numbers,
    series: Numbers,
    y: Array,
) -> None:
    """y = x / (1 + e^(factor * (cubic * x^3 + x)))."""
    for i in range(x.size):
        u = (x[i] * x[i] * x[i] * cubic + x[i]) * factor
        y[i] = x[i] / (_exp(u, log2_e, ln2, series) + 1.0)


@compiled(f"void(f8[:, ::1], {CONSTANTS}, f8, f8[:, ::1])")
def exp_sum(x: Array, log2_e: float, ln2: Numbers, series: Numbers, step: float, y: Array) -> None:
    """y [rows, 1] = the sums of e^x of x [rows, terms], each first rounded to whole steps."""
    magic = step * INTEGER_MAGIC
    for row in range(x.shape[0]):
        own = x[row]
        steps = 0
        for i in range(own.size):
            steps += _bits(_exp(own[i], log2_e, ln2, series) + magic) - _bits(magic)
        y[row, 0] = steps * step


@inline
def _magic(row: Array, bits: int, smallest: float) -> Any:
    """1.5 * 2^52 steps of which the largest entry of a row has 2^bits at most (`arithmetic`)."""
    largest = _bits(smallest) & EXPONENT_FIELD
    for i in range(row.size):  # as integers, since LLVM would take floats one after the other
        largest = max(largest, _bits(row[i]) & EXPONENT_FIELD)
    return _float(largest - ((bits - 1) << MANTISSA_BITS)) * INTEGER_MAGIC


@compiled("void(f8[:, :, ::1], i8, f8, f8[:, :, :, ::1])")
def split(x: Array, bits: int, smallest: float, parts: Array) -> None:
    """parts [batch, 2, rows, terms] = `arithmetic.split` of x [batch, rows, terms]."""
    shrink = _float((EXPONENT_BIAS - (bits + 1)) << MANTISSA_BITS)
    for batch in range(x.shape[0]):
        for row in range(x.shape[1]):
            own, high, low = x[batch, row], parts[batch, 0, row], parts[batch, 1, row]
            magic = _magic(own, bits, smallest)
            magic_low = magic * shrink
            for i in range(own.size):
                rounded = own[i] + magic - magic
                high[i] = rounded
                low[i] = own[i] - rounded + magic_low - magic_low


@compiled("void(f8[:, :, :, ::1], f8[::1])")
def join(sums: Array, bias: Array) -> None:
    """Of sums [batch, 2, rows, columns], add the second to the first, then the bias."""
    for batch in range(sums.shape[0]):
        for row in range(sums.shape[2]):
            high, low = sums[batch, 0, row], sums[batch, 1, row]
            for i in range(high.size):
                high[i] = high[i] + low[i] + bias[i]


@inline
def _sum(row: Array, bits: int, smallest: float) -> Any:
    """`arithmetic.exact_sum` of one row."""
    magic = _magic(row, bits, smallest)
    steps = 0  # the low bits of a number of the size of `magic` count its steps
    for i in range(row.size):
        steps += _bits(row[i] + magic) - _bits(magic)
    # as the other way: not a number, if an entry is not one or too large for a grid
    return steps * (magic / INTEGER_MAGIC) if magic < numpy.inf else numpy.nan


@compiled("void(f8[:, ::1], i8, f8, f8[:, ::1])")
def exact_sum(x: Array, bits: int, smallest: float, y: Array) -> None:
    """y [rows, 1] = `arithmetic.exact_sum` of x [rows, terms]."""
    for row in range(x.shape[0]):
        y[row, 0] = _sum(x[row], bits, smallest)


@compiled("void(f8[:, ::1], f8[:, ::1], f8[:, ::1], f8, i8, f8, f8[:, ::1])")
def layer_norm(
    x: Array, weight: Array, bias: Array, epsilon: float, bits: int, smallest: float, y: Array
) -> None:
    """y = `layers.layer_norm` of x [rows, width]; the rows of weight and bias serve in turn."""
    width = x.shape[1]
    squares = numpy.empty(width)
    for row in range(x.shape[0]):
        own, centred = x[row], y[row]
        factors, added = weight[row % len(weight)], bias[row % len(weight)]
        mean = _sum(own, bits, smallest) / width
        for i in range(width):
            centred[i] = own[i] - mean
            squares[i] = centred[i] * centred[i]
        root = numpy.sqrt(_sum(squares, bits, smallest) / width + epsilon)
        for i in range(width):
            centred[i] = centred[i] / root * factors[i] + added[i]
