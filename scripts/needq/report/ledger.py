"""The page of the ledger: what each cause of divergence does."""

from pandas import DataFrame

from needq.common import columns
from needq.plan.corners import REPEAT
from needq.report import headings
from needq.report.cells import cells
from needq.report.pages import REPEAT_HEADING, Pages


class LedgerPages(Pages):
    """Renders the page of the ledger."""

    def ledger(self, causes: DataFrame, corners: DataFrame) -> str:
        """The page of `ledger.tsv` and `ledger_corners.tsv`: two tables per pair, then repeats."""
        parts, repeats = [], []
        for (left, right), rows in corners.groupby(["left", "right"], sort=False):
            shown = cells(rows, headings.LEDGER_CORNERS)
            if (rows["corner"] == REPEAT).all():
                repeats.append((REPEAT_HEADING.format(left), headings.LEDGER_CORNERS, shown))
                continue
            mine = causes[(causes["left"] == left) & (causes["right"] == right)]
            heading = f"{left} and {right}"
            parts.append((f"{heading}: causes", headings.LEDGER, cells(mine, headings.LEDGER)))
            parts.append((f"{heading}: corners", headings.LEDGER_CORNERS, shown))
        meanings = {name: columns.LEDGER_CORNERS[name] for name in headings.LEDGER_CORNERS}
        return self._render(
            "table.html",
            title="The ledger",
            lead="Why two backends generate different texts. Three causes can differ: where noise "
            "is drawn, where the random numbers come from that choose tokens, and arithmetic. "
            "Every mixture of the two backends (a corner) was run, and its texts are compared with "
            "those of the left backend.",
            parts=parts + repeats,
            meanings=meanings | {name: columns.LEDGER[name] for name in headings.LEDGER},
            file="tables/ledger.tsv and tables/ledger_corners.tsv, and tables/ledger_texts.tsv "
            "with one row per text",
        )
