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


@inline
def _ordered(bits: int) -> Any:
    """Integers that are in the order of the floats with these bits; and back."""
    return bits ^ ((bits >> 63) & 0x7FFF_FFFF_FFFF_FFFF)


@inline
def _largest(row: Array) -> Any:
    """The largest entry of a row; as integers, since LLVM would take floats one after the other."""
    largest = _ordered(_bits(row[0]))
    for i in range(1, row.size):
        largest = max(largest, _ordered(_bits(row[i])))
    return _float(_ordered(largest))


@compiled(f"void(f8[:, ::1], {CONSTANTS}, f8, f8[:, ::1])")
def exp_sum(x: Array, log2_e: float, ln2: Numbers, series: Numbers, step: float, y: Array) -> None:
    """y [rows, 2] = the largest entries of x [rows, entries], and the sums of e^(x - largest).

    Each exponential is first rounded to whole steps.
    """
    magic = step * INTEGER_MAGIC
    for row in range(x.shape[0]):
        own = x[row]
        largest = _largest(own)
        steps = 0
        for i in range(own.size):
            steps += _bits(_exp(own[i] - largest, log2_e, ln2, series) + magic) - _bits(magic)
        y[row, 0], y[row, 1] = largest, steps * step


@inline
def _magic(row: Array, bits: int, smallest: float) -> Any:
    """1.5 * 2^52 steps of which the largest entry of a row has 2^bits at most (`arithmetic`)."""
    largest = _bits(smallest) & EXPONENT_FIELD
    for i in range(row.size):  # as integers, since LLVM would take floats one after the other
        largest = max(largest, _bits(row[i]) & EXPONENT_FIELD)
    return _float(largest - ((bits - 1) << MANTISSA_BITS)) * INTEGER_MAGIC


@inline
def _split(row: Array, bits: int, smallest: float, high: Array, low: Array) -> None:
    """`arithmetic.split` of one row."""
    magic = _magic(row, bits, smallest)
    magic_low = magic * _float((EXPONENT_BIAS - (bits + 1)) << MANTISSA_BITS)
    for i in range(row.size):
        rounded = row[i] + magic - magic
        high[i] = rounded
        low[i] = row[i] - rounded + magic_low - magic_low


@compiled("void(f8[:, :, ::1], i8, f8, f8[:, :, :, ::1])")
def split(x: Array, bits: int, smallest: float, parts: Array) -> None:
    """parts [batch, 2, rows, terms] = `arithmetic.split` of x [batch, rows, terms]."""
    for batch in range(x.shape[0]):
        for row in range(x.shape[1]):
            _split(x[batch, row], bits, smallest, parts[batch, 0, row], parts[batch, 1, row])


@compiled(
    f"void(f8[:, :, :, ::1], b1[:, :, ::1], f8[:, :, :, ::1], {CONSTANTS}, f8, i8, f8,"
    " f8[:, :, :, :, ::1], f8[:, :, :, ::1])"
)
def attend(
    scores: Array,
    visible: Array,
    scale: Array,
    log2_e: float,
    ln2: Numbers,
    series: Numbers,
    step: float,
    bits: int,
    smallest: float,
    parts: Array,
    total: Array,
) -> None:
    """parts [batch, key heads, 2, group * new, tokens], total = `attention._weights`."""
    batch, heads, rows, tokens = scores.shape
    magic = step * INTEGER_MAGIC
    own = numpy.empty(tokens)
    for b in range(batch):
        for head in range(heads):
            for row in range(rows):
                seen = visible[b, row % visible.shape[1]]
                for i in range(tokens):
                    own[i] = scores[b, head, row, i] if seen[i] else -numpy.inf
                largest = _largest(own)
                steps = 0
                for i in range(tokens):
                    weight = _exp(own[i] - largest, log2_e, ln2, series)
                    weight = weight if seen[i] else 0.0
                    steps += _bits(weight + magic) - _bits(magic)
                    own[i] = weight * scale[b, head, 0, i]
                total[b, head, row, 0] = steps * step
                _split(own, bits, smallest, parts[b, head, 0, row], parts[b, head, 1, row])


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


@compiled("void(f8[:, ::1], f8[:, ::1], f8[:, ::1], f8[:, ::1], f8[:, ::1], i8, f8, f8[:, ::1])")
def divergence(
    log_p: Array,
    p: Array,
    x: Array,
    largest: Array,
    log_total: Array,
    bits: int,
    smallest: float,
    y: Array,
) -> None:
    """y [rows, 1] = `softmax.divergence` of p [rows, entries] from the softmax of x."""
    terms = numpy.empty(x.shape[1])
    for row in range(x.shape[0]):
        own, log_own, of_own = x[row], log_p[row], p[row]
        for i in range(own.size):
            terms[i] = (log_own[i] - (own[i] - largest[row, 0] - log_total[row, 0])) * of_own[i]
        y[row, 0] = _sum(terms, bits, smallest)
