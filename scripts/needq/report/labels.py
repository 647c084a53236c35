"""The parts of the page of labels: shares per sweep and backend, and how reliable labels are."""

from collections.abc import Sequence

from pandas import DataFrame

from needq.report import headings
from needq.report.cells import cells, crossed
from needq.report.flips import Part


def label_parts(
    sections: Sequence[tuple[str, str]],
    shares: DataFrame,
    axes: DataFrame,
    confusion: DataFrame,
    quality: DataFrame,
) -> list[Part]:
    """Two tables per section (sweep and backend), and those of the reference texts.

    The tables are `labels.tsv`, `label_axes.tsv`, `label_confusion.tsv` and `label_quality.tsv`.
    """
    parts: list[Part] = []
    for sweep, backend in sections:
        rows = shares[(shares["sweep"] == sweep) & (shares["backend"] == backend)]
        heading = f"Share of texts with each label: sweep {sweep}, backend {backend}"
        parts.append((heading, *crossed(rows, "intervention", "label", "share")))
        rows = axes[(axes["sweep"] == sweep) & (axes["backend"] == backend)]
        heading = f"Share of damaged tokens: sweep {sweep}, backend {backend}"
        parts.append((heading, *crossed(rows, "intervention", "axis", "share")))
    heading = "Held-out reference texts: how they were made (rows), and the label they got"
    named = confusion.assign(kind=confusion["kind"] + ": " + confusion["true_label"])
    parts.append((heading, *crossed(named, "kind", "label", "reference_texts")))
    # by blocks replaced, the tables above have the texts that resemble none
    whole = quality[~quality["measure"].str.contains("blocks replaced", regex=False)]
    shown = cells(whole, headings.LABEL_QUALITY)
    return [*parts, ("How reliable the labels are", headings.LABEL_QUALITY, shown)]
