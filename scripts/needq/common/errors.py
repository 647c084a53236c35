"""Errors of users: messages of one line."""

from pathlib import Path

PREFIX = "needq: error: "


class UserError(Exception):
    """An error that the user can correct; its one line says what is wrong and what to do."""

    def __str__(self) -> str:
        # names that a user chose, and messages of other programs, may contain line breaks
        return " ".join(super().__str__().split())


def reported(log_folder: Path, since: float) -> list[str]:
    """The error lines in the logs of jobs that were written after `since` (seconds of the epoch).

    Only the last line of a log counts, so that an error that was corrected later is not reported.
    """
    lines = []
    for log in sorted(log_folder.rglob("*.log")):
        if log.stat().st_mtime >= since:
            last = log.read_text(encoding="utf-8", errors="replace").rstrip().rsplit("\n", 1)[-1]
            if PREFIX in last:
                lines.append(PREFIX + last.split(PREFIX, 1)[1])
    return lines
