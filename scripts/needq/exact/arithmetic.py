"""Matrix products and sums whose result does not depend on the order of summation.

Numbers are rounded to integers times a power of two, and integers are added in float64 below 2^53,
where no partial sum rounds. The grid of a row depends on that row alone, so a row's result does
not depend on what it is batched with.

A matrix product has a left operand in two terms of b bits (high * 2^(b+1) + low, so 2b + 1 bits)
and a right operand in one term of c bits, with terms * 2^(b + c) <= 2^53. Splitting the left one
alone costs two products and makes both errors about 2^-29 of the largest entry at 768 terms.

Adding and subtracting 1.5 * 2^52 steps rounds to whole steps, half to even. The steps are a power
of two, so their sums are as exact as those of integers, and nothing is scaled there and back.
"""

from functools import cache
from hashlib import sha256
from typing import NamedTuple

import numpy
import torch
from torch import Tensor

from needq.common.errors import UserError
from needq.exact.compiled import by_row, loops_for
from needq.exact.elementary import EXPONENT_FIELD, INTEGER_MAGIC, MANTISSA_BITS

INTEGER_BITS = 53  # float64 holds every integer up to 2^53
ROUNDED_BITS = 50  # the largest integers that x are rounded to
# The finest grid is that of a row (or column) whose largest entry is this: smaller ones lose bits
# and then vanish, long before powers of two or products could underflow. No weight of a 32-bit
# format is below 2^-149.
SMALLEST_MAXIMUM = 2.0**-900
SMALLEST_LEFT, SMALLEST_RIGHT = 2.0**-700, 2.0**-250  # of the operands of a product
LARGEST = 2.0**500  # weights and activations above this are refused, their squares could overflow


class ExactArithmeticError(UserError):
    """What exact arithmetic refuses."""


class BoundError(ExactArithmeticError):
    """A sum of integers could pass 2^53."""


class RangeError(ExactArithmeticError):
    """A weight or an activation is not a number, or so large that its square could overflow."""


class DeviceError(ExactArithmeticError):
    """A device does not multiply integers exactly, or is told not to."""


class Integers(NamedTuple):
    """A tensor as integers times powers of two; abs(values) <= 2^bits."""

    values: Tensor  # integer-valued float64
    scale: Tensor  # powers of two, broadcast against the sums that the values enter
    bits: int


class Rounded(NamedTuple):
    """A right operand [..., terms, columns]: of each column, whole steps, 2^bits at most."""

    values: Tensor
    bits: int


class Split(NamedTuple):
    """A left operand: the sum of two parts, each at most 2^bits of its own steps in size.

    A step of the high part is 2^(bits + 1) steps of the low one.
    """

    parts: Tensor  # [..., 2, rows, terms]: high and low
    bits: int

    def rows(self, chosen: slice) -> "Split":
        """Some of the rows."""
        return Split(self.parts[..., chosen, :], self.bits)


@cache
def ceil_log2(count: int) -> int:
    """The smallest n with count <= 2^n."""
    return (count - 1).bit_length()


@cache
def check_bound(terms: int, bits: int) -> None:
    """Raise BoundError unless `terms` integers of size up to 2^bits add up to 2^53 at most."""
    if terms < 1 or bits < 1 or ceil_log2(terms) + bits > INTEGER_BITS:
        raise BoundError(
            f"a sum of {terms} integers of {bits} bits could pass 2^{INTEGER_BITS}; "
            "exact arithmetic cannot promise it"
        )


def left_bits(terms: int) -> int:
    """Bits of each of the two terms of a left operand, for products of `terms` terms."""
    return (INTEGER_BITS - ceil_log2(terms) - 1) // 3


def right_bits(terms: int) -> int:
    """Bits of a right operand, for products of `terms` terms."""
    return INTEGER_BITS - ceil_log2(terms) - left_bits(terms)


@cache
def sum_bits(terms: int) -> int:
    """Bits of the integers in a sum of `terms` of them."""
    bits = min(ROUNDED_BITS, INTEGER_BITS - ceil_log2(terms))
    check_bound(terms, bits)
    return bits


def rounded_to(step: Tensor | float, x: Tensor) -> Tensor:
    """x rounded to whole steps, half to even, for abs(x) <= 2^51 steps.

    A step is a power of two. (`torch.round` is 15 times slower.)
    """
    magic = step * INTEGER_MAGIC
    return (x + magic).sub_(magic)


def _step(x: Tensor, bits: int, dim: int, smallest: float) -> Tensor:
    """A power of two; the largest entry along `dim`, or `smallest`, has at most 2^bits of them."""
    largest = x.abs().amax(dim, keepdim=True).clamp_min_(smallest)
    exponent = largest.view(torch.int64).bitwise_and_(EXPONENT_FIELD)
    return exponent.sub_((bits - 1) << MANTISSA_BITS).view(torch.float64)


def quantise(x: Tensor, bits: int) -> Integers:
    """x as integers of `bits` bits, on the grid of its largest entry in the last dimension."""
    step = _step(x, bits, -1, SMALLEST_MAXIMUM)
    return Integers(rounded_to(1.0, x / step), step, bits)


def rounded(x: Tensor, bits: int, dim: int) -> Rounded:
    """x rounded to steps of which its largest entry along `dim` has 2^bits at most."""
    return Rounded(rounded_to(_step(x, bits, dim, SMALLEST_RIGHT), x), bits)


def split(x: Tensor, bits: int) -> Split:
    """The rows of x [..., rows, terms] in two terms of `bits` bits each."""
    shape, own = (*x.shape[:-2], 2, *x.shape[-2:]), x.shape[-2:]
    if loops := loops_for(x):
        rows, made = numpy.ascontiguousarray(x.numpy()), numpy.empty(shape)
        loops.split(rows.reshape(-1, *own), bits, SMALLEST_LEFT, made.reshape(-1, 2, *own))
        return Split(torch.from_numpy(made), bits)
    parts = x.new_empty(shape)
    magic = _step(x, bits, -1, SMALLEST_LEFT).mul_(INTEGER_MAGIC)
    high, low = parts.unbind(-3)
    torch.add(x, magic, out=high).sub_(magic)
    magic.mul_(2.0 ** -(bits + 1))
    torch.sub(x, high, out=low).add_(magic).sub_(magic)
    return Split(parts, bits)


def matmul(left: Split, right: Rounded, terms: int, bias: Tensor | float = 0.0) -> Tensor:
    """left [..., rows, k] @ right [..., k, columns] + bias.

    At most `terms` products of a sum are not 0. The bias has no -0.0.
    """
    check_bound(terms, left.bits + right.bits)
    rows = left.parts.shape[-2]
    sums = multiply(left.parts.flatten(-3, -2), right.values)
    high, low = sums.unflatten(-2, (2, rows)).unbind(-3)
    # Both terms are exact: their sum is rounded here and only here. A product of zeros is -0.0 or
    # +0.0 by kernel and shape: + 0.0 makes it +0.0.
    if loops := loops_for(sums):
        columns = sums.shape[-1]
        biases = bias.numpy() if isinstance(bias, Tensor) else numpy.full(columns, bias)
        loops.join(sums.numpy().reshape(-1, 2, rows, columns), biases)
        return high
    return high.add_(low).add_(bias)


def multiply(left: Tensor, right: Tensor) -> Tensor:
    """left @ right of integers in float64. Any library gives the same bits.

    numpy's OpenBLAS has AVX-512 for all processors, torch's MKL for Intel's alone.
    """
    if left.device.type == "cpu":
        return torch.from_numpy(numpy.matmul(left.numpy(), right.numpy()))
    return left @ right


def exact_sum(x: Tensor) -> Tensor:
    """Sum over the last dimension, kept; the error is at most that of rounding x to the grid."""
    bits = sum_bits(x.shape[-1])
    if loops := loops_for(x):
        return by_row(loops.exact_sum, [x], 1, bits, SMALLEST_MAXIMUM)
    step = _step(x, bits, -1, SMALLEST_MAXIMUM)
    return rounded_to(step, x).sum(-1, keepdim=True).add_(0.0)


def divide(x: Tensor, number: float) -> Tensor:
    """x / number, correctly rounded: CUDA would multiply x by the reciprocal of a Python number."""
    return x / x.new_full((), number)


def to_float64(x: Tensor, name: str, device: torch.device | str = "cpu") -> Tensor:
    """x as float64 on `device`, without rounding; RangeError names one it refuses.

    numpy converts in the calling thread: torch's own threads may flush subnormals to zero.
    """
    torch.set_flush_denormal(False)
    if x.dtype == torch.bfloat16:
        x = x.float()
    values = torch.from_numpy(x.detach().cpu().numpy().astype("float64"))
    require_range(values, name)
    return values.to(device)


def require_range(x: Tensor, name: str) -> None:
    """Raise RangeError, naming x, if an entry is not a number or above LARGEST in size."""
    if not float(x.abs().max()) <= LARGEST:  # NaN is not either
        raise RangeError(f"{name} holds NaN, an infinity or a number above 2^500")


def digest(x: Tensor) -> str:
    """sha256 of the little-endian bytes of x in C order, -0.0 counted as +0.0."""
    array = x.detach().cpu().numpy()
    if array.dtype.kind == "f":
        array = array + array.dtype.type(0)
    return sha256(array.astype(array.dtype.newbyteorder("<")).tobytes()).hexdigest()
