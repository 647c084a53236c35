"""What a job sets in its process, set back: a test runs several in one process."""

import logging
import os
import signal
from contextlib import contextmanager, suppress

NOBODY = 65534
VARIABLES = ("ATEN_CPU_CAPABILITY", "CUBLAS_WORKSPACE_CONFIG", "HF_HUB_OFFLINE")


@contextmanager
def restored():
    """torch's settings, variables, the root logger and the handling of SIGTERM, as they were."""
    import torch

    deterministic, threads = torch.are_deterministic_algorithms_enabled(), torch.get_num_threads()
    variables = {name: os.environ.get(name) for name in VARIABLES}
    root, handling = logging.getLogger(), signal.getsignal(signal.SIGTERM)
    handlers, level, raising = root.handlers[:], root.level, logging.raiseExceptions
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(deterministic)
        torch.set_num_threads(threads)
        for name, value in variables.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        for handler in set(root.handlers) - set(handlers):
            with suppress(OSError):  # of a log on a full disk
                handler.close()
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.captureWarnings(False)
        logging.raiseExceptions = raising
        signal.signal(signal.SIGTERM, handling)


@contextmanager
def as_nobody():
    """As a user who owns no file: root, who runs the tests in CI, may read everything."""
    owner = os.geteuid()
    if owner == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(owner)
