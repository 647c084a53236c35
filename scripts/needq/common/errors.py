"""Errors of users: messages of one line."""

from pathlib import Path

PREFIX = "needq: error: "
LONGEST = 1200  # characters of a line


class UserError(Exception):
    """An error that the user can correct; its one line says what is wrong and what to do."""

    def __str__(self) -> str:
        # names that others chose, and messages of other programs, may be long or have line breaks
        line = " ".join(super().__str__().split())
        return line if len(line) <= LONGEST else f"{line[: LONGEST // 2]} … {line[-LONGEST // 2 :]}"


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
