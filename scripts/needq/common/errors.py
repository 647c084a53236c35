"""Errors of users and of the machine: messages of one line."""

import errno
import os
import re
import unicodedata
from pathlib import Path

PREFIX = "needq: error: "
LONGEST = 1200  # characters of a line
PARTIAL = ".partial-"  # how the name of a half-written file begins


class UserError(Exception):
    """An error that the user can correct; its one line says what is wrong and what to do."""

    def __str__(self) -> str:
        # names that others chose, and messages of other programs, may be long or have line breaks
        line = "".join(map(_visible, " ".join(super().__str__().split())))
        return line if len(line) <= LONGEST else f"{line[: LONGEST // 2]} … {line[-LONGEST // 2 :]}"


def _visible(character: str) -> str:
    """A character, or a sign in place of one that a terminal would obey."""
    return "\ufffd" if unicodedata.category(character) in ("Cc", "Cf", "Cs") else character


# what to do about errors of the machine
ADVICE = {
    errno.ENOSPC: "make room and run again",
    errno.EDQUOT: "make room and run again",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f) and run again",
    errno.EROFS: "it has to be writable",
    errno.EACCES: "this user needs the permission",
    errno.EPERM: "this user needs the permission",
    errno.EIO: "check the disk",
    errno.ENAMETOOLONG: "use a shorter name or a folder with a shorter path",
    errno.EMFILE: "raise the limit on open files (ulimit -n) and run again",
}
# how libraries that are not Python spell the number of such an error
NUMBER = re.compile(r"\(os error (\d+)\)|\[errno (\d+)\]", re.IGNORECASE)


def machine_error(error: Exception, path: Path) -> OSError | None:
    """An error as Python's own for `path`, if it is one of the machine; None for another one.

    Some libraries raise errors of their own for a full disk, or do not name the file.
    """
    if isinstance(error, UserError):
        return None
    number = error.errno if isinstance(error, OSError) else None
    found = NUMBER.search(str(error))
    if number is None and found:
        number = int(found[1] or found[2])
    if number is None:
        return None
    named = error.filename if isinstance(error, OSError) else None
    return OSError(number, os.strerror(number), str(named or path))


def machine_line(error: OSError) -> str:
    """An error of the machine in one line: the file, what is wrong, and what to do."""
    reason = error.strerror or str(error) or type(error).__name__
    line = f"{_shown(error.filename)}: {reason}" if error.filename else reason
    advice = ADVICE.get(error.errno or 0)
    return str(UserError(f"{line}; {advice}" if advice else line))


def _shown(filename: object) -> str:
    """A file's name; what is half-written has that of the whole file."""
    path = Path(os.fsdecode(filename) if isinstance(filename, str | bytes) else str(filename))
    return str(path.with_name(path.name.removeprefix(PARTIAL)) if path.name else path)


def reported(log_folder: Path, since: float) -> list[str]:
    """The error lines in the logs of jobs that were written after `since` (seconds of the epoch).

    Only the last line of a log counts, so that an error that was corrected later is not reported.
    """
    lines = []
    for log in sorted(log_folder.rglob("*.log")):
        try:
            content = log.read_text(encoding="utf-8", errors="replace")
            written = log.stat().st_mtime
        except OSError:
            continue  # the machine's trouble must not hide what the other logs say
        last = content.rstrip().rsplit("\n", 1)[-1]
        if written >= since and PREFIX in last:
            lines.append(PREFIX + last.split(PREFIX, 1)[1])
    return lines
