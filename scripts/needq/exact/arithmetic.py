"""Matrix products and sums whose result does not depend on the order of summation.

Numbers are rounded to integers times a power of two, and integers are added in float64 below 2^53,
where no partial sum rounds. The grid of a row depends on that row alone, so a row's result does
not depend on what it is batched with.

A matrix product has a left operand in two terms of b bits (high * 2^(b+1) + low, so 2b + 1 bits)
and a right operand in one term of c bits, with terms * 2^(b + c) <= 2^53. Splitting the left one
alone costs two products and makes both errors about 2^-29 of the largest entry at 768 terms.
"""

from hashlib import sha256
from typing import NamedTuple

import numpy
import torch
from torch import Tensor

from needq.common.errors import UserError
from needq.exact.elementary import EXPONENT_BIAS, INTEGER_MAGIC, MANTISSA_BITS

INTEGER_BITS = 53  # float64 holds every integer up to 2^53
ROUNDED_BITS = 50  # the largest integers that x are rounded to
EXPONENT_FIELD = 0x7FF << MANTISSA_BITS
# The finest grid is that of a row whose largest entry is this: smaller rows lose bits and then
# vanish, long before powers of two or products could underflow.
SMALLEST_MAXIMUM = 2.0**-900
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


class Split(NamedTuple):
    """A left operand: (high * 2^(bits + 1) + low) * scale, both parts at most 2^bits in size."""

    parts: Tensor  # [..., 2, rows, terms]: high and low
    scale: Tensor  # [..., rows, 1]
    bits: int

    def rows(self, chosen: slice) -> "Split":
        """Some of the rows."""
        return Split(self.parts[..., chosen, :], self.scale[..., chosen, :], self.bits)


def ceil_log2(count: int) -> int:
    """The smallest n with count <= 2^n."""
    return (count - 1).bit_length()


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


def sum_bits(terms: int) -> int:
    """Bits of the integers in a sum of `terms` of them."""
    bits = min(ROUNDED_BITS, INTEGER_BITS - ceil_log2(terms))
    check_bound(terms, bits)
    return bits


def round_(x: Tensor) -> Tensor:
    """x rounded in place, half to even, for abs(x) <= 2^51 (`torch.round` is 15 times slower)."""
    return x.add_(INTEGER_MAGIC).sub_(INTEGER_MAGIC)


def _grid(x: Tensor, bits: int, dim: int) -> tuple[Tensor, Tensor]:
    """2^s and 2^-s such that abs(x) 2^s <= 2^bits, for the largest entry along `dim`."""
    largest = x.abs().amax(dim, keepdim=True).clamp_min_(SMALLEST_MAXIMUM)
    exponent = largest.view(torch.int64) & EXPONENT_FIELD
    up = ((2 * EXPONENT_BIAS + bits - 1) << MANTISSA_BITS) - exponent
    down = exponent - ((bits - 1) << MANTISSA_BITS)
    return up.view(torch.float64), down.view(torch.float64)


def quantise(x: Tensor, bits: int, dim: int = -1) -> Integers:
    """x rounded to integers of `bits` bits on the grid of its largest entry along `dim`."""
    up, down = _grid(x, bits, dim)
    return Integers(round_(x * up), down, bits)


def split(x: Tensor, bits: int) -> Split:
    """The rows of x [..., rows, terms] in two terms of `bits` bits each."""
    up, down = _grid(x, bits, -1)
    parts = x.new_empty((*x.shape[:-2], 2, *x.shape[-2:]))
    high, low = parts.unbind(-3)
    torch.mul(x, up, out=low)
    torch.add(low, INTEGER_MAGIC, out=high).sub_(INTEGER_MAGIC)
    round_(low.sub_(high).mul_(2.0 ** (bits + 1)))
    return Split(parts, down * 2.0 ** -(bits + 1), bits)


def matmul(left: Split, right: Integers, terms: int) -> Tensor:
    """left [..., rows, k] @ right [..., k, columns], where at most `terms` products are not 0."""
    check_bound(terms, left.bits + right.bits)
    rows = left.parts.shape[-2]
    sums = multiply(left.parts.flatten(-3, -2), right.values)
    high, low = sums.unflatten(-2, (2, rows)).unbind(-3)
    # both terms are exact: the sum is rounded here and only here
    total = torch.add(low, high, alpha=2.0 ** (left.bits + 1))
    # A product of zeros is -0.0 or +0.0 by kernel and shape: + 0.0 makes it +0.0.
    return total.mul_(left.scale).mul_(right.scale).add_(0.0)


def multiply(left: Tensor, right: Tensor) -> Tensor:
    """left @ right of integers in float64. Any library gives the same bits.

    numpy's OpenBLAS has AVX-512 for all processors, torch's MKL for Intel's alone.
    """
    if left.device.type == "cpu":
        product = left.new_empty((*left.shape[:-1], right.shape[-1]))
        numpy.matmul(left.numpy(), right.numpy(), out=product.numpy())
        return product
    return left @ right


def exact_sum(x: Tensor) -> Tensor:
    """Sum over the last dimension, kept; the error is at most that of rounding x to the grid."""
    terms = x.shape[-1]
    bits = sum_bits(terms)
    integers = quantise(x, bits)
    return integers.values.sum(-1, keepdim=True).mul_(integers.scale).add_(0.0)


def divide(x: Tensor, number: float) -> Tensor:
    """x / number, correctly rounded: CUDA would multiply x by the reciprocal of a Python number."""
    return x / torch.full_like(x, number)


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
