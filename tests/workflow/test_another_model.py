"""README's recipe for another model: an overlay that sets `run` and `model`, and nothing else."""

import csv
import json

import pytest
import yaml
from needq.plan.config import SUITED
from saved import SIZES, save_small

NOTES = [
    f"needq: note: {key}: not set for model; the value of the default config is used"
    for key in SUITED
]
HALVED = {"keys", "values", "outputs", "from_end", "at_random", "matched_scores", "rotated_heads"}
HALVED |= {"permuted", "zero", "identity", "with_bias"}


@pytest.fixture
def project(source, tmp_path):
    """A function that makes a project for a GPT-2 with random weights and so many blocks."""

    def make(n_blocks):
        from transformers import GPT2Config, GPT2LMHeadModel

        project = source.copy(tmp_path / "project")
        sizes = GPT2Config(n_positions=256, n_embd=24, n_layer=n_blocks, n_head=3, **SIZES)
        save_small(GPT2LMHeadModel(sizes), project.folder / "model")
        model = {"source": "folder", "location": "model", "revision": None, "digests": []}
        overlay = {"run": "tiny", "model": model | {"n_blocks": n_blocks}}
        (project.folder / "tiny.yaml").write_text(yaml.safe_dump(overlay), encoding="utf-8")
        return project

    return make


def notes(said):
    """What a run says of the values that it has from the default config."""
    return [line for line in said.splitlines() if line.startswith("needq: note:")]


def counts_of(rows):
    """How many blocks each sweep replaces, from rows of a table or of patches."""
    counts = {}
    for row in rows:
        counts.setdefault(row["sweep"], set()).add(int(row["blocks_replaced"]))
    return counts


def expected(n_blocks):
    """What the default config's sweeps replace in a model of so many blocks."""
    halves = {name: {0, n_blocks // 2, n_blocks} for name in HALVED}
    return {"cumulative": set(range(n_blocks + 1)), "single": {0, 1}, **halves}


def test_six_blocks_have_their_rows_in_the_table(project):
    project = project(6)
    # one noise seed, since five take five times as long
    seeds = ("--config", "noise_seeds=[0]")
    said = project.finish("results/tiny/tables/degradation.tsv", *seeds)
    assert notes(said) == NOTES
    with open(project.results / "tables/degradation.tsv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert counts_of(row for row in rows if row["backend"] == "cpu") == expected(6)
    single = {row["block"] for row in rows if row["sweep"] == "single"}
    assert single == {"", *map(str, range(6))}
    assert counts_of(row for row in rows if row["backend"] == "exact") == {
        "cumulative": set(range(7))
    }
    # the rest of the run is planned, too
    assert {"trace_corners", "decide_claims", "write_index"} <= set(project.planned())


def test_twenty_four_blocks_have_their_patches(project):
    """All that the stages after it read of the interventions; computing with them takes long."""
    project = project(24)
    planned = project.planned()
    assert {"trace_corners", "decide_claims", "write_index"} <= set(planned)
    said = project.finish("--until", "corrupt")
    assert notes(said) == NOTES
    files = list((project.results / "corrupt/patches").glob("*.json"))
    assert len(files) == planned["corrupt"]
    patches = [patch for file in files for patch in json.loads(file.read_text(encoding="utf-8"))]
    assert counts_of(patches) == expected(24)
