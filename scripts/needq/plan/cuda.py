"""Whether backends on CUDA are run: decided once, by the main process, without torch.

The decision is inherited by jobs through an environment variable, since a job reads the Snakefile
again, perhaps on a node with other hardware, and must see the same DAG.
"""

import ctypes
import os
from collections.abc import Iterable

from needq.common.errors import UserError

VARIABLE = "NEEDQ_CUDA"


def devices() -> int:
    """How many CUDA devices the driver shows to this process; 0 without a driver."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
        return 0
    return count.value


def decide(setting: bool | str, main: bool, local: bool) -> bool:
    """Whether backends on CUDA are in the DAG.

    `setting` is the config's `cuda`; `main` says whether this is the process that the user
    started; `local` whether jobs run on this machine. Raises UserError for a demand that this
    machine cannot meet, for auto when jobs run on others, and in a job that did not inherit the
    decision.
    """
    if not main:
        inherited = os.environ.get(VARIABLE)
        if inherited is not None:
            return inherited == "yes"
        if setting == "auto":
            raise UserError(
                f"config: cuda: auto was decided by another process, but {VARIABLE} did not reach "
                "this job; set cuda to yes or no"
            )
        return bool(setting)
    if setting == "auto":
        if not local:
            raise UserError(
                "config: cuda: auto looks for a device on this machine, but jobs run on others; "
                "set cuda to yes or no"
            )
        decision = devices() > 0
    else:
        decision = bool(setting)
        if decision and local and not devices():
            raise UserError("config: cuda: yes, but this machine shows no CUDA device")
    os.environ[VARIABLE] = "yes" if decision else "no"
    return decision


def check_verify(device: str, targets: Iterable[str], local: bool) -> None:
    """Raise UserError if `verify` is asked for on a device that this machine does not have.

    `device` is the config's `verify_device`, `targets` are what the user asks for, and `local` says
    whether jobs run on this machine; elsewhere, the job itself looks for the device.
    """
    if device == "cuda" and "verify" in targets and local and not devices():
        raise UserError(
            "config: verify_device: cuda, but this machine shows no CUDA device; verify on a "
            "machine that has one, or on the CPU (verify_device=cpu)"
        )
