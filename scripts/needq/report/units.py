"""The pages of units and of doses: what to protect, and how much damage a dose does."""

from pandas import DataFrame, Series

from needq.common import unit_columns
from needq.common.unit_columns import RELIABLE, SPARE, TOO_FEW, WEAK
from needq.common.units import name_sweep, name_unit
from needq.report import headings
from needq.report.cells import cells, number
from needq.report.pages import Pages

SHOWN = 15  # units of a sweep that the page shows, besides those that are spare
NAMED = 3  # weak points that a sentence names
OF_UNITS = (
    "Each unit (a head, a few dimensions or a block) is replaced by itself. A weak point is one of "
    "those that cost most, reliably so:"
)
OF_DOSES = (
    "More and more noise is mixed into the matrices of all blocks, or the matrices are multiplied "
    "by a factor. How much of it does half of the damage?"
)


class UnitPages(Pages):
    """Renders the pages of units and of doses."""

    def units(self, units: DataFrame, reliability: DataFrame) -> str:
        """The page of `units.tsv` and `unit_reliability.tsv`: what to protect."""
        shown = headings.UNIT_RELIABILITY
        kinds = zip(reliability["matrix"], reliability["steps"], strict=True)
        named = reliability.assign(sweep=[name_sweep(*kind) for kind in kinds])
        parts = [("Is the ranking reliable?", shown, cells(named, shown))]
        for _, sweep in reliability.iterrows():
            own = units[units["sweep"] == sweep["sweep"]]
            rows = own[(own["rank"] <= SHOWN) | (own["verdict"] == SPARE)]
            known = {
                name: words for name, words in headings.UNITS.items() if own[name].notna().any()
            }
            heading = f"{name_sweep(sweep['matrix'], sweep['steps'])} (sweep {sweep['sweep']})"
            parts.append((heading, known, cells(rows, known)))
        meanings = {name: unit_columns.UNIT_RELIABILITY[name] for name in shown}
        return self._render(
            "table.html",
            title="What to protect",
            lead=OF_UNITS,
            found=describe_units(units, reliability),
            parts=parts,
            meanings={name: unit_columns.UNITS[name] for name in headings.UNITS} | meanings,
            file="tables/units.tsv, which has every unit, and tables/unit_reliability.tsv",
        )

    def doses(self, doses: DataFrame, halves: DataFrame) -> str:
        """The page of `doses.tsv` and `half_doses.tsv`."""
        shown = headings.HALF_DOSES
        words = self.names["sweeps"]
        named = halves.assign(sweep=[words.get(one, one) for one in halves["sweep"]])
        parts = [("The dose that does half of the damage", shown, cells(named, shown))]
        for sweep, rows in doses.groupby("sweep", sort=False):
            heading = f"{words[sweep]} (sweep {sweep})" if sweep in words else f"Sweep {sweep}"
            parts.append((heading, headings.DOSES, cells(rows, headings.DOSES)))
        return self._render(
            "table.html",
            title="Dose and damage",
            lead=OF_DOSES,
            found=describe_doses(named),
            parts=parts,
            meanings={name: unit_columns.HALF_DOSES[name] for name in shown}
            | {name: unit_columns.DOSES[name] for name in headings.DOSES},
            file="tables/doses.tsv and tables/half_doses.tsv",
        )


def describe_units(units: DataFrame, reliability: DataFrame) -> list[str]:
    """Which units are weak points, sweep by sweep, or that there is no reliable rank."""
    by_sweep = dict(iter(units.groupby("sweep")))
    return [_describe_sweep(by_sweep[sweep["sweep"]], sweep) for _, sweep in reliability.iterrows()]


def _describe_sweep(units: DataFrame, sweep: Series) -> str:
    words = name_sweep(sweep["matrix"], sweep["steps"])
    if sweep["verdict"] == TOO_FEW:
        return f"{words}: too few noise seeds to say which ranks are reliable."
    if sweep["verdict"] != RELIABLE:
        return f"{words}: there is no reliable rank."
    weak = units[units["verdict"] == WEAK].sort_values("rank", kind="stable")
    if weak.empty:
        return (
            f"{words}: the ranking as a whole is reliable, but no unit is reliably among the "
            f"{sweep['k']} with the largest rise."
        )
    named = []
    for _, unit in weak.head(NAMED).iterrows():
        rise, low, high = (number(unit[f"rise{end}"]) for end in ("", "_low", "_high"))
        name = name_unit(unit["block"], unit["head"], unit["group"])
        named.append(f"{name} (nll rises by {rise}, {low} to {high})")
    more = f" and {len(weak) - NAMED} more" if len(weak) > NAMED else ""
    points = "weak points are" if len(weak) > 1 else "the weak point is"
    return f"{words}: of {sweep['units']} units, {points} {'; '.join(named)}{more}."


def describe_doses(halves: DataFrame) -> list[str]:
    """The half-damage doses, sweep by sweep; `halves` has the words for sweeps as their names."""
    sentences = []
    for _, half in halves.iterrows():
        ends = " to ".join(dict.fromkeys(_end(half[end]) for end in ("low", "high")))
        sentences.append(
            f"{half['sweep']}. The {half['measure']} is {number(half['estimate'])} ({ends}): it "
            f"does half of a rise of {number(half['full_rise'])} nats per token."
        )
    return sentences


def _end(end: object) -> str:
    try:
        return number(float(str(end)))
    except ValueError:
        return str(end)
