"""Which pages a run has, in their order: the Snakefile and the report ask."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from needq.common.errors import UserError
from needq.plan.mlp import mlp_sweeps
from needq.plan.selection import Selection
from needq.plan.units import unit_pages


def opposite(selection: Selection) -> str | None:
    """The backend whose texts stand beside the reference's on the first page.

    Of its pairs, one on CUDA if there is one, or else one that predicts a GPU, or else any.
    """
    partners = [right for left, right in selection.pairs if left == selection.reference != right]
    backends = selection.backends
    for wanted in ("device", "rng"):
        for name in partners:
            if getattr(backends[name], wanted) == "cuda":
                return name
    return partners[0] if partners else None


def report_pages(selection: Selection) -> Iterator[str]:
    """The names of the pages that a run has."""
    yield from ("degradation", "attention", "labels", "gallery", "divergence", "side_by_side")
    yield from ("provenance", "notebook_walk", "notebook_headline", "glossary")
    if selection.config.probes.run:
        yield "probes"
    if selection.comparisons:
        yield "claims"
    if selection.config.subsets.run:
        yield "subsets"
    if selection.ledger_pairs:
        yield "ledger"
    if selection.precision_pairs:
        yield "flips"
    yield from unit_pages(selection)
    if mlp_sweeps(selection):
        yield "mlp"
    if selection.config.healing.run:
        yield "healing"


def require_pages(results: Path, pages: Sequence[str]) -> None:
    """UserError if a run lacks a page that its report shows, as an older or unfinished run does."""
    names = ("index.html", "front.html", *(f"pages/{name}.html" for name in pages))
    missing = [name for name in names if not (results / name).is_file()]
    if missing:
        others = len(missing) - 1
        more = f" and {others} other file{'s' * (others > 1)} are" if others else " is"
        raise UserError(
            f"{results / missing[0]}{more} missing, so there is no report yet: run snakemake once "
            "more, as for this run but without --report (a run of an older version needs it too)"
        )
