"""What all scripts of the workflow share: a log, a progress bar, and how they fail."""

import logging
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, TypeVar

from tqdm import tqdm

from needq.common.errors import ADVICE, PREFIX, UserError, machine_line

T = TypeVar("T")


def _stop(number: int, frame: object) -> None:
    """End the process by an exception, so that half-written files are removed."""
    sys.exit(128 + number)


@contextmanager
def job(log: str) -> Iterator[None]:
    """Log to the file `log`. A UserError ends the process with one line and exit code 1.

    So does an error of the machine, such as a full disk, even if the log cannot be written.
    SIGTERM, with which a scheduler cancels a job, ends it like Ctrl-C.
    """
    signal.signal(signal.SIGTERM, _stop)
    logging.raiseExceptions = False  # a full disk must not hide the job's own message
    try:
        _log_to(log)
    except OSError as error:
        sys.exit(f"{PREFIX}{machine_line(error)}")
    logging.info("Python of %s", sys.prefix)
    started = time.monotonic()
    try:
        yield
    except UserError as error:
        _end(str(error))
    except MemoryError:
        logging.exception("stopped for want of memory")
        _end("there is not enough memory for this job")
    except OSError as error:
        if error.errno not in ADVICE:
            logging.exception("stopped by an error of the machine")
        _end(machine_line(error))
    except Exception:
        logging.exception("stopped by an unexpected error")
        raise
    logging.info("done in %.1f s", time.monotonic() - started)


def _log_to(log: str) -> None:
    """Begin the log anew."""
    Path(log).parent.mkdir(parents=True, exist_ok=True)
    # a name that a user chose may hold what is no character
    handler = logging.FileHandler(log, mode="w", encoding="utf-8", errors="backslashreplace")
    logging.basicConfig(
        handlers=[handler],
        level=logging.INFO,
        format="%(asctime)s %(name)s: %(message)s",
        force=True,
    )
    logging.captureWarnings(True)


def _end(line: str) -> NoReturn:
    """End the process with a line that is the last one of the log, too."""
    logging.error("%s%s", PREFIX, line)
    sys.exit(f"{PREFIX}{line}")


def progress(items: Sequence[T], what: str) -> Iterator[T]:
    """Iterate over `items` with a progress bar, if there is a terminal, and lines in the log."""
    for index, item in enumerate(tqdm(items, desc=what, disable=None, file=sys.stderr)):
        logging.info("%s %d of %d", what, index + 1, len(items))
        yield item
