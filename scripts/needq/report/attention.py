"""The page of attention: the table of heads, averaged over the heads of each block."""

from pandas import DataFrame

from needq.common import columns
from needq.common.keys import ALL_BLOCKS, ATTENTION, PRISTINE
from needq.common.names import METHOD_NAMES
from needq.report import headings
from needq.report.cells import cells
from needq.report.pages import Pages


class AttentionPages(Pages):
    """Renders the page of attention."""

    def attention(self, table: DataFrame) -> str:
        """The page of `attention.tsv`: one table per method, in all blocks."""
        parts = []
        for method in dict.fromkeys(table["method"]):
            rows = table[table["method"] == method]
            rows = rows[rows["replaced"].isin([PRISTINE, ALL_BLOCKS])]
            means = rows.groupby("block")[list(ATTENTION)].mean().reset_index()
            named = METHOD_NAMES.get(method, method)
            heading = "Pristine model" if method == PRISTINE else f"All blocks replaced: {named}"
            parts.append((heading, headings.ATTENTION, cells(means, headings.ATTENTION)))
        return self._render(
            "table.html",
            title="Attention",
            lead="What attention does in each block: how far the scores of a query spread over the "
            "words before it, and where its weights are. Each number is a mean over the heads of "
            "the block, over queries and over noise seeds. If scores hardly differ, weights are "
            "nearly equal: then the model takes the mean of all words.",
            parts=parts,
            meanings={name: columns.ATTENTION[name] for name in headings.ATTENTION},
            file="tables/attention.tsv, which has one row per head, and also each block replaced "
            "alone",
        )
