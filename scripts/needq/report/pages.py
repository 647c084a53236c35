"""The report's pages: each one HTML file that needs nothing else, and trusts no text.

Templates escape every value (generated text is whatever a model says), and a policy in the page
itself forbids everything that would leave the file, and every script but the page's own, which it
names by digest.
"""

import base64
import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pandas import DataFrame, Series

from needq.common import columns
from needq.plan.ledger_steps import CALLED, REMOVED
from needq.provenance.digests import STAGES, Digests
from needq.report import provenance_tables as records

# column: its heading; a column with an interval shows it below the mean
SCORES = {
    "intervention": "intervention",
    "nll": "nll",
    "bits_per_byte": "bits per byte",
    "kl": "KL",
    "top1_agreement": "top-1 agreement",
    "noise_seeds": "noise seeds",
}
DEGRADATION = {
    "intervention": "intervention",
    "label": "label",
    "nll": "nll",
    "bits_per_byte": "bits per byte",
    "kl": "KL",
    "top1_agreement": "top-1 agreement",
    "grammar": "grammar",
    "cloze": "cloze",
    "text_nll": "text nll",
    "seq_rep_4": "seq-rep-4",
    "distinct_2": "distinct-2",
    "noise_seeds": "noise seeds",
    "texts": "texts",
}
LABEL_QUALITY = {"measure": "measure", "value": "share", "texts": "of texts"}
NULL_LADDER = {
    "method": "instead of Gaussian noise",
    "ratio": "damage, as a share of the noise's",
    "low": "from",
    "high": "to",
    "verdict": "alike",
}
PHASES = {
    "measure": "measure",
    "estimate": "estimate",
    "low": "from",
    "high": "to",
    "verdict": "found",
}
DIVERGENCE = {
    "intervention": "intervention",
    "identical": "identical",
    "shared": "shared part",
    "first_divergent_token": "first divergent token",
    "max_abs_logit": "max |logit difference|",
    "max_ulp": "max ulp",
    "kl": "KL",
    "top1_flips": "top-1 flips",
    "margin": "margin",
    "noise_seeds": "noise seeds",
    "texts": "texts",
}
LEDGER = {
    "cause": "made equal so far",
    "identical_share": "identical",
    "shared": "shared part",
    "first_divergent_token": "first divergent token",
    "kl": "KL",
    "max_abs_logit": "max |logit difference|",
    "texts": "texts",
}
FLIPS = {
    "blocks_replaced": "blocks replaced",
    "logit_error": "logit error",
    "texts": "texts",
    "parted": "parted",
    "predicted": "predicted",
    "p_value": "p",
    "place_p_value": "p of places",
}
TREND = {
    "left": "left",
    "right": "right",
    "slope": "shared part, per block",
    "verdict": "they part",
    "texts": "texts",
}
NOTHING = "–"


class Pages:
    """Renders the templates of a folder, for one run."""

    def __init__(self, templates: str | Path, run: str, backends: Sequence[str], cuda: bool):
        self.folder = templates
        self.environment = Environment(
            loader=FileSystemLoader(templates),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self.environment.filters |= {"number": number, "anchor": anchor}
        self.environment.globals |= {"run": run, "backends": backends, "cuda": cuda}

    def degradation(self, table: DataFrame) -> str:
        """The page of `degradation.tsv`, a table a sweep and backend; those with texts first."""
        parts = []
        order = table.sort_values("texts", key=lambda texts: texts == 0, kind="stable")
        for sweep, backend in dict.fromkeys(zip(order["sweep"], order["backend"], strict=True)):
            rows = table[(table["sweep"] == sweep) & (table["backend"] == backend)]
            shown = DEGRADATION if rows["texts"].any() else SCORES
            parts.append((f"Sweep {sweep}, backend {backend}", shown, cells(rows, shown)))
        return self._render(
            "table.html",
            title="Degradation",
            lead="What each intervention costs: means over noise seeds and documents or prompts, "
            "and below each its 95% interval. An intervention is named by its matrix, its sweep "
            "and how many blocks it replaces (of single blocks, which).",
            parts=parts,
            meanings={name: columns.DEGRADATION[name] for name in DEGRADATION},
            file="tables/degradation.tsv",
        )

    def divergence(self, summary: DataFrame, trend: DataFrame) -> str:
        """The page of `divergence_trend.tsv`, and of `divergence_summary.tsv`, a table a pair.

        Null controls come last.
        """
        tested = trend[trend["left"] != trend["right"]]
        parts = [("Earlier or later, the more blocks are replaced?", TREND, cells(tested, TREND))]
        pairs = dict.fromkeys(zip(summary["left"], summary["right"], strict=True))
        for left, right in sorted(pairs, key=lambda pair: pair[0] == pair[1]):
            rows = summary[(summary["left"] == left) & (summary["right"] == right)]
            heading = f"{left} and {right}"
            if left == right:
                heading = f"{left} twice: the null control, in which nothing may differ"
            parts.append((heading, DIVERGENCE, cells(rows, DIVERGENCE)))
        return self._render(
            "table.html",
            title="Divergence",
            lead="Where two backends part on the same work, and by how much. With random streams "
            "of their own they draw other tokens from equal probabilities, and part at once.",
            parts=parts,
            meanings={name: columns.DIVERGENCE_SUMMARY[name] for name in DIVERGENCE}
            | {name: columns.DIVERGENCE_TREND[name] for name in ("slope", "verdict")},
            file="tables/divergence.tsv, one row a text, and tables/divergence_summary.tsv",
        )

    def labels(self, shares: DataFrame, confusion: DataFrame, quality: DataFrame) -> str:
        """The page of `labels.tsv`, `label_confusion.tsv` and `label_quality.tsv`."""
        parts = []
        for sweep, backend in dict.fromkeys(zip(shares["sweep"], shares["backend"], strict=True)):
            rows = shares[(shares["sweep"] == sweep) & (shares["backend"] == backend)]
            heading = f"Share of texts with each label: sweep {sweep}, backend {backend}"
            parts.append((heading, *_crossed(rows, "intervention", "label", "share")))
        heading = "Held-out controls, by how they were made and the label that they got"
        made = confusion.assign(kind=confusion["kind"] + ": " + confusion["of"])
        parts.append((heading, *_crossed(made, "kind", "label", "controls")))
        shown = cells(quality, LABEL_QUALITY)
        parts.append(("How well labels are told apart", LABEL_QUALITY, shown))
        return self._render(
            "table.html",
            title="Labels",
            lead="Each text gets the label of the control texts that it resembles most. Controls "
            "are made of the whole model's own texts: as they are (near normal), drawn again token "
            "by token after the one or two before (meaning lost), looped (repetitive), and drawn "
            "without regard to what is before (noise). That these are told apart does not show "
            "that labels fit every text of a damaged model: some resemble no control.",
            parts=parts,
            meanings={name: columns.LABELS[name] for name in ("label", "share")}
            | {name: columns.LABEL_CONFUSION[name] for name in ("kind", "controls")}
            | {name: columns.LABEL_QUALITY[name] for name in ("measure", "value")},
            file="tables/labels.tsv, tables/label_confusion.tsv and tables/label_quality.tsv; "
            "one row a text: labels/BACKEND.parquet",
        )

    def claims(self, claims: DataFrame, ladder: DataFrame, phases: DataFrame) -> str:
        """The page of `claims.tsv`, with `null_ladder.tsv` and `phases.tsv`."""
        names = ("test", "estimate", "low", "high", "verdict")
        return self._render(
            "claims.html",
            title="Claims",
            lead="What the article says, each claim put to tests that can fail. A claim is refuted "
            "if one of its tests is, and supported if all are; undecided is an allowed answer. "
            "Damage is the rise of nll over the whole model's, the mean over all steps of a sweep "
            "if the test names none.",
            claims=with_tests(claims),
            parts=[
                ("What replaces W_Q", NULL_LADDER, cells(ladder, NULL_LADDER)),
                ("Where meaning and structure go", PHASES, cells(phases, PHASES)),
            ],
            meanings={name: columns.CLAIMS[name] for name in names}
            | {name: columns.NULL_LADDER[name] for name in ("method", "ratio")}
            | {"measure": columns.PHASES["measure"]},
            file="tables/claims.tsv, tables/null_ladder.tsv and tables/phases.tsv",
        )

    def index(self, content: Mapping[str, Any]) -> str:
        """The first page; `content` is that of `report.index`, with figures and links."""
        return self._render("index.html", title="Do we really need Q?", **content)

    def gallery(
        self,
        samples: Sequence[Mapping[str, Any]],
        texts: int,
        left_out: str,
        parted: Mapping[str, Sequence[tuple[str, str]]],
    ) -> str:
        """The page of texts; `samples` as `needq.report.gallery.grid` gives them, `texts` in all.

        `left_out` says which texts are not there, if any; `parted` maps an intervention to the
        pairs of backends of which the page of parted texts shows one.
        """
        rows = [row for sample in samples for row in sample["rows"]]
        shown = [text for row in rows for text in row["first"] + row["others"]]
        return self._render(
            "gallery.html",
            "gallery.js",
            title="Every text",
            lead="What the model wrote, by prompt and number of blocks replaced. Read down to see "
            "when it loses its thread. Prompts are not repeated before the texts; backends whose "
            "texts are equal stand together.",
            samples=samples,
            texts=texts,
            left_out=left_out,
            parted=parted,
            labels=sorted({text["label"] for text in shown if text["label"]}),
            names=list(dict.fromkeys(name for text in shown for name in text["backends"])),
        )

    def parted(self, pairs: Sequence[Mapping[str, Any]], prompts: Sequence[str]) -> str:
        """The page of texts that part; `pairs` are `report.side_by_side.examples`."""
        return self._render(
            "parted.html",
            title="Where texts part",
            lead="For each pair of backends and intervention, the first text that "
            "parts (by noise seed, prompt and sample seed). The first divergent token is marked.",
            pairs=pairs,
            prompts=prompts,
        )

    def ledger(self, table: DataFrame) -> str:
        """The page of `ledger.tsv`, a table a pair and order."""
        parts = []
        keys = ["left", "right", "order"]
        steps = table.sort_values("order", key=lambda order: order == "control", kind="stable")
        for (left, right, order), rows in steps.groupby(keys, sort=False):
            heading = f"{left} and {right}, {CALLED.get(order)}"
            if order == "control":
                heading = f"{left} twice: the null control, in which nothing may differ"
            named = rows.assign(cause=rows["cause"].map(REMOVED))
            parts.append((heading, LEDGER, cells(named, LEDGER)))
        return self._render(
            "table.html",
            title="The ledger",
            lead="Why two ways to compute give two texts: what is left of their divergence as one "
            "cause after the other is made equal for both, in two orders. Each row keeps what is "
            "equal in the rows above it; in the first they are as they are.",
            parts=parts,
            meanings={name: columns.LEDGER[name] for name in LEDGER},
            file="tables/ledger.tsv, and tables/ledger_texts.tsv, one row a text",
        )

    def flips(self, table: DataFrame) -> str:
        """The page of `flips.tsv`, a table a pair."""
        parts = []
        for (left, right), rows in table.groupby(["left", "right"], sort=False):
            counts = rows["blocks_replaced"].map(
                lambda count: "all" if pandas.isna(count) else count
            )
            shown = cells(rows.assign(blocks_replaced=counts), FLIPS)
            parts.append((f"{left} and {right}: {_foretold(rows)}", FLIPS, shown))
        return self._render(
            "table.html",
            title="The flip law",
            lead="Rounding shifts logits a little, and a text parts where a token had won by less. "
            "In how many texts two backends with the same token draws part, as seen and as "
            "predicted from the margins of the draws and the measured error of the logits.",
            parts=parts,
            meanings={name: columns.FLIPS[name] for name in FLIPS},
            file="tables/flips.tsv, and tables/flip_places.tsv by token",
        )

    def provenance(
        self,
        config: Mapping[str, Any],
        record: Mapping[str, Any],
        found: Digests | None,
        verified: str,
    ) -> str:
        """The page of the config and of what made the run.

        `record` is provenance.json, `found` is digests.json, and `verified` what came of it.
        """
        heads, processes = records.backends(record, config["backends"])
        return self._render(
            "provenance.html",
            title="Config and provenance",
            lead="What this run was asked for, and what it was computed with.",
            hardware=records.hardware(record),
            software=records.software(record),
            inputs=record["inputs"],
            heads=heads,
            processes=processes,
            settings=records.settings(config),
            digests={stage: found[stage] for stage in STAGES} if found else {},
            verified=verified,
        )

    def notebook(self, title: str, body: str, source: str) -> str:
        """The page of a notebook: `body` is HTML, and trusted; `source` names its script."""
        return self._render(
            "notebook.html",
            title=title,
            lead=f"A notebook, run on the files of this run. To work with it: {source}.",
            body=body,
        )

    def _render(self, template: str, script: str = "", **values: Any) -> str:
        """A template filled in; `script` is one in the same folder that the page runs besides."""
        scripts = ["page.js", script] if script else ["page.js"]
        loader, source = self.environment.loader, ""
        for name in scripts:
            source += loader.get_source(self.environment, name)[0]
        digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
        policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
        policy += f"; script-src 'sha256-{digest}'"
        page = self.environment.get_template(template)
        return page.render(script=source, policy=policy, **values)


def of_run(templates: Sequence[str], params: Any) -> Pages:
    """The pages of a run: `params` has its `run`, its `backends` and whether `cuda` was run."""
    return Pages(Path(templates[0]).parent, params.run, params.backends, params.cuda)


def anchor(heading: str) -> str:
    """A heading as the name of its place in a page."""
    return "-".join(re.findall(r"\w+", heading.lower()))


def _foretold(rows: DataFrame) -> str:
    """The flip law's number of all texts beside what was seen."""
    whole = rows[rows["blocks_replaced"].isna()].iloc[0]
    low, high, seen = whole["predicted_low"], whole["predicted_high"], whole["parted"]
    told = "as predicted" if low <= seen <= high else "more" if seen > high else "fewer"
    return (
        f"{seen:.0f} of {whole['texts']:.0f} texts part; predicted {whole['predicted']:.1f} "
        f"({low:.0f} to {high:.0f}): {told}"
    )


def number(value: Any) -> str:
    """A number for reading: three significant digits, large and whole ones in full, or a dash."""
    if isinstance(value, str):
        return value
    if value is None or math.isnan(value):
        return NOTHING
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:#.3g}".rstrip(".")


def cells(table: DataFrame, shown: Mapping[str, str]) -> list[list[tuple[str, str]]]:
    """Rows of (value, interval) for the columns to show; the interval is empty without one."""
    rows = []
    for _, row in table.iterrows():
        line = []
        for name in shown:
            line.append((number(row[name]), _interval(row, name)))
        rows.append(line)
    return rows


def _interval(row: Series, name: str) -> str:
    """The interval of a column, if it has one."""
    low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
    if low is None or math.isnan(low):
        return ""
    return f"{number(low)} to {number(high)}"


def with_tests(claims: DataFrame) -> list[dict[str, Any]]:
    """Each claim of `claims.tsv` with its tests: [{claim, statement, verdict, tests: [row]}]."""
    found = []
    for claim, rows in claims.groupby("claim", sort=False):
        whole = rows["test"].str.startswith("all ")
        found.append(
            {
                "claim": claim,
                "statement": rows["statement"].iloc[0],
                "verdict": rows.loc[whole, "verdict"].iloc[0],
                "tests": rows[~whole].to_dict("records"),
            }
        )
    return found


def _crossed(
    table: DataFrame, row: str, column: str, value: str
) -> tuple[dict[str, str], list[list[tuple[str, str]]]]:
    """The columns and cells of a table with a row for each `row` and a column for each `column`."""
    wide = {
        name: {
            column: (number(part[value]), _interval(part, value))
            for column, part in of_row.set_index(column).iterrows()
        }
        for name, of_row in table.groupby(row, sort=False)
    }
    names = list(dict.fromkeys(table[column]))
    found = [[(name, ""), *(of_row[column] for column in names)] for name, of_row in wide.items()]
    return {name: name for name in (row, *names)}, found
