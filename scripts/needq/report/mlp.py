"""The page of the MLP beside attention."""

from collections.abc import Iterator

from pandas import DataFrame, Series

from needq.common import unit_columns
from needq.common.units import name_matrices, name_replaced
from needq.report import headings
from needq.report.cells import cells, number
from needq.report.pages import Pages

EQUAL = (
    "At equal change, the MLP is mixed with so much noise that the output of each block by itself "
    "changes as much as by noise in its W_Q. With several blocks replaced, the changes need not be "
    "equal."
)


class MlpPage(Pages):
    """Renders the page of the MLP."""

    def mlp(self, damage: DataFrame, changes: DataFrame) -> str:
        """The page of `mlp.tsv` and `output_changes.tsv`."""
        parts = []
        for sweep, rows in damage.groupby("sweep", sort=False):
            shown = {
                name: words for name, words in headings.MLP.items() if rows[name].notna().any()
            }
            name = name_replaced(rows["matrix"].iloc[0], rows["method"].iloc[0])
            heading = f"{name[0].upper() + name[1:]} (sweep {sweep})"
            parts.append((heading, shown, cells(rows, shown)))
        if len(changes):
            means = changes.groupby(["matrix", "block"], sort=False).mean(numeric_only=True)
            heading = "How much the output of a block changes, mean over noise seeds"
            shown = headings.OUTPUT_CHANGES
            parts.append((heading, shown, cells(means.reset_index(), shown)))
        meanings = {name: unit_columns.OUTPUT_CHANGES[name] for name in headings.OUTPUT_CHANGES}
        return self._render(
            "table.html",
            title="MLP and attention",
            lead=EQUAL,
            found=[*describe_mlp(damage), *describe_limits(changes)],
            parts=parts,
            meanings={name: unit_columns.MLP[name] for name in headings.MLP} | meanings,
            file="tables/mlp.tsv and tables/output_changes.tsv",
        )


def describe_mlp(damage: DataFrame) -> list[str]:
    """The ratio to the damage of W_Q where most blocks are replaced, sweep by sweep."""
    sentences = []
    of_blocks = damage[damage["block"].isna()]
    for _, sweep in of_blocks[of_blocks["ratio"].notna()].groupby("sweep", sort=False):
        row = sweep.sort_values("blocks_replaced").iloc[-1]
        name = name_replaced(row["matrix"], row["method"])
        sentences.append(
            f"{name[0].upper() + name[1:]}, in {row['blocks_replaced']:.0f} blocks: nll rises by "
            f"{number(row['rise'])}, {number(row['ratio'])} times as much as by noise in W_Q"
            f"{_interval(row)}."
        )
    return sentences or ["No sweep of the MLP has a sweep of W_Q to be compared with."]


def describe_limits(changes: DataFrame) -> Iterator[str]:
    """In how many blocks a matrix changes the output less than W_Q, whatever the share of noise."""
    for matrix, rows in changes.groupby("matrix", sort=False):
        means = rows.groupby("block").mean(numeric_only=True)
        less = int((means["change_all_noise"] < means["change_w_q"]).sum())
        if less:
            yield (
                f"In {less} of {len(means)} blocks, noise alone in {name_matrices(str(matrix))} "
                "changes the output less than noise in W_Q does: there, the change is not equal."
            )


def _interval(row: Series) -> str:
    if row[["ratio_low", "ratio_high"]].isna().any():
        return ""
    return f" ({number(row['ratio_low'])} to {number(row['ratio_high'])})"
