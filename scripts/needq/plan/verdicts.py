"""What a run says last on the terminal: the verdict on each claim, and on each of its tests."""

import csv
import textwrap
from pathlib import Path

WIDTH = 100


def claims(table: Path) -> list[str]:
    """`claims.tsv` as lines of text: its rows with their verdicts, estimates and intervals."""
    with open(table, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    found = [f"The article's claims, of which {table} has all digits:"]
    for row in rows:
        whole = row["test"].startswith("all ") and not row["estimate"]
        name, said = (row["claim"], row["statement"]) if whole else ("", row["test"])
        if not whole:
            said += f": {_short(row['estimate'])} ({_interval(row)})"
        found += textwrap.wrap(
            said,
            WIDTH,
            initial_indent=f"{name:12}{row['verdict']:11}",
            subsequent_indent=" " * 23,
        )
    return found


def _interval(row: dict[str, str]) -> str:
    if row["low"] == row["high"]:  # n too small, or nothing
        return row["low"] or "no interval"
    return f"{_short(row['low'])} to {_short(row['high'])}"


def _short(number: str) -> str:
    """Three significant digits."""
    return f"{float(number):.3g}" if number else "none"
