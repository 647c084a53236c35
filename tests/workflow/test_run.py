"""The whole workflow, from nothing to its report."""

import csv
import io

from project import ONE_BACKEND, assert_same


def table(project, name):
    """The rows of a table, all values as text."""
    text = project.produced()[f"tables/{name}.tsv"].decode("utf-8")
    return list(csv.DictReader(io.StringIO(text), delimiter="\t"))


def test_degradation_has_a_row_for_each_intervention_and_backend(baseline):
    rows = table(baseline, "degradation")
    found = {(row["intervention"], row["blocks_replaced"], row["backend"]) for row in rows}
    assert len(rows) == 4 == len(found)
    assert found == {
        ("q/cumulative/00", "0", "cpu"),
        ("q/cumulative/00", "0", "exact"),
        ("q/cumulative/01", "1", "cpu"),
        ("q/cumulative/01", "1", "exact"),
    }
    # 2 prompts x 2 sample seeds, for each of the noise seeds
    assert {(row["blocks_replaced"], row["texts"]) for row in rows} == {("0", "4"), ("1", "8")}


def test_divergence_has_a_row_for_each_pair_and_text(baseline):
    rows = table(baseline, "divergence")
    # 3 pairs x 3 interventions and noises x 2 prompts x 2 sample seeds
    assert len(rows) == 36
    pairs = {(row["left"], row["right"]) for row in rows}
    assert pairs == {("cpu", "cpu"), ("exact", "exact"), ("cpu", "exact")}


def test_null_controls_are_identical(baseline):
    rows = [row for row in table(baseline, "divergence") if row["left"] == row["right"]]
    assert len(rows) == 24
    assert {row["identical"].lower() for row in rows} <= {"true", "1"}
    measured = [float(row["max_abs_logit"]) for row in rows if row["max_abs_logit"]]
    assert measured and set(measured) == {0.0}


def test_two_arithmetics_differ(baseline):
    rows = [row for row in table(baseline, "divergence") if row["left"] != row["right"]]
    assert max(float(row["max_abs_logit"]) for row in rows if row["max_abs_logit"]) > 0


def test_second_run_does_nothing(baseline):
    assert baseline.planned() == {}


def test_nothing_is_written_outside_results(baseline, source):
    new = {file.name for file in baseline.folder.iterdir()}
    new -= {file.name for file in source.folder.iterdir()}
    assert new == {"results", ".snakemake", "run.log"}
    assert [folder.name for folder in (baseline.folder / "results").iterdir()] == ["tiny"]


def test_report_is_one_file_with_figures_and_pages(baseline, tmp_path):
    report = tmp_path / "report.html"
    code, said = baseline.run("--report", str(report))
    assert code == 0, said
    text = report.read_text(encoding="utf-8")
    for name in ("degradation.svg", "divergence.svg", "q_histogram.svg", "texts.html"):
        assert name in text


def test_chunk_size_changes_no_result(one_backend, tmp_path):
    project = one_backend.copy(tmp_path / "project")
    project.configure(jobs={"interventions_per_job": 1}, **ONE_BACKEND)
    assert project.planned()["generate"] == 2 * 3
    project.finish()
    # pages and provenance.json state the config, in which the chunk size stands
    kinds = ("tables/", "figures/", "backup/", "corrupt/noise/", "pages/texts")
    assert_same(
        {name: content for name, content in project.produced().items() if name.startswith(kinds)},
        {
            name: content
            for name, content in one_backend.produced().items()
            if name.startswith(kinds)
        },
    )
