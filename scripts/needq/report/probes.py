"""The page of probes: what they can still read of the text, property by property."""

from pandas import DataFrame

from needq.common import columns
from needq.common.probes import PROPERTIES
from needq.report.cells import crossed, number
from needq.report.flips import Part
from needq.report.pages import Pages

KEPT = 0.5  # of what the pristine model reads beyond the first layer: less is mostly lost


class ProbePages(Pages):
    """Renders the page of probes."""

    def probes(self, table: DataFrame, matrix: str) -> str:
        """The page of `probes.tsv`; `matrix` is what the interventions replace, such as W_Q."""
        parts: list[Part] = []
        for name in PROPERTIES:
            rows = table[table["property"] == name]
            if rows.empty:
                continue
            measure, guess = rows["measure"].iloc[0], rows["majority"].iloc[0]
            heading = f"{name.capitalize()}: {measure} (guessing: {number(guess)})"
            named = rows.assign(replaced=rows["blocks_replaced"].map(_replaced))
            parts.append((heading, *crossed(named, "layer", "replaced", "score")))
            parts.append(
                (
                    f"{name.capitalize()}: selectivity",
                    *crossed(named, "layer", "replaced", "selectivity"),
                )
            )
        shown = ("layer", "score", "majority", "control", "selectivity")
        return self._render(
            "table.html",
            title="What probes can still read",
            lead=f"{describe_probes(table, matrix)} A probe is a linear classifier that reads a "
            "property of the text from the residual stream after a block. Each number is its "
            "accuracy (R2 for the position) on documents that it was not trained on; below it is "
            "the 95% interval.",
            parts=parts,
            meanings={name: columns.PROBES[name] for name in ("property", *shown)},
            file="tables/probes.tsv",
        )


def describe_probes(table: DataFrame, matrix: str) -> str:
    """What can still be read with the most blocks replaced, in words.

    Each property is judged at the layer where the pristine model tells most, by the share of what
    it tells there beyond layer 0, where the stream has the token and its position alone.
    """
    most = int(table["blocks_replaced"].max())
    kept: list[str] = []
    lost: list[str] = []
    for name in PROPERTIES:
        rows = table[table["property"] == name]
        if rows.empty:
            continue
        score = rows.set_index(["blocks_replaced", "layer"])["score"]
        before, measure = score[0], rows["measure"].iloc[0]
        layer = before.idxmax()
        gained, left = before[layer] - before[0], score[most, layer] - before[0]
        words = f"the {name} ({measure} {number(score[most, layer])}"
        words += f", pristine {number(before[layer])})"
        (kept if left >= KEPT * gained else lost).append(words)
    blocks = f"{most} block{'s' * (most != 1)}"
    said = ""
    if kept:
        said = f"With {matrix} of {blocks} replaced, the residual stream still tells "
        said += f"{_listed(kept)}. "
    if lost:
        subject = "It" if kept else f"With {matrix} of {blocks} replaced, the residual stream"
        said += f"{subject} has lost more than half of what the pristine blocks add about "
        said += f"{_listed(lost)}. "
    return said.strip()


def _listed(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _replaced(count: int) -> str:
    return f"{count} block{'s' * (count != 1)} replaced" if count else "pristine"
