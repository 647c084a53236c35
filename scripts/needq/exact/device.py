"""Whether a device multiplies integers in float64 exactly."""

import os
from functools import cache

import torch

from needq.exact.arithmetic import INTEGER_BITS, DeviceError, ceil_log2

# CUDA 13's cuBLAS can emulate float64 by other formats if these ask for it.
EMULATION_VARIABLES = ("CUBLAS_EMULATE_DOUBLE_PRECISION", "CUBLAS_EMULATION_STRATEGY")
SIZE = 256


@cache
def check_device(device: torch.device) -> None:
    """Raise DeviceError unless a product of integers just within 2^53 comes out exact there."""
    if device.type == "cuda":
        for variable in EMULATION_VARIABLES:
            if os.environ.get(variable, "0") not in ("", "0"):
                raise DeviceError(f"{variable} is set: unset it, exact arithmetic needs float64")
    bits = (INTEGER_BITS - ceil_log2(SIZE)) // 2
    generator = torch.Generator().manual_seed(0)
    low, high = 2 ** (bits - 1), 2**bits
    left, right = (
        torch.randint(low, high + 1, (SIZE, SIZE), generator=generator) for _ in range(2)
    )
    product = (left.double().to(device) @ right.double().to(device)).cpu()
    if not torch.equal(product.long(), left @ right):
        raise DeviceError(f"{device} does not multiply integers in float64 exactly")
