"""The page of healing: what is recovered at the end, on the way, and the mixtures of matrices."""

from pandas import DataFrame

from needq.common import columns
from needq.common.healing import DECIDING, WORDS
from needq.report import headings
from needq.report.cells import cells, number
from needq.report.flips import Part
from needq.report.pages import Pages


class HealingPages(Pages):
    """Renders the page of healing."""

    def healing(self, table: DataFrame, mixtures: DataFrame | None) -> str:
        """The page of `healing.tsv`, and of `factorial.tsv` if mixtures were replaced."""
        parts: list[Part] = []
        named = table.assign(parameters=table["parameters"].map(WORDS))
        last = named[named["step"] == named["step"].max()]
        shown = headings.HEALING
        for count in sorted(set(table["blocks_replaced"]) - {0}, reverse=True):
            heading = f"W_Q of {count} blocks is noise: after the last step"
            parts.append((heading, shown, cells(last[last["blocks_replaced"] == count], shown)))
        shown = headings.HEALING_CONTROL
        heading = "The control: the pristine model, trained as long"
        parts.append((heading, shown, cells(last[last["blocks_replaced"] == 0], shown)))
        healed = named[named["blocks_replaced"] > 0]
        heading, shown = "On the way", headings.HEALING_STEPS
        parts.append((heading, shown, cells(healed, shown)))
        meanings = {name: columns.HEALING[name] for name in headings.HEALING}
        file = "tables/healing.tsv"
        if mixtures is not None:
            heading, shown = "W_Q, W_K and W_V, alone and together", headings.FACTORIAL
            parts.append((heading, shown, cells(mixtures, shown)))
            meanings |= {name: columns.FACTORIAL[name] for name in ("effect", "ratio")}
            file += " and tables/factorial.tsv"
        return self._render(
            "table.html",
            title="Healing",
            lead=f"{finding(table)} W_Q stays noise, bit for bit, while other parameters are "
            "trained. What is recovered is measured on documents that no training row comes from, "
            "beside the pristine model, trained as long on the same rows.",
            parts=parts,
            meanings=meanings,
            file=file,
        )


def finding(table: DataFrame) -> str:
    """What healing came to with the most blocks, as a sentence."""
    rows = table[table["blocks_replaced"] == table["blocks_replaced"].max()]
    end = rows[rows["step"] == rows["step"].max()].set_index("parameters")
    damage = rows.loc[rows["step"] == 0, "rise"].iloc[0]
    best = DECIDING if DECIDING in end.index else end["recovered"].idxmax()
    found = end.loc[best]
    span = f" ({found['recovered_low']:.0%} to {found['recovered_high']:.0%})"
    return (
        f"Noise in W_Q of {rows['blocks_replaced'].iloc[0]} blocks raises nll by {number(damage)} "
        f"nats per token; training {WORDS[best]} for {rows['step'].max()} steps recovers "
        f"{found['recovered']:.0%}{span if found.notna()['recovered_low'] else ''} of this damage."
    )
