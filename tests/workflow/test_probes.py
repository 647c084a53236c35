"""Probes in the real workflow: off unless the config asks; then a table, a figure and a page."""

import csv
import io

import pytest
from document_tables import PageTables
from needq.common.probes import ENDING, POSITION, PREVIOUS
from project import ROOT

RULES = {"label_tokens", "fit_probes", "summarise_probes", "show_probes"}
STORIES = (ROOT / "resources/texts/stories.txt").read_text(encoding="utf-8").split("\n\n")[:30]
ON = {
    "probes": {"run": True, "noise_seeds": 1},
    "evaluation": {"text": "stories.txt", "tokens_per_document": 40},
}


@pytest.fixture(scope="module")
def probed(rich, tmp_path_factory):
    """A copy of the rich run after its probes were fitted, with another evaluation text."""
    project = rich.copy(tmp_path_factory.mktemp("probes") / "project")
    (project.folder / "stories.txt").write_text("\n\n".join(STORIES), encoding="utf-8")
    logs = {log.stem for log in (project.results / "logs").iterdir()}
    assert "measure_attention" in logs
    assert not RULES & logs
    project.configure(**ON)
    code, log = project.run("--cores", "2", "results/tiny/pages/probes.html")
    assert code == 0, log
    return project


def test_the_table_has_every_layer_of_every_intervention(probed):
    text = (probed.results / "tables/probes.tsv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(text), delimiter="\t"))
    # the model writes markup, in which no rule finds a name
    properties = {row["property"] for row in rows}
    assert {PREVIOUS, ENDING, POSITION} <= properties
    found = [(row["property"], row["blocks_replaced"], row["layer"]) for row in rows]
    assert sorted(set(found)) == sorted(found)
    assert {count for _, count, _ in found} == {"0", "1", "12"}
    assert len(found) == len(properties) * 3 * 13
    # what the first block reads is the same whatever is replaced after it
    first = {(row["property"], row["score"]) for row in rows if row["layer"] == "0"}
    assert len(first) == len(properties)
    scores = {(row["property"], row["layer"]): float(row["score"]) for row in rows[::-1]}
    assert scores[POSITION, "0"] > 0.9


def test_figure_and_page_are_written(probed):
    assert (probed.results / "figures/probes.svg").exists()
    page = PageTables((probed.results / "pages/probes.html").read_text(encoding="utf-8")).text
    assert "With W_Q of 12 blocks replaced, " in page
