"""The whole workflow, from nothing to its report."""

import csv
import io
import os
from collections import Counter

import pytest
from needq.plan import config
from needq.plan.ledger_steps import backends_of, steps
from project import DEFAULT, RICH, TINY, merged
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


def test_the_ledger_ends_in_identical_bits_in_both_orders(rich):
    rows = table(rich, "ledger")
    steps = [(row["order"], int(row["step"])) for row in rows]
    assert steps == [
        *[("repeat", 0)] * 2,
        *[(order, step) for order in ("forwards", "backwards") for step in range(6)],
    ]
    for row in rows:
        same = row["order"] == "repeat" or row["step"] == "5"
        assert (float(row["identical_share"]) == 1 and float(row["max_abs_logit"]) == 0) or not same
    first = {row["order"]: row for row in rows if row["step"] == "0" and row["order"] != "repeat"}
    assert all(float(row["max_abs_logit"]) > 0 for row in first.values())


def test_ledger_numbers_follow_from_the_parquet_files(rich, monkeypatch):
    """Each number of each step, by a few lines from what the traces left."""
    monkeypatch.chdir(rich.folder)
    backends = config.read_config(merged(DEFAULT, merged(TINY, RICH))).divergence.backends
    sides = [backends[name] for name in ("cpu_a_bf16", "cpu_b_bf16")]
    texts = {
        side: parquet.read_table(
            rich.results / f"ledger/cpu_a_bf16-cpu_b_bf16/{side}/first.parquet"
        )
        for side in ("left", "right")
    }
    found = [row for row in table(rich, "ledger") if row["order"] != "repeat"]
    for row, step in zip(found, steps(*sides), strict=True):
        ends = []
        for side in ("left", "right"):
            number = backends_of(side, *sides).index(getattr(step, side))
            ends.append([t for t in texts[side].to_pylist() if t["backend_number"] == number])
        pairs = [(one["tokens"], two["tokens"]) for one, two in zip(*ends, strict=True)]
        same = sum(one == two for one, two in pairs) / len(pairs)
        assert float(row["identical_share"]) == pytest.approx(same, abs=1e-5)
        shared = [len(os.path.commonprefix(pair)) / len(pair[0]) for pair in pairs]  # noqa: RUF071 (of lists)
        assert float(row["common_prefix_share"]) == pytest.approx(
            sum(shared) / len(shared), abs=1e-5
        )
        assert row["cause"] == step.cause
        assert int(row["texts"]) == len(pairs) == 8


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
    assert counts == {"C1": 4, "C2": 6, "C3": 3, "C4": 7, "C5": 3}
    # two noise seeds are too few for an interval
    tests = [row for row in rows if not row["test"].startswith("all ")]
    assert {row["verdict"] for row in rows} == {"undecided"}
    assert {(row["low"], row["high"]) for row in tests} == {("n too small", "n too small")}
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
    assert len(rows) == 3 * 5
    shares = Counter()
    for row in rows:
        shares[row["intervention"]] += float(row["share"])
    assert shares == pytest.approx(dict.fromkeys(shares, 1), abs=1e-5)
    first = {row["label"]: float(row["share"]) for row in rows[:5]}
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
