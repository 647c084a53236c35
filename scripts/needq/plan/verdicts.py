"""The last lines of a run on the terminal: the verdict on each claim and on each of its tests."""

import csv
import textwrap
from pathlib import Path

WIDTH = 100


def claims(table: Path) -> list[str]:
    """`claims.tsv` as lines of text: its rows with their verdicts, estimates and intervals."""
    with open(table, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    lines = [f"The claims of the article (all digits: {table}):"]
    for row in rows:
        whole = row["test"].startswith("all ") and not row["estimate"]
        name, words = (row["claim"], row["statement"]) if whole else ("", row["test"])
        if not whole:
            words += f": {_short(row['estimate'])} ({_interval(row)})"
        lines += textwrap.wrap(
            words,
            WIDTH,
            initial_indent=f"{name:12}{row['verdict']:11}",
            subsequent_indent=" " * 23,
        )
    return lines


def _interval(row: dict[str, str]) -> str:
    if row["low"] == row["high"]:  # n too small, or nothing
        return row["low"] or "no interval"
    return f"{_short(row['low'])} to {_short(row['high'])}"


def _short(number: str) -> str:
    """Three significant digits."""
    return f"{float(number):.3g}" if number else "none"
