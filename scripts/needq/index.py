"""The first page of a run: its question, its answer, and where every number comes from."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pandas import DataFrame

from needq import answer, digests, records
from needq.pages import cells

# column: heading; a column without values is left out
SHOWN = {
    "blocks_replaced": "blocks replaced",
    "label": "its texts are",
    "nll": "nll",
    "grammar": "grammar",
    "cloze": "meaning",
}
ROWS = 13  # of the table on the first screen
EXAMPLE = 160  # characters
# page: what it shows, and where `snakemake --report` has it
PAGES = {
    "claims": ("Claims, with every test", "3 Claims, verdicts"),
    "gallery": ("Every text, by prompt and blocks replaced", "1 Degradation, all texts"),
    "degradation": ("What each intervention costs, as a table", "1 Degradation, table"),
    "labels": ("Labels of texts, and how well they are told apart", "1 Degradation, labels"),
    "divergence": ("Where backends part, as a table", "2 Divergence, table"),
    "parted": ("Texts that part, side by side", "2 Divergence, texts side by side"),
    "ledger": ("The causes of parting, one by one", "2 Divergence, table of causes"),
    "flips": ("Where rounding should part texts", "2 Divergence, table of the flip law"),
    "provenance": ("Config, versions, hardware, digests", "5 Provenance"),
}


def content(
    config: Mapping[str, Any],
    degradation: DataFrame,
    summary: DataFrame,
    trend: DataFrame,
    ledger: DataFrame | None,
    claims: DataFrame | None,
    phases: DataFrame | None,
    vocabulary: int,
    record: Mapping[str, Any],
    found: digests.Digests | None,
    expected: digests.Digests | None,
    cuda: bool,
) -> dict[str, Any]:
    """The values of the template index.html; tables that a run lacks are None."""
    rows = answer.headline(degradation, config["compare"]["reference"])
    whole = config["model"]["blocks"]
    sweep = config["sweeps"][rows["sweep"].iloc[0]]
    matrix = f"W_{sweep['matrix'].upper()}"
    lost = answer.loss(rows, whole, vocabulary, matrix)
    parting = answer.parting(summary, ledger, config["backends"], cuda)
    failed, tested = answer.claims(claims)
    shown, table = compact(rows)
    return {
        "matrix": (matrix, answer.NAMES[sweep["matrix"]]),
        "method": answer.METHODS[sweep["method"]],
        "blocks": whole,
        "short": lost.short,
        "sentences": [
            lost.sentence,
            answer.meaning(rows, phases, whole, lost),
            parting[0],
        ],
        "shown": shown,
        "table": table,
        "left_out": len(rows) - len(table),
        "backend": rows["backend"].iloc[0],
        "n": {"noise_seeds": rows["noise_seeds"].max(), "texts": rows["texts"].max()},
        "verified": digests.compared(expected, found),
        "hardware": records.hardware(record),
        "failed": failed,
        "claims": tested,
        "parting": parting,
        "trend": answer.trend(trend),
    }


def compact(rows: DataFrame) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """The columns and some rows of the headline's table, first and last among them."""
    shown = {name: heading for name, heading in SHOWN.items() if rows[name].notna().any()}
    last = len(rows) - 1
    chosen = rows.iloc[sorted({round(place * last / (ROWS - 1)) for place in range(ROWS)})]
    return shown, [
        {
            "cells": [(name, *cell) for name, cell in zip(shown, line, strict=True)],
            "example": _example(text),
        }
        for line, text in zip(cells(chosen, shown), chosen["example"], strict=True)
    ]


def _example(text: Any) -> str:
    """The beginning of a text, if there is one."""
    if not isinstance(text, str):
        return ""
    return text if len(text) <= EXAMPLE else f"{text[:EXAMPLE].rstrip()}…"


def image(svg: str | Path) -> str:
    """A figure as a data URI: it needs no other file, and no script in it could run."""
    return "data:image/svg+xml;base64," + base64.b64encode(Path(svg).read_bytes()).decode()


def links(pages: Sequence[str]) -> list[dict[str, str]]:
    """The pages of a run, each with its address and its place in Snakemake's report."""
    return [
        {"name": name, "shows": shows, "place": place}
        for name, (shows, place) in PAGES.items()
        if name in pages
    ]


def commands(verified: str, config: str) -> str:
    """What to type for the same run: `verified` says whether it is one with expected digests.

    `config` is the path of the run's complete config.
    """
    overlay = "" if verified.startswith("reproduced") else f" --configfile {config}"
    run = "make run" if not overlay else f".venv/bin/snakemake --cores all{overlay}"
    return (
        f"{run}\n.venv/bin/snakemake verify{overlay}   # the same digests, computed anew?\n"
        f".venv/bin/snakemake --report report.html{overlay}   # all of this in one file"
    )
