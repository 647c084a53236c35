"""The first page of a run: its question, its answer, and the source of every number."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import yaml
from pandas import DataFrame, Series

from needq.common.backends import Backend
from needq.common.files import reading
from needq.common.settings import Config
from needq.common.units import name_matrices
from needq.plan.names import describe_sweep
from needq.provenance.digests import Digests, compared
from needq.provenance.record import ProvenanceRecord
from needq.report import answer, claims_answer, divergence_answer, provenance_tables
from needq.report.cells import anchor, cells, section
from needq.report.content import METHODS, NAMES, PAGES, ROLES
from needq.report.pages import Pages
from needq.report.stories import Stories, shown_first

# column: heading; a column without values is not shown
SHOWN = {
    "blocks_replaced": "blocks replaced",
    "label": "most frequent label",
    "nll": "nll",
    "rise": "rise of nll",
    "grammar": "grammar",
    "cloze": "cloze",
}
# the order in which blocks are replaced
ORDER = {
    "forward": ", from the first block on",
    "reversed": ", from the last block on",
    "random": ", in a random order for each noise seed",
}
QUESTION = "Do we really need Q?"
ROWS = 13  # of the table on the first screen, at most
EXAMPLE = 160  # characters of an example, at most


@dataclass(frozen=True)
class Run:
    """The config of a run, and how the run was computed.

    `sweep` is the sweep that the answer is about. `comparisons` are those of `plan.comparisons`.
    `compared` are the backends of the run. `cuda` says whether any backend was run on CUDA.
    `chances` are the accuracies that guessing gives.
    """

    config: Config
    sweep: str
    comparisons: Mapping[str, str]
    compared: Sequence[str]
    cuda: bool
    vocabulary: int
    chances: Mapping[str, float]
    record: ProvenanceRecord
    digests: Digests | None
    expected: Digests | None


# the tables that the page is made of: every run has the first ones
NEEDED = ("degradation", "tasks", "summary", "trend", "labels", "quality")
OPTIONAL = ("baselines", "ledger", "claims", "half_points")


@dataclass(frozen=True)
class Tables:
    """The tables of a run; tables that it does not have are None."""

    degradation: DataFrame
    tasks: DataFrame
    summary: DataFrame
    trend: DataFrame
    labels: DataFrame
    quality: DataFrame
    baselines: DataFrame | None = None
    ledger: DataFrame | None = None
    claims: DataFrame | None = None
    half_points: DataFrame | None = None


def content(run: Run, tables: Tables) -> dict[str, object]:
    """The values of the template index.html, except figures and links (`surroundings`)."""
    config, sweep, degradation = run.config, run.sweep, tables.degradation
    reference, backends = config.divergence.reference, config.divergence.backends
    rows = answer.headline(degradation, reference, sweep)
    names = degradation.loc[degradation["sweep"] == sweep, "backend"].unique()
    others = {
        name: answer.headline(degradation, name, sweep) for name in names if name != reference
    }
    n_blocks, prompts = config.model.n_blocks, config.generation.prompts
    replaced, labels = config.sweeps[sweep], tables.labels
    matrix = name_matrices(replaced.matrix)
    shares = labels[(labels["sweep"] == sweep) & (labels["backend"] == reference)]
    lost = answer.loss(rows, n_blocks, tables.baselines, matrix)
    kept, scale = "", ""
    if lost.outcome == "lost":
        kept = answer.inference_kept(tables.tasks, reference, sweep)
        scale = answer.other_matrices(degradation, reference, run.comparisons, n_blocks)
    diverged, why = divergence_answer.explain(
        tables.summary, tables.ledger, backends, run.cuda, config.divergence.causes.max_new_tokens
    )
    failed, tested = claims_answer.describe_claims(tables.claims)
    shown, table = compact(rows)
    return {
        "matrix": (matrix, NAMES[replaced.matrix]),
        "role": ROLES.get(replaced.matrix, ""),
        "method": METHODS[replaced.method],
        "order": ORDER.get(str(replaced.block_order), ""),
        "counts": _counts(rows["blocks_replaced"], n_blocks),
        "short": lost.short,
        "ngrams": answer.explain_ngrams(lost.short),
        "sentence": lost.sentence + kept + scale,
        "answers": [
            (
                "How many blocks until meaning is lost?",
                *answer.meaning(
                    rows, others, shares, tables.quality, tables.half_points, n_blocks, lost
                ),
            ),
            ("Where do CPU and GPU diverge, and why?", diverged, "".join(why[1:2])),
        ],
        "chances": run.chances,
        "shown": shown,
        "table": table,
        "left_out": len(rows) - len(table),
        "backend": reference,
        "section": anchor(section(sweep, reference, describe_sweep(replaced))),
        "model": f"{config.model.location}: {n_blocks} blocks, {run.vocabulary:,} tokens",
        "backends_are": [(name, describe_backend(backends[name])) for name in run.compared],
        "prompt": prompts[0],
        "n": {
            "noise_seeds": rows["noise_seeds"].max(),
            "texts": rows["texts"].max(),
            "prompts": len(prompts),
        },
        "verified": compared(run.expected, run.digests),
        "version": run.record["needq"],
        "hardware": provenance_tables.hardware(run.record),
        "failed": failed,
        "claims": tested,
        "diverged": diverged,
        "divergence": why,
        "trend": divergence_answer.describe_trend(tables.trend, tables.summary, sweep, backends),
    }


def first_screen(stories: Stories, config: Config) -> dict[str, object]:
    """The values of the template that the slider is made of."""
    ways = [describe_backend(config.divergence.backends[name]) for name in stories["backends"]]
    return {"stories": stories, "first": shown_first(stories), "ways": ways}


def surroundings(
    pages: Sequence[str], figure: str, divergence_figure: str, config_file: str, verified: str
) -> dict[str, object]:
    """The values of the template that depend on files: figures, links and commands."""
    return {
        "figure": image(figure),
        "divergence_figure": image(divergence_figure),
        "pages": pages,
        "links": links(pages),
        "commands": commands(verified, config_file),
    }


def files(pages: Pages, content: Mapping[str, object], config: Config) -> dict[str, str]:
    """What rule write_index writes, by the names of its outputs."""
    return {
        "page": pages.index(content),
        "front": front(pages, content),
        "config": as_yaml(config),
        "answer": f"{QUESTION} {content['short']}\n",
    }


def front(pages: Pages, content: Mapping[str, object]) -> str:
    """What Snakemake's report opens on, as a part of a page: the answer and the verdicts."""
    script = (pages.folder / "front.js").read_text(encoding="utf-8")
    template = pages.environment.get_template("front.html")
    return template.render(content, question=QUESTION, script=script)


def as_yaml(config: Config) -> str:
    """The complete config as YAML, with which the run can be repeated."""
    return yaml.safe_dump(config.model_dump(), sort_keys=False, allow_unicode=True, width=96)


def _counts(replaced: Series, whole: int) -> str:
    """In how many blocks a matrix was replaced."""
    counts = [count for count in replaced.unique() if count]
    if counts == list(range(1, whole + 1)):
        return f"first in one block, then in two, up to all {whole}"
    return f"in {', '.join(map(str, counts))} of {whole} blocks"


def describe_backend(backend: Backend) -> str:
    """How a backend computes, in a few words."""
    if backend.arithmetic == "exact":
        return "exact arithmetic, made to give the same bits on every machine"
    if backend.rng == "cuda":
        card = f"the GPU {backend.gpu}" if isinstance(backend.gpu, str) else "a GPU"
        return f"{backend.precision} on the CPU, with the random numbers of {card}: a prediction"
    return f"{backend.precision} on {'a GPU' if backend.device == 'cuda' else 'the CPU'}"


def compact(rows: DataFrame) -> tuple[dict[str, str], list[dict[str, object]]]:
    """The columns and some rows of the headline's table, including the first and the last."""
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


def _example(text: object) -> str:
    """The beginning of a text; empty without one."""
    if not isinstance(text, str):
        return ""
    return text if len(text) <= EXAMPLE else f"{text[:EXAMPLE].rstrip()}…"


def image(svg: str | Path) -> str:
    """A figure as a data URI, which needs no other file and in which no script can run."""
    content = Path(svg).read_bytes()
    with reading(svg, ElementTree.ParseError):
        ElementTree.fromstring(content)
    return "data:image/svg+xml;base64," + base64.b64encode(content).decode()


def links(pages: Sequence[str]) -> list[dict[str, str]]:
    """The pages of a run, each with its name, its title and its place in Snakemake's report."""
    return [
        {"name": name, "shows": shows, "place": place}
        for name, (shows, place) in PAGES.items()
        if name in pages
    ]


def commands(verified: str, config: str) -> str:
    """The commands that repeat the run.

    `verified` is the result of comparing its digests; a run whose digests are reproduced is that of
    `make run`. `config` is the path of the complete config of the run.
    """
    overlay = "" if verified.startswith("reproduced") else f" --configfile {config}"
    run = "make run   # this run, with everything that it needs"
    if overlay:
        run = f".venv/bin/snakemake --cores all{overlay}   # this run"
    return (
        f"{run}\n.venv/bin/snakemake verify{overlay}   # computes the exact digests again and "
        f"compares them\n.venv/bin/snakemake --report report.html{overlay}   # the whole report in "
        "one file"
    )
