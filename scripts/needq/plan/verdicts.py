"""The last lines of a run on the terminal: the verdicts, the answer, the time, what to open."""

import csv
import re
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

WIDTH = 100
REPRODUCED = re.compile(r"\d+ of \d+ digests reproduced$", re.MULTILINE)  # in the log of verify


def last_lines(results: Path, started: float) -> Iterator[str]:
    """What a run says at its end, as far as it has made it since it `started` (Unix time)."""
    table, answer = results / "tables/claims.tsv", results / "answer.txt"
    verified = results / "logs/verify.log"
    if _made(verified, started):
        for found in REPRODUCED.findall(verified.read_text(encoding="utf-8")):
            yield f"{found}: exact arithmetic gives the same bits on this machine"
            yield ""
    if _made(table, started):
        yield from claims(table)
    if _made(answer, started):
        minutes, seconds = divmod(round(time.time() - started), 60)
        yield f"{answer.read_text(encoding='utf-8').strip()}"
        yield f"This took {minutes} min {seconds} s. Open {results / 'index.html'}"
        yield ""


def _made(file: Path, started: float) -> bool:
    return file.exists() and file.stat().st_mtime >= started


def claims(table: Path) -> list[str]:
    """`claims.tsv` as lines of text: its rows with their verdicts, estimates and intervals."""
    with open(table, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    model = rows[0]["model"] if rows else "no model"
    lines = [f"The claims of the article, tested on {model} (all digits: {table}):"]
    for row in rows:
        whole = row["test"].startswith("all ") and not row["estimate"]
        name, words = (row["claim"], row["statement"]) if whole else ("", row["test"])
        if row["estimate"]:
            words += f": {_short(row['estimate'])} ({_interval(row)})"
        if row["why"]:
            words += f" ({row['why']})"
        lines += textwrap.wrap(
            words,
            WIDTH,
            initial_indent=f"{name:6}{row['verdict']:18}",
            subsequent_indent=" " * 24,
        )
    return lines


def _interval(row: dict[str, str]) -> str:
    if row["low"] == row["high"]:  # n too small, or nothing
        return row["low"] or "no interval"
    return f"{_short(row['low'])} to {_short(row['high'])}"


def _short(number: str) -> str:
    """Three significant digits."""
    return f"{float(number):.3g}" if number else "none"
