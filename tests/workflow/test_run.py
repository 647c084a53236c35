"""The whole workflow, from nothing to its report."""

import csv
import io
from collections import Counter

import pytest
from pyarrow import parquet


def table(project, name):
    """The rows of a table, all values as text."""
    text = project.produced()[f"tables/{name}.tsv"].decode("utf-8")
    return list(csv.DictReader(io.StringIO(text), delimiter="\t"))


def test_degradation_has_a_row_for_each_intervention_and_backend(rich):
    rows = table(rich, "degradation")
    assert len(rows) == len({(row["intervention"], row["backend"]) for row in rows}) == 3 + 3 + 28
    found = {
        (row["intervention"], row["blocks_replaced"], row["backend"])
        for row in rows
        if row["sweep"] == "cumulative"
    }
    assert found == {
        (f"q/cumulative/{count:02d}", str(count), backend)
        for count in (0, 1, 12)
        for backend in ("cpu", "exact")
    }
    # 2 prompts x 2 sample seeds, for each of the noise seeds
    texts = {(row["intervention"], row["texts"]) for row in rows if row["sweep"] == "cumulative"}
    assert texts == {
        ("q/cumulative/00", "4"),
        ("q/cumulative/01", "8"),
        ("q/cumulative/12", "8"),
    }


def test_divergence_has_a_row_for_each_pair_and_text(rich):
    counts = Counter((row["left"], row["right"]) for row in table(rich, "divergence"))
    # 2 prompts x 2 sample seeds, of the pristine model and two noises of two steps, or of one noise
    # for the repeats
    assert counts == {
        **{(name, name): 12 for name in ("cpu", "predicted_cuda", "exact", "cpu_keyed_bf16")},
        **{("cpu", "predicted_cuda"): 20, ("cpu", "exact"): 20, ("exact", "cpu_keyed_bf16"): 20},
    }


def test_repeats_are_identical(rich):
    rows = [row for row in table(rich, "divergence") if row["left"] == row["right"]]
    assert {row["identical"] for row in rows} == {"True"}
    measured = [float(row["max_abs_logit"]) for row in rows if row["max_abs_logit"]]
    assert measured
    assert set(measured) == {0.0}


def test_two_arithmetics_differ(rich):
    rows = [row for row in table(rich, "divergence") if row["left"] != row["right"]]
    assert max(float(row["max_abs_logit"]) for row in rows if row["max_abs_logit"]) > 0


def test_the_ledger_has_every_cause_that_differs_and_repeats_of_the_same_bits(rich):
    rows = table(rich, "ledger_corners")
    assert [row["corner"] for row in rows] == [
        *("repeat", "repeat", "noise", "arithmetic", "noise + arithmetic"),
    ]
    for row in rows[:2]:
        assert (float(row["diverged_share"]), float(row["max_abs_logit"])) == (0, 0)
    # noise of another instruction set differs in digits that bfloat16 drops
    assert all(float(row["max_abs_logit"]) > 0 for row in rows[3:])
    causes = table(rich, "ledger")
    assert [row["cause"] for row in causes] == ["noise"] * 3 + ["arithmetic"] * 3 + ["all causes"]
    # two noise seeds are too few for an interval
    assert {(row["low"], row["high"]) for row in causes} == {("n too small", "n too small")}
    shares = [float(row["estimate"]) for row in causes if row["effect"] == "share"]
    assert sum(shares) == pytest.approx(float(causes[-1]["estimate"]), abs=1e-5)


def test_ledger_numbers_follow_from_the_parquet_files(rich):
    """Each number of each corner, by a few lines from what the traces left."""
    folder = rich.results / "ledger/cpu_a_bf16-cpu_b_bf16"
    texts = {}
    for side in ("left", "right"):
        for row in parquet.read_table(folder / side / "first.parquet").to_pylist():
            texts.setdefault(row["corner"], []).append(row["tokens"])
    # 2 prompts and 2 documents, 2 sample seeds; the pristine model, and one block with two noises
    assert {name: len(found) for name, found in texts.items()} == dict.fromkeys(texts, 24)
    diverged = {
        name: sum(one != two for one, two in zip(texts[""], found, strict=True)) / 24
        for name, found in texts.items()
    }
    corners = [row for row in table(rich, "ledger_corners") if row["corner"] != "repeat"]
    assert {row["corner"] for row in corners} == set(texts) - {""}
    for row in corners:
        assert float(row["diverged_share"]) == pytest.approx(diverged[row["corner"]], abs=1e-5)
        assert int(row["texts"]) == 24
    found = {(row["cause"], row["effect"]): float(row["estimate"]) for row in table(rich, "ledger")}
    noise, arithmetic, both = (
        diverged[name] for name in ("noise", "arithmetic", "noise + arithmetic")
    )
    assert found["noise", "alone"] == pytest.approx(noise, abs=1e-5)
    assert found["noise", "last removed"] == pytest.approx(both - arithmetic, abs=1e-5)
    assert found["noise", "share"] == pytest.approx((noise + both - arithmetic) / 2, abs=1e-5)


def test_flips_are_counted_and_predicted(rich):
    rows = table(rich, "flips")
    diverged = [r for r in table(rich, "divergence") if r["right"] == "cpu_keyed_bf16" != r["left"]]
    assert {(row["left"], row["right"]) for row in rows} == {("exact", "cpu_keyed_bf16")}
    assert int(rows[0]["diverged"]) == sum(row["identical"] == "False" for row in diverged)
    assert float(rows[0]["predicted"]) > 0
    assert rows[0]["texts"] == "20"


def test_claims_are_decided_by_their_tests_and_printed_last(rich):
    rows = table(rich, "claims")
    counts = Counter(row["claim"] for row in rows)
    assert counts == {"C1": 5, "C2": 10, "C3": 2, "C4": 6, "C5": 2, "C5+": 4}
    # two noise seeds are too few for an interval
    tests = [row for row in rows if not row["test"].startswith("all ") and row["estimate"]]
    assert {row["verdict"] for row in rows} == {"cannot be decided"}
    assert {row["model"] for row in rows} == {"hostile"}
    assert {(row["low"], row["high"]) for row in tests} == {("n too small", "n too small")}
    assert {row["why"] for row in tests} == {"2 noise seeds; needs 5"}
    off = "(sweeps.with_bias: off here, on in config.yaml)"
    assert f"needs a sweep of W_Q with its bias {off}" in {row["why"] for row in rows}
    nll = {
        (row["sweep"], row["intervention"]): float(row["nll"])
        for row in table(rich, "degradation")
        if row["backend"] == "cpu"
    }

    def damage(sweep):
        steps = [value for (name, _), value in sorted(nll.items()) if name == sweep]
        return sum(steps[1:]) / len(steps[1:]) - steps[0]

    (found,) = [row for row in tests if row["test"].startswith("damage by replacing W_V / ")]
    assert float(found["estimate"]) == pytest.approx(
        damage("values") / damage("cumulative"), rel=1e-3
    )
    said = rich.said()
    assert said.index("100%) done") < said.index("The claims of the article") < said.index("C5 ")


def test_sweeps_that_are_scored_alone_have_scores_and_no_texts(rich):
    rows = {row["intervention"]: row for row in table(rich, "degradation")}
    assert len(rows) == 3 + 5 * 3 + 13
    assert rows["k/keys/12"]["texts"] == "0"
    assert float(rows["k/keys/12"]["nll"]) > 2
    assert rows["q/cumulative/12"]["texts"] == "8"
    assert rows["k/keys/12"]["label"] == ""
    assert float(rows["q/cumulative/00"]["grammar"]) > 0.7 > 0.5
    assert float(rows["q/single/05"]["kl"]) > 0 == float(rows["q/single/none"]["kl"])


def test_labels_are_given_where_texts_are_long_enough(rich):
    rows = [row for row in table(rich, "labels") if row["backend"] == "cpu"]
    assert len(rows) == 3 * 6
    shares = Counter()
    for row in rows:
        shares[row["intervention"]] += float(row["share"])
    assert shares == pytest.approx(dict.fromkeys(shares, 1), abs=1e-5)
    first = {row["label"]: float(row["share"]) for row in rows[:6]}
    assert first["near normal"] > 0.5
    quality = {row["measure"]: row["value"] for row in table(rich, "label_quality")}
    assert float(quality["accuracy of repetitive and noise"]) > 0.8


def test_no_labels_are_given_where_reference_texts_are_too_few(rich, tmp_path):
    project = rich.copy(tmp_path / "project", labels={"texts_per_prompt": 2})
    project.finish("results/tiny/pages/labels.html", "results/tiny/tables/degradation.tsv")
    rows = table(project, "labels")
    assert {row["label"] for row in rows if float(row["share"])} == {"unlabelled"}
    assert table(project, "label_quality") == []
    assert {row["label"] for row in table(project, "degradation")} <= {"", "unlabelled"}


def test_second_run_does_nothing(rich, tmp_path):
    assert rich.copy(tmp_path / "project").planned() == {}


def test_nothing_is_written_outside_results(rich, source):
    new = {file.name for file in rich.folder.iterdir()}
    new -= {file.name for file in source.folder.iterdir()}
    assert new == {"results", ".snakemake", "run.log"}
    assert [folder.name for folder in (rich.folder / "results").iterdir()] == ["tiny"]


def test_exact_digests_depend_on_nothing_but_the_config_keys_that_decide(rich, tmp_path):
    """Nor on how the work is cut: 4 of the 5 interventions are one job here, and 1 another."""
    factors = {"arithmetic": "exact", "precision": "float64", "rng": "keyed", "device": "cpu"}
    factors |= {"batch": 3, "threads": 2, "cache": False, "instruction_set": "baseline"}
    project = rich.copy(
        tmp_path / "project",
        jobs={"interventions_per_job": 4},
        divergence={"backends": {"exact": factors}},
    )
    planned = project.planned("results/tiny/digests.json")
    assert (planned["generate"], planned["score"]) == (2, 2)
    project.finish("results/tiny/digests.json")
    assert project.produced()["digests.json"] == rich.produced()["digests.json"]
