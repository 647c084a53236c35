"""Which pages a run has, in their order: the Snakefile and the report ask."""

from collections.abc import Iterator

from needq.plan.selection import Selection
from needq.plan.units import unit_pages


def report_pages(selection: Selection) -> Iterator[str]:
    """The names of the pages that a run has."""
    yield from ("degradation", "attention", "labels", "gallery", "divergence", "side_by_side")
    yield from ("provenance", "notebook_walk", "notebook_headline")
    if selection.comparisons:
        yield "claims"
    if selection.ledger_pairs:
        yield "ledger"
    if selection.precision_pairs:
        yield "flips"
    yield from unit_pages(selection)
