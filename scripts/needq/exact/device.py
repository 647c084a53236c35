"""Whether a device multiplies integers in float64 exactly."""

import os
from functools import cache

import torch

from needq.exact.arithmetic import INTEGER_BITS, DeviceError, ceil_log2, multiply

# CUDA 13's cuBLAS can emulate float64 by other formats if these ask for it.
EMULATION_VARIABLES = ("CUBLAS_EMULATE_DOUBLE_PRECISION", "CUBLAS_EMULATION_STRATEGY")
SIZE = 256
ADVICE = "compute on another device, for example the CPU (device: cpu, or verify_device: cpu)"


@cache
def check_device(device: torch.device) -> str:
    """What a product of integers whose sums come just up to 2^53 shows of a device, in words.

    Raises DeviceError, which names the device, unless every entry comes out exact there.
    """
    if device.type == "cuda":
        for variable in EMULATION_VARIABLES:
            if os.environ.get(variable, "0") not in ("", "0"):
                raise DeviceError(
                    f"{device} may emulate float64, since {variable} is set: unset it, exact "
                    "arithmetic needs float64"
                )
    bits = (INTEGER_BITS - ceil_log2(SIZE)) // 2
    generator = torch.Generator().manual_seed(0)
    low, high = 2 ** (bits - 1), 2**bits
    left, right = (
        torch.randint(low, high + 1, (SIZE, SIZE), generator=generator) for _ in range(2)
    )
    try:
        product = multiply(left.double().to(device), right.double().to(device)).cpu()
    # a build of torch without CUDA, a card that it has no kernels for, a card that is full
    except (AssertionError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise DeviceError(f"{device} multiplies no float64 ({reason}); {ADVICE}") from None
    if not torch.equal(product.long(), left @ right):
        raise DeviceError(
            f"{_name(device)} does not multiply integers in float64 exactly; {ADVICE}"
        )
    return f"exact up to 2^{INTEGER_BITS}"


def _name(device: torch.device) -> str:
    """A device as torch numbers it, with the name of its card."""
    return f"{device} ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else "cpu"
