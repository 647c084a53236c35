"""What the tests slip into every Python process of a run (it lies first on PYTHONPATH).

NEEDQ_TEST_HOLD=PATTERN:FLAG  before a file is renamed to a name that fits PATTERN, make the file
                              FLAG and wait until somebody removes it: so a test can signal a run
                              at the worst moment, an output written but not yet in place
NEEDQ_TEST_DEVICES=N          a CUDA driver that shows N devices
"""

import ctypes
import fnmatch
import os
import pathlib
import time

if "NEEDQ_TEST_HOLD" in os.environ:
    PATTERN, FLAG = os.environ["NEEDQ_TEST_HOLD"].split(":")
    replace = os.replace

    def held_replace(source, target, **options):
        """os.replace, but a target that fits PATTERN waits while FLAG exists."""
        if fnmatch.fnmatch(str(target), PATTERN):
            flag = pathlib.Path(FLAG)
            flag.touch()
            while flag.exists():
                time.sleep(0.05)
        replace(source, target, **options)

    os.replace = held_replace


class Driver:
    """The two calls of libcuda.so.1 that needq makes."""

    @staticmethod
    def cuInit(flags):
        """Report success."""
        return 0

    @staticmethod
    def cuDeviceGetCount(count):
        """Store the number of devices where the pointer `count` leads."""
        count._obj.value = int(os.environ["NEEDQ_TEST_DEVICES"])
        return 0


if "NEEDQ_TEST_DEVICES" in os.environ:
    load_library = ctypes.CDLL

    def load(name, *arguments, **options):
        """ctypes.CDLL, but the driver's name gives the fake one."""
        return Driver if name == "libcuda.so.1" else load_library(name, *arguments, **options)

    ctypes.CDLL = load
