"""The table of claims: verdicts of claims from those of their tests; what is left out, and when."""

import numpy as np
import pandas
from claim_data import STEPS, answers, documents, falling, rows_of
from needq.common.keys import LABELS
from needq.metrics import claim_tests, claims

S, R, U = "supported", "refuted", "undecided"


def test_a_claim_is_what_its_tests_are():
    def table(*found):
        rows = [{"claim": "C5", "statement": "s", "test": "t", "verdict": one} for one in found]
        return claims.with_verdicts(rows)["verdict"].tolist()

    assert table(S, S) == [S, S, S]
    assert table(S, U) == [U, S, U]
    assert table(S, R, U) == [R, S, R, U]


def run(seeds):
    rng = np.random.default_rng(0)
    rises = np.linspace(0.3, 3, 12)
    evaluation, texts = [], []
    sweeps = {"q": "cumulative", "k": "keys", "v": "values", "o": "outputs"}
    sweeps |= {"single": "single", "end": "end", "random": "random"}
    for role, sweep in sweeps.items():
        nll = documents(rng, [0.3] * 12 if role == "single" else rises, seeds)
        evaluation += rows_of(nll, sweep, "document", "nll")
    evaluation = pandas.DataFrame(evaluation).astype({"noise_seed": "Int64"})
    single = (evaluation["sweep"] == "single") & (evaluation["blocks_replaced"] > 0)
    evaluation.loc[single, "blocks_replaced"] = 1
    pristine = evaluation[evaluation["noise_seed"].isna()].groupby("document")["nll"].mean()
    rises = evaluation["noise_seed"].isna()
    evaluation.loc[rises, "nll"] = evaluation.loc[rises, "document"].map(pristine)
    texts = rows_of(np.zeros((seeds, 6, STEPS)), "cumulative", "prompt", "label")
    for row in texts:
        row["label"] = LABELS[
            min((row["blocks_replaced"] + 2) // 3 - (row["blocks_replaced"] > 0), 3)
        ]
    right = {
        "grammar": rows_of(
            answers(rng, falling(8.5, 0.05, 0.95, 0.5), seeds), "cumulative", "item", "right"
        ),
        "cloze": rows_of(
            answers(rng, falling(3.5, 0.05, 0.8, 0.25), seeds), "cumulative", "item", "right"
        ),
    }
    right = {name: pandas.DataFrame(rows) for name, rows in right.items()}
    chances = {"grammar": 0.5, "cloze": 0.25}
    return sweeps, 12, evaluation, pandas.DataFrame(texts), right, chances


def test_the_table_of_a_run():
    found = claims.claims_table(*run(5))
    assert list(found) == ["claim", "statement", "test", "estimate", "low", "high", "verdict"]
    counts = found["claim"].value_counts().to_dict()
    assert counts == {"C1": 4, "C2": 6, "C3": 3, "C4": 7, "C5": 4}
    whole = found[found["test"].str.startswith("all ")].set_index("claim")
    assert whole["estimate"].isna().all()
    assert whole.loc["C2", "verdict"] == whole.loc["C3", "verdict"] == S
    # the same rows of another order give the same table
    sweeps, blocks, evaluation, texts, right, chances = run(5)
    evaluation = evaluation.sample(frac=1, random_state=1)
    again = claims.claims_table(sweeps, blocks, evaluation, texts, right, chances)
    pandas.testing.assert_frame_equal(found, again)


def test_without_labels_what_needs_them_is_left_out():
    sweeps, blocks, evaluation, texts, *others = run(5)
    found = claims.claims_table(sweeps, blocks, evaluation, texts.assign(label=None), *others)
    counts = found["claim"].value_counts().to_dict()
    assert counts == {"C1": 3, "C2": 2, "C3": 3, "C4": 7, "C5": 4}


def test_under_five_seeds_nothing_is_decided():
    found = claims.claims_table(*run(4))
    assert set(found["verdict"]) == {U}
    tests = found[~found["test"].str.startswith("all ")]
    assert (tests["low"] == "n too small").all()
    assert (tests["high"] == "n too small").all()
    assert tests["estimate"].notna().all()


def test_matrices_are_compared_at_the_steps_that_all_of_them_have():
    sweeps, blocks, evaluation, *others = run(5)
    few = evaluation["blocks_replaced"].isin([0, 1, 6, 12])
    fewer = evaluation[few | (evaluation["sweep"] != "keys")]
    found = claims.claims_table(sweeps, blocks, fewer, *others).set_index("claim")
    alone = claims.paired(evaluation[few], {role: sweeps[role] for role in "qkvo"})
    expected = [row["estimate"] for row in claim_tests.redundancy(alone)]
    assert found.loc["C4", "estimate"].tolist()[1:6] == expected
    whole = claims.claims_table(*run(5)).set_index("claim")
    assert whole.loc["C4", "estimate"].tolist()[1:6] != expected
    pandas.testing.assert_frame_equal(found.loc[["C2", "C5"]], whole.loc[["C2", "C5"]])


def test_sweeps_that_were_not_run_have_no_tests():
    sweeps, *others = run(5)
    found = claims.claims_table({"q": sweeps["q"]}, *others)
    assert set(found["claim"]) == {"C1", "C2", "C3"}
