"""The report's pages: each is one HTML file that needs no other file and trusts no text.

Templates escape every value, since a model may generate any text. A policy in each page forbids
everything that would load other files, and all scripts but the page's own, which it names by their
digest.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from pandas import DataFrame, Series

from needq.common import columns
from needq.common.keys import ALL_LABELS
from needq.common.label_colours import LABEL_COLOURS
from needq.common.names import METHOD_NAMES, NO_NAMES, Names
from needq.common.settings import Config
from needq.provenance.digests import Digests
from needq.provenance.record import ProvenanceRecord
from needq.report import headings, provenance_tables
from needq.report.cells import anchor, cells, name_infinities, number, section, with_tests
from needq.report.content import Sample, neighbours
from needq.report.flips import flip_parts
from needq.report.glossary import NAME, link_terms, read_glossary
from needq.report.labels import label_parts

REPEAT_HEADING = "{0} and {0} (a repeat: nothing may differ)"


class Pages:
    """Renders templates for one run."""

    def __init__(
        self,
        templates: Sequence[str | Path],
        run: str,
        backends: list[str],
        cuda: bool,
        pairs: Sequence[Sequence[str]] = (),
        pages: Sequence[str] = (),
        names: Names = NO_NAMES,
    ):
        """`templates` are the files of one folder, then the glossary.

        `pairs` are in the order that they are shown. `pages` are the names of all pages of the run
        (`plan.report_pages`). `names` are the words for sweeps and interventions (`plan.names`).
        """
        self.folder, self.backends, self.cuda = Path(templates[0]).parent, backends, cuda
        self.pairs, self.pages, self.names = pairs, pages, names
        texts = [Path(file).read_text("utf-8") for file in templates if Path(file).suffix == ".md"]
        self.glossary = read_glossary("".join(texts))
        self.environment = Environment(
            loader=FileSystemLoader(self.folder),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self.environment.filters |= {"number": number, "anchor": anchor}
        self.environment.globals |= {"run": run, "backends": backends, "cuda": cuda}
        self.environment.globals["label_colours"] = LABEL_COLOURS

    def degradation(self, table: DataFrame, baselines: DataFrame | None = None) -> str:
        """The page of `degradation.tsv`, a table per sweep and backend, and of `baselines.tsv`."""
        parts = []
        order = table.sort_values("texts", key=lambda texts: texts == 0, kind="stable")
        for sweep, backend in self._sections(order):
            rows = table[(table["sweep"] == sweep) & (table["backend"] == backend)]
            shown = headings.DEGRADATION if rows["texts"].any() else headings.SCORES
            heading = section(sweep, backend, self.names["sweeps"].get(sweep, ""))
            parts.append((heading, shown, cells(self._named(rows, "steps"), shown)))
        if baselines is not None:
            shown = headings.BASELINES
            parts.append(("N-gram models of the training text", shown, cells(baselines, shown)))
        return self._render(
            "table.html",
            title="Degradation",
            lead="How much worse the model gets with each intervention. Each number is a mean over "
            "noise seeds and over documents, prompts or items; below it is its 95% interval.",
            parts=parts,
            meanings={name: columns.DEGRADATION[name] for name in headings.DEGRADATION},
            file="tables/degradation.tsv",
        )

    def divergence(self, summary: DataFrame, trend: DataFrame) -> str:
        """The page of `divergence_trend.tsv` and `divergence_summary.tsv`, repeats last."""
        tested = trend[trend["left"] != trend["right"]]
        heading = "Do texts diverge earlier or later as more blocks are replaced?"
        parts = [(heading, headings.TREND, cells(tested, headings.TREND))]
        pairs = dict.fromkeys(zip(summary["left"], summary["right"], strict=True))
        for left, right in sorted(pairs, key=lambda pair: pair[0] == pair[1]):
            rows = summary[(summary["left"] == left) & (summary["right"] == right)]
            heading = f"{left} and {right}"
            if left == right:
                heading = REPEAT_HEADING.format(left)
            named = self._named(rows, "interventions")
            parts.append((heading, headings.DIVERGENCE, cells(named, headings.DIVERGENCE)))
        return self._render(
            "table.html",
            title="Divergence",
            lead="Whether two backends generate the same texts, where the texts diverge, and by "
            "how much the logits differ. If the backends choose tokens with different random "
            "numbers, their texts diverge at once, even if all probabilities are equal.",
            parts=parts,
            meanings={name: columns.DIVERGENCE_SUMMARY[name] for name in headings.DIVERGENCE}
            | {name: columns.DIVERGENCE_TREND[name] for name in ("slope", "verdict")},
            file="tables/divergence_summary.tsv, tables/divergence_trend.tsv, and "
            "tables/divergence.tsv "
            "with one row per text",
        )

    def labels(
        self, shares: DataFrame, axes: DataFrame, confusion: DataFrame, quality: DataFrame
    ) -> str:
        """The page of `labels.tsv`, `label_axes`, `label_confusion` and `label_quality.tsv`."""
        return self._render(
            "table.html",
            title="Labels",
            lead="Each text gets the label of the reference texts that it resembles most. These "
            "are made from texts of the pristine model: unchanged (near normal), each token drawn "
            "again after the one or two tokens before it (meaning lost), repeated in a loop "
            "(repetitive), or drawn alone (noise). A text that resembles none is none of these.",
            parts=label_parts(
                self._sections(shares),
                self._named(shares, "steps"),
                self._named(axes, "steps"),
                confusion,
                quality,
            ),
            meanings={name: columns.LABELS[name] for name in ("label", "share")}
            | {"axis": columns.LABEL_AXES["axis"]}
            | {name: columns.LABEL_CONFUSION[name] for name in ("kind", "reference_texts")}
            | {name: columns.LABEL_QUALITY[name] for name in ("measure", "value")},
            file="tables/labels.tsv, label_axes.tsv, label_confusion.tsv and label_quality.tsv; "
            "one row per text: labels/BACKEND.parquet",
        )

    def claims(self, claims: DataFrame, methods: DataFrame, half_points: DataFrame) -> str:
        """The page of `claims.tsv`, with `replacement_methods.tsv` and `half_points.tsv`."""
        names = ("test", "estimate", "low", "high", "p_holm", "verdict", "model")
        return self._render(
            "claims.html",
            title="Claims",
            lead=f"Each verdict is about {', '.join(claims['model'].unique())} alone. A claim is "
            "refuted if one of its tests is refuted, and supported if all are supported. Damage is "
            "the rise of nll on the same documents, mean over the steps of a sweep.",
            claims=with_tests(claims),
            parts=[
                (
                    "Does it matter what replaces W_Q?",
                    headings.REPLACEMENT_METHODS,
                    cells(
                        methods.assign(method=methods["method"].map(METHOD_NAMES)),
                        headings.REPLACEMENT_METHODS,
                    ),
                ),
                (
                    "With how many blocks replaced are the tasks half lost?",
                    headings.HALF_POINTS,
                    cells(name_infinities(half_points), headings.HALF_POINTS),
                ),
            ],
            meanings={name: columns.CLAIMS[name] for name in names}
            | {name: columns.REPLACEMENT_METHODS[name] for name in ("method", "bias", "ratio")}
            | {"measure": columns.HALF_POINTS["measure"]},
            file="tables/claims.tsv, tables/replacement_methods.tsv and tables/half_points.tsv",
        )

    def index(self, content: Mapping[str, object]) -> str:
        """The first page; `content` are the values of `report.index`, with figures and links."""
        values = dict[str, Any](content)
        return self._render("index.html", "stories.js", title="Do we really need Q?", **values)

    def gallery(
        self,
        samples: Sequence[Sample],
        texts: int,
        left_out: str,
    ) -> str:
        """The page of all texts; `samples` is the result of `gallery.grid`.

        `texts` is the number of all texts. `left_out` says which texts are missing, if any.
        """
        rows = [row for sample in samples for row in sample["rows"]]
        shown = [text for row in rows for text in row["first"] + row["others"]]
        return self._render(
            "gallery.html",
            "gallery.js",
            title="All texts",
            lead="What the model wrote, by prompt and by what is replaced. Read from top to "
            "bottom to see how the texts change. Each text continues its prompt, which is not "
            "repeated. Backends that wrote the same text are shown together.",
            samples=samples,
            texts=texts,
            left_out=left_out,
            named=self.named,
            labels=[one for one in ALL_LABELS if any(one in text["labels"] for text in shown)],
            names=list(dict.fromkeys(name for text in shown for name in text["backends"])),
        )

    def flips(self, table: DataFrame, margins: DataFrame) -> str:
        """The page of `flips.tsv` and `flip_margins.tsv`: two tables per pair."""
        return self._render(
            "table.html",
            title="Predicted flips",
            lead="Rounding changes logits a little. A token flips, and the text diverges, if the "
            "change exceeds the token's margin, or moves a token over the edge of top_k or top_p. "
            "Here two backends choose tokens with the same random numbers. The number of texts "
            "that diverge is compared with the number predicted from the margins of the tokens, "
            "their distances from the edges, and the measured error of the logits.",
            parts=flip_parts(table, margins),
            meanings={name: columns.FLIPS[name] for name in headings.FLIPS}
            | {name: columns.FLIP_MARGINS[name] for name in headings.FLIP_MARGINS},
            file="tables/flips.tsv and tables/flip_margins.tsv, and tables/flip_places.tsv with "
            "one row per token",
        )

    def provenance(
        self,
        config: Config,
        record: ProvenanceRecord,
        own: Digests | None,
        verified: str,
    ) -> str:
        """The page of the config and of how the run was computed.

        `record` is provenance.json, `own` is digests.json, and `verified` the result of comparing
        it with the expected digests.
        """
        heads, processes = provenance_tables.backends(record, config.divergence.backends)
        return self._render(
            "provenance.html",
            title="Config and provenance",
            lead="The config of this run, and the hardware and software that computed it.",
            hardware=provenance_tables.hardware(record),
            software=provenance_tables.software(record),
            inputs=record["inputs"],
            heads=heads,
            processes=processes,
            settings=provenance_tables.settings(config),
            digests={stage: found for stage, found in (own or {}).items() if stage != "config"},
            verified=verified,
        )

    def explain_terms(self) -> str:
        """The page of the glossary."""
        return self._render(
            "glossary.html",
            title="Glossary",
            lead="What the words of these pages mean. Each page links a term where it uses it "
            "first.",
            entries=[(entry.anchor, Markup(entry.html)) for entry in self.glossary],
        )

    def notebook(self, title: str, body: str, source: str) -> str:
        """The page of a notebook: `body` is HTML, and trusted; `source` names its script."""
        return self._render(
            "notebook.html",
            title=title,
            lead=f"A notebook that was executed on the files of this run. Its source is {source}.",
            body=body,
        )

    def _named(self, table: DataFrame, kind: Literal["steps", "interventions"]) -> DataFrame:
        """A table whose interventions are called by their names; the ids are in titles."""
        found = {one: self.named(one, kind) for one in table["intervention"].unique()}
        words = [found[one] for one in table["intervention"]]
        return table.assign(intervention=Series(words, table.index, dtype=object))

    def named(self, intervention: str, kind: Literal["steps", "interventions"]) -> Markup:
        """The name of an intervention, with its id as title."""
        words = self.names[kind].get(intervention, intervention)
        return Markup('<span title="{}">{}</span>').format(intervention, words)

    def _sections(self, table: DataFrame) -> list[tuple[str, str]]:
        """Each sweep and backend of a table, within a sweep in the order of the page's backends."""
        found = list(dict.fromkeys(zip(table["sweep"], table["backend"], strict=True)))
        sweeps = [sweep for sweep, _ in found]
        return sorted(found, key=lambda one: (sweeps.index(one[0]), self.backends.index(one[1])))

    def _render(self, template: str, script: str = "", **values: Any) -> str:
        """A template with its values; `script` is a file of its folder that the page runs too."""
        scripts = ["page.js", script] if script else ["page.js"]
        source = "".join((self.folder / name).read_text(encoding="utf-8") for name in scripts)
        digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
        policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
        policy += f"; script-src 'sha256-{digest}'"
        values["before"], values["after"] = neighbours(self.pages, values["title"])
        page = self.environment.get_template(template)
        written = page.render(script=source, policy=policy, **values)
        if NAME not in self.pages or template == "glossary.html":
            return written
        return link_terms(written, self.glossary, "pages/" if template == "index.html" else "")
