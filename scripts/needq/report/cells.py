"""Cells of the pages' tables: numbers, intervals, and tables in the shape of a page."""

import math
import re
from collections.abc import Mapping, Sequence

from numpy import isinf
from pandas import DataFrame, Series, to_numeric

from needq.report.content import Claim

NOTHING = "–"


def anchor(heading: str) -> str:
    """The id of a heading in a page."""
    return "-".join(re.findall(r"\w+", heading.lower()))


def section(sweep: str, backend: str, words: str = "") -> str:
    """The heading of a table of one sweep and backend; `words` say what the sweep replaces."""
    name = f"sweep {sweep}, backend {backend}"
    return f"{words} ({name})" if words else f"S{name[1:]}"


def number(value: float | str | None) -> str:
    """A number in three significant digits; large and whole numbers in full; a dash for none."""
    if isinstance(value, str):
        return value
    if value is None or math.isnan(value):
        return NOTHING
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:#.3g}".rstrip(".")


def cells(table: DataFrame, shown: Mapping[str, str]) -> list[list[tuple[str, str]]]:
    """Rows of (value, interval) for the columns `shown`; the interval may be empty."""
    rows = []
    for _, row in table.iterrows():
        line = []
        for name in shown:
            line.append((number(row[name]), _interval(row, name)))
        rows.append(line)
    return rows


def in_order(table: DataFrame, pairs: Sequence[Sequence[str]]) -> DataFrame:
    """A table with one or more rows per pair of backends, in the order of `pairs`.

    Tables have the alphabet's order. A reader comes for the config's first pair.
    """
    places = {(left, right): place for place, (left, right) in enumerate(pairs)}
    place = [
        places.get(pair, len(places)) for pair in zip(table["left"], table["right"], strict=True)
    ]
    return table.iloc[Series(place, dtype=int).argsort(kind="stable")]


def _interval(row: Series, name: str) -> str:
    """The interval of a column; empty if it has none."""
    low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
    if low is None or math.isnan(low):
        return ""
    return f"{number(low)} to {number(high)}"


def with_tests(claims: DataFrame) -> list[Claim]:
    """Each claim of `claims.tsv` with its tests."""
    with_rows: list[Claim] = []
    for claim, rows in claims.groupby("claim", sort=False):
        whole = rows["test"].str.startswith("all ")
        with_rows.append(
            {
                "claim": claim,
                "statement": rows["statement"].iloc[0],
                "model": rows["model"].iloc[0],
                "verdict": rows.loc[whole, "verdict"].iloc[0],
                "why": rows.loc[whole, "why"].fillna("").iloc[0],
                "tests": rows[~whole].fillna({"why": ""}).to_dict("records"),
            }
        )
    return with_rows


def name_infinities(half_points: DataFrame) -> DataFrame:
    """`half_points.tsv` in words where a half-point, or its interval, has no end in the sweep."""
    named = half_points.astype({"estimate": object, "high": object})
    for name, words in (("estimate", "not in this sweep"), ("high", "no upper end")):
        values = to_numeric(half_points[name], errors="coerce")
        named[name] = named[name].mask(isinf(values), words)
    return named


def crossed(
    table: DataFrame, row: str, column: str, value: str
) -> tuple[dict[str, str], list[list[tuple[str, str]]]]:
    """The headings and cells of a table with one row per `row` and one column per `column`."""
    wide = {
        of_row[row].iloc[0]: {
            column: (number(part[value]), _interval(part, value))
            for column, part in of_row.set_index(column).iterrows()
        }
        for _, of_row in table.groupby(row, sort=False)
    }
    names = list(dict.fromkeys(table[column]))
    lines = [[(name, ""), *(of_row[column] for column in names)] for name, of_row in wide.items()]
    return {name: name for name in (row, *names)}, lines
