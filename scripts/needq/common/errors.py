"""What goes wrong by a user's mistake, said in one line."""

from pathlib import Path

PREFIX = "needq: error: "


class UserError(Exception):
    """A mistake that the user can mend; its text is one line: what is wrong, what to do."""

    def __str__(self) -> str:
        # names that a user chose, and other programs' words, may hold line breaks
        return " ".join(super().__str__().split())


def reported(log_folder: Path, since: float) -> list[str]:
    """The error lines that jobs left in their logs after `since` (seconds since the epoch).

    A log counts if its last line is an error line, so that an old failure mended since is silent.
    """
    lines = []
    for log in sorted(log_folder.rglob("*.log")):
        if log.stat().st_mtime >= since:
            last = log.read_text(encoding="utf-8", errors="replace").rstrip().rsplit("\n", 1)[-1]
            if PREFIX in last:
                lines.append(PREFIX + last.split(PREFIX, 1)[1])
    return lines
