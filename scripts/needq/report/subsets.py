"""The page of block subsets: which blocks matter, alone and together."""

from pandas import DataFrame, isna

from needq.common import subset_columns
from needq.report import headings
from needq.report.cells import cells
from needq.report.pages import Pages

PAIRS = 12  # that the page shows: those that interact most


class SubsetPages(Pages):
    """Renders the page of block subsets."""

    def subsets(
        self, shapley: DataFrame, interactions: DataFrame, sizes: DataFrame, summary: DataFrame
    ) -> str:
        """The page of `shapley.tsv`, `interactions.tsv`, `subset_sizes.tsv` and `subsets.tsv`."""
        shown = {
            "What each block adds": (shapley, headings.SHAPLEY),
            "How much depends on which blocks are replaced": (sizes, headings.SUBSET_SIZES),
            "The pairs that interact most": (_strongest(interactions), headings.PAIRS),
            "Damage, and how it is shared": (summary, headings.SUBSETS),
        }
        parts = [
            (heading, columns, cells(table, columns))
            for heading, (table, columns) in shown.items()
            if len(table)
        ]
        meanings = {
            name: text
            for table in subset_columns.TABLES.values()
            for name, text in table.items()
            if any(name in columns for _, columns, _ in parts)
        }
        return self._render(
            "table.html",
            title="Which blocks matter together",
            lead=describe_subsets(shapley, sizes),
            parts=parts,
            meanings=meanings,
            file="tables/shapley.tsv, interactions.tsv (all pairs), subset_sizes.tsv and "
            "subsets.tsv; one row per subset and document: subsets/SEED.parquet",
        )


def _strongest(interactions: DataFrame) -> DataFrame:
    """The pairs with the largest interactions, of either sign."""
    order = interactions["interaction"].abs().sort_values(ascending=False, kind="stable").index
    return interactions.loc[order[:PAIRS]]


def describe_subsets(shapley: DataFrame, sizes: DataFrame) -> str:
    """The finding in words: how much depends on which blocks, alone and together."""
    half = sizes.iloc[max(len(sizes) // 2 - 1, 0)]
    count, n_blocks = int(half["blocks_replaced"]), len(shapley)
    alone, together = shapley["alone"].sum(), shapley["shapley"].sum()
    scored = "sampled" if isna(half["most"]) else "all"
    words = (
        f"Replacing {count} of {n_blocks} blocks raises nll by {half['mean']:.2f} nats per token, "
        f"mean over {scored} subsets, and by {half['in_order']:.2f} if they are the first {count}"
    )
    if scored == "all":
        words += (
            f"; the least damaging {count} blocks cost {half['least']:.2f}, the most damaging "
            f"{half['most']:.2f}"
        )
    words += f". One by one, blocks cost {alone:.2f} in sum; all together, they cost {together:.2f}"
    if together > alone > 0:
        words += f", {together / alone:.1f} times as much. Blocks that back each other up do so, "
        words += "but not only these"
    return f"{words}."
