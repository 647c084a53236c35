"""The first page of a run: its question, its answer, and where every number comes from."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pandas import DataFrame, Series

from needq.provenance import digests
from needq.report import answer
from needq.report import divergence_answer as answer_parting
from needq.report import provenance_tables as records
from needq.report.pages import anchor, cells

# column: heading; a column without values is left out
SHOWN = {
    "blocks_replaced": "blocks replaced",
    "label": "commonest label",
    "nll": "nll",
    "kl": "KL",
    "grammar": "grammar",
    "cloze": "cloze",
}
# which blocks are replaced first
ORDER = {
    "all": ", from the first block on",
    "reversed": ", from the last block on",
    "random": ", in an order drawn with the noise",
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
    "notebook_walk": ("A walk through the result, for students", "6 Notebooks"),
    "notebook_headline": ("The table above, computed again", "6 Notebooks"),
    "provenance": ("Config, versions, hardware, digests", "5 Provenance"),
}


def content(
    config: Mapping[str, Any],
    sweep: str,
    roles: Mapping[str, str],
    degradation: DataFrame,
    summary: DataFrame,
    trend: DataFrame,
    labels: DataFrame,
    quality: DataFrame,
    ledger: DataFrame | None,
    claims: DataFrame | None,
    phases: DataFrame | None,
    vocabulary: int,
    chances: Mapping[str, float],
    record: Mapping[str, Any],
    found: digests.Digests | None,
    expected: digests.Digests | None,
    compared: Sequence[str],
    cuda: bool,
) -> dict[str, Any]:
    """The values of the template index.html; tables that a run lacks are None.

    `sweep` is the one that the answer is about, and `roles` are `roles.roles`; `chances` the
    accuracies that guessing gives; `compared` the backends of the run.
    """
    reference, backends = config["compare"]["reference"], config["backends"]
    rows = answer.headline(degradation, reference, sweep)
    names = degradation.loc[degradation["sweep"] == sweep, "backend"].unique()
    others = {
        name: answer.headline(degradation, name, sweep) for name in names if name != reference
    }
    whole, prompts = config["model"]["blocks"], config["generation"]["prompts"]
    replaced = config["sweeps"][sweep]
    matrix = f"W_{replaced['matrix'].upper()}"
    shares = labels[(labels["sweep"] == sweep) & (labels["backend"] == reference)]
    lost = answer.loss(rows, whole, vocabulary, matrix)
    left, scale = "", ""
    if lost.outcome == "lost":
        left = answer.cloze_kept(rows, chances["cloze"])
        scale = answer.other_matrices(degradation, reference, roles, whole, vocabulary)
    new_tokens = config["generation"]["max_new_tokens"]
    parts, why = answer_parting.parting(summary, ledger, backends, cuda, new_tokens)
    failed, tested = answer.claims(claims)
    shown, table = compact(rows)
    return {
        "matrix": (matrix, answer.NAMES[replaced["matrix"]]),
        "method": answer.METHODS[replaced["method"]],
        "order": ORDER.get(str(replaced["blocks"]), ""),
        "counts": _counts(rows["blocks_replaced"], whole),
        "short": lost.short + left,
        "sentence": lost.sentence + scale,
        "answers": [
            (
                "How many blocks until meaning is lost?",
                *answer.meaning(rows, others, shares, quality, phases, whole, lost),
            ),
            ("Where do CPU and GPU part, and why?", parts, "".join(why[1:2])),
        ],
        "chances": chances,
        "shown": shown,
        "table": table,
        "left_out": len(rows) - len(table),
        "backend": reference,
        "section": anchor(f"Sweep {sweep}, backend {reference}"),
        "model": f"{config['model']['location']}: {whole} blocks, {vocabulary:,} tokens",
        "backends_are": [(name, way(backends[name])) for name in compared],
        "prompt": prompts[0],
        "n": {
            "noise_seeds": rows["noise_seeds"].max(),
            "texts": rows["texts"].max(),
            "prompts": len(prompts),
        },
        "verified": digests.compared(expected, found),
        "version": record["needq"],
        "hardware": records.hardware(record),
        "failed": failed,
        "claims": tested,
        "parted": parts,
        "parting": why,
        "trend": answer_parting.trend(trend, summary, sweep, backends),
    }


def _counts(replaced: Series, whole: int) -> str:
    """Of how many blocks a matrix was replaced."""
    counts = [count for count in replaced.unique() if count]
    if counts == list(range(1, whole + 1)):
        return f"of one block, of two, up to all {whole}"
    return f"of {', '.join(map(str, counts))} of {whole} blocks"


def way(backend: Mapping[str, Any]) -> str:
    """How a backend computes, in a few words."""
    if backend["arithmetic"] == "exact":
        return "made to give the same bits on every machine"
    return f"{backend['precision']} on {'a GPU' if backend['device'] == 'cuda' else 'the CPU'}"


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
    run = "make run   # this run, with all that it needs"
    if overlay:
        run = f".venv/bin/snakemake --cores all{overlay}   # this run"
    return (
        f"{run}\n.venv/bin/snakemake verify{overlay}   # computes the exact digests again, and "
        f"compares\n.venv/bin/snakemake --report report.html{overlay}   # all of this in one file"
    )
