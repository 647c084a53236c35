"""The parts of the page of predicted flips: two tables per pair of backends."""

import pandas
from pandas import DataFrame

from needq.report import headings
from needq.report.cells import cells

Part = tuple[str, dict[str, str], list[list[tuple[str, str]]]]  # heading, columns, rows


def flip_parts(table: DataFrame, margins: DataFrame) -> list[Part]:
    """The tables of `flips.tsv` and `flip_margins.tsv`, with what a pair of backends shows."""
    parts = []
    by_margin = dict(iter(margins.groupby(["left", "right"])))
    for (left, right), rows in table.groupby(["left", "right"], sort=False):
        counts = rows["blocks_replaced"].map(lambda count: "all" if pandas.isna(count) else count)
        shown = cells(rows.assign(blocks_replaced=counts), headings.FLIPS)
        parts.append((f"{left} and {right}: {describe_flips(rows)}", headings.FLIPS, shown))
        shown = cells(by_margin[left, right], headings.FLIP_MARGINS)
        parts.append((f"{left} and {right}, by margin", headings.FLIP_MARGINS, shown))
    return parts


def describe_flips(rows: DataFrame) -> str:
    """The observed and the predicted number of diverged texts of one pair, in words."""
    whole = rows[rows["blocks_replaced"].isna()].iloc[0]
    low, high, diverged = whole["predicted_low"], whole["predicted_high"], whole["diverged"]
    verdict = "as predicted"
    if not low <= diverged <= high:
        verdict = "more than predicted" if diverged > high else "fewer than predicted"
    return (
        f"{diverged:.0f} of {whole['texts']:.0f} texts diverge; {whole['predicted']:.1f} predicted "
        f"({low:.0f} to {high:.0f}): {verdict}"
    )
