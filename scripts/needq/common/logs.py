"""What all scripts of the workflow share: a log, a progress bar, and how they fail."""

import logging
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from needq.common.errors import PREFIX, UserError

T = TypeVar("T")


def _stop(number: int, frame: object) -> None:
    """End the process by an exception, so that half-written files are removed."""
    sys.exit(128 + number)


@contextmanager
def job(log: str) -> Iterator[None]:
    """Log to the file `log`. A UserError ends the process with one line and exit code 1.

    SIGTERM, with which a scheduler cancels a job, ends it like Ctrl-C.
    """
    signal.signal(signal.SIGTERM, _stop)
    Path(log).parent.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(
        filename=log,
        filemode="w",
        level=logging.INFO,
        format="%(asctime)s %(name)s: %(message)s",
        force=True,
    )
    logging.captureWarnings(True)
    logging.info("Python of %s", sys.prefix)
    started = time.monotonic()
    try:
        yield
    except UserError as error:
        logging.error("%s%s", PREFIX, error)
        sys.exit(f"{PREFIX}{error}")
    except Exception:
        logging.exception("stopped by an unexpected error")
        raise
    logging.info("done in %.1f s", time.monotonic() - started)


def progress(items: Sequence[T], what: str) -> Iterator[T]:
    """Iterate over `items` with a progress bar, if there is a terminal, and lines in the log."""
    for index, item in enumerate(tqdm(items, desc=what, disable=None, file=sys.stderr)):
        logging.info("%s %d of %d", what, index + 1, len(items))
        yield item
