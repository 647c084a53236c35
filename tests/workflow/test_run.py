"""The whole workflow, from nothing to its report."""

import csv
import io
import os
from collections import Counter

import pytest
import yaml
from needq.plan.ledger_steps import backends_of, steps
from project import ONE_BACKEND, assert_same
from pyarrow import parquet


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
    counts = Counter((row["left"], row["right"]) for row in table(baseline, "divergence"))
    # 2 prompts x 2 sample seeds, of the pristine model and two noises, or one for the null controls
    assert counts == {
        **{(name, name): 8 for name in ("cpu", "exact", "bfloat16")},
        **{("cpu", "exact"): 12, ("exact", "bfloat16"): 12},
    }


def test_null_controls_are_identical(baseline):
    rows = [row for row in table(baseline, "divergence") if row["left"] == row["right"]]
    assert {row["identical"] for row in rows} == {"True"}
    measured = [float(row["max_abs_logit"]) for row in rows if row["max_abs_logit"]]
    assert measured and set(measured) == {0.0}


def test_two_arithmetics_differ(baseline):
    rows = [row for row in table(baseline, "divergence") if row["left"] != row["right"]]
    assert max(float(row["max_abs_logit"]) for row in rows if row["max_abs_logit"]) > 0


def test_the_ledger_ends_in_identical_bits_in_both_orders(baseline):
    rows = table(baseline, "ledger")
    steps = [(row["order"], int(row["step"])) for row in rows]
    assert steps == [
        *[("control", 0)] * 2,
        *[(order, step) for order in ("forwards", "backwards") for step in range(6)],
    ]
    for row in rows:
        same = row["order"] == "control" or row["step"] == "5"
        assert (float(row["identical_share"]) == 1 and float(row["max_abs_logit"]) == 0) or not same
    first = {row["order"]: row for row in rows if row["step"] == "0" and row["order"] != "control"}
    assert all(float(row["max_abs_logit"]) > 0 for row in first.values())


def test_ledger_numbers_follow_from_the_parquet_files(baseline):
    """Each number of each step, by a few lines from what the traces left."""
    config = yaml.safe_load((baseline.folder / "config.yaml").read_text())
    sides = [config["backends"][name] for name in ("one_bf16", "two_bf16")]
    texts = {
        side: parquet.read_table(
            baseline.results / f"ledger/one_bf16-two_bf16/{side}/first.parquet"
        )
        for side in ("left", "right")
    }
    found = [row for row in table(baseline, "ledger") if row["order"] != "control"]
    for row, step in zip(found, steps(*sides), strict=True):
        ends = []
        for side in ("left", "right"):
            number = backends_of(side, *sides).index(getattr(step, side))
            ends.append([t for t in texts[side].to_pylist() if t["backend"] == number])
        pairs = [(one["tokens"], two["tokens"]) for one, two in zip(*ends, strict=True)]
        same = sum(one == two for one, two in pairs) / len(pairs)
        assert float(row["identical_share"]) == pytest.approx(same, abs=1e-5)
        shared = [len(os.path.commonprefix(pair)) / len(pair[0]) for pair in pairs]
        assert float(row["shared"]) == pytest.approx(sum(shared) / len(shared), abs=1e-5)
        assert row["cause"] == step.cause and int(row["texts"]) == len(pairs) == 8


def test_flips_are_counted_and_predicted(baseline):
    rows = table(baseline, "flips")
    diverged = [r for r in table(baseline, "divergence") if r["right"] == "bfloat16" != r["left"]]
    assert {(row["left"], row["right"]) for row in rows} == {("exact", "bfloat16")}
    assert int(rows[0]["parted"]) == sum(row["identical"] == "False" for row in diverged)
    assert float(rows[0]["predicted"]) > 0 and rows[0]["texts"] == "12"


def test_claims_are_decided_by_their_tests_and_printed_last(claimed):
    rows = table(claimed, "claims")
    counts = Counter(row["claim"] for row in rows)
    assert counts == {"C1": 4, "C2": 6, "C3": 3, "C4": 7, "C5": 3}
    # two noise seeds are too few for an interval
    tests = [row for row in rows if not row["test"].startswith("all ")]
    assert {row["verdict"] for row in rows} == {"undecided"}
    assert {(row["low"], row["high"]) for row in tests} == {("n too small", "n too small")}
    nll = {
        (row["sweep"], row["intervention"]): float(row["nll"])
        for row in table(claimed, "degradation")
    }

    def damage(sweep):
        steps = [value for (name, _), value in sorted(nll.items()) if name == sweep]
        return sum(steps[1:]) / len(steps[1:]) - steps[0]

    (found,) = [row for row in tests if row["test"].startswith("damage of W_V replaced")]
    assert float(found["estimate"]) == pytest.approx(
        damage("values") / damage("cumulative"), rel=1e-3
    )
    said = claimed.said()
    assert said.index("100%) done") < said.index("The article's claims") < said.index("C5 ")


def test_sweeps_that_are_scored_alone_have_scores_and_no_texts(claimed):
    rows = {row["intervention"]: row for row in table(claimed, "degradation")}
    assert len(rows) == 3 + 5 * 3 + 13
    assert rows["k/keys/12"]["texts"] == "0" and float(rows["k/keys/12"]["nll"]) > 2
    assert rows["q/cumulative/12"]["texts"] == "8" and rows["k/keys/12"]["label"] == ""
    assert float(rows["q/cumulative/00"]["grammar"]) > 0.7 > 0.5
    assert float(rows["q/single/05"]["kl"]) > 0 == float(rows["q/single/none"]["kl"])


def test_labels_are_given_where_texts_are_long_enough(claimed, one_backend):
    rows = table(claimed, "labels")
    assert len(rows) == 3 * 5
    shares = Counter()
    for row in rows:
        shares[row["intervention"]] += float(row["share"])
    assert shares == pytest.approx(dict.fromkeys(shares, 1), abs=1e-5)
    first = {row["label"]: float(row["share"]) for row in rows[:5]}
    assert first["near normal"] > 0.5
    quality = {row["measure"]: row["value"] for row in table(claimed, "label_quality")}
    assert float(quality["accuracy of repetitive and noise"]) > 0.8
    # six new tokens are too few
    rows = table(one_backend, "labels")
    assert {row["label"] for row in rows if float(row["share"])} == {"unlabelled"}
    assert table(one_backend, "label_quality") == []


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
    for name in (
        "degradation.svg",
        "divergence.svg",
        "q_histogram.svg",
        "gallery.html",
        "index.html",
    ):
        assert name in text


def test_exact_digests_depend_on_nothing_but_the_config_keys_that_decide(baseline, tmp_path):
    project = baseline.copy(tmp_path / "project")
    factors = {"arithmetic": "exact", "precision": "float64", "rng": "keyed", "device": "cpu"}
    factors |= {"batch": 1, "threads": 2, "cache": False, "instructions": "baseline"}
    project.configure(jobs={"interventions_per_job": 1}, backends={"exact": factors})
    arguments = ("--cores", "2", "results/tiny/digests.json")
    assert project.planned(*arguments)["score"] == 3
    project.finish(*arguments[2:])
    assert project.produced()["digests.json"] == baseline.produced()["digests.json"]


def test_chunk_size_changes_no_result(one_backend, tmp_path):
    project = one_backend.copy(tmp_path / "project")
    project.configure(jobs={"interventions_per_job": 1}, **ONE_BACKEND)
    assert project.planned()["generate"] == 3 + 2  # the second process has no second noise
    project.finish()
    # pages and provenance.json state the config, in which the chunk size stands
    kinds = ("tables/", "figures/", "backup/", "corrupt/noise/", "pages/gallery")
    assert_same(
        {name: content for name, content in project.produced().items() if name.startswith(kinds)},
        {
            name: content
            for name, content in one_backend.produced().items()
            if name.startswith(kinds)
        },
    )
