"""The answer reads well whatever the tables hold, and says only what their intervals say."""

import numpy
import pandas
import pytest
from needq import answer

NAN = numpy.nan
BACKENDS = {"one": {"device": "cpu"}, "two": {"device": "cpu"}, "gpu": {"device": "cuda"}}
ONE, VOCABULARY = numpy.log(2), 1024  # a loss of ln 2; a blind guess has 10 ln 2
GUESS = 10 * ONE


def rows(*nlls, spread=0.1, seeds=5, labels=None):
    """The headline's rows: no block, one block, ... replaced."""
    table = pandas.DataFrame({"nll": nlls, "sweep": "cumulative", "backend": "cpu", "texts": 6})
    table["nll_low"], table["nll_high"] = table["nll"] - spread, table["nll"] + spread
    table["blocks_replaced"], table["noise_seeds"] = range(len(nlls)), seeds
    table["label"] = labels or [None] * len(nlls)
    return table


@pytest.mark.parametrize(
    "end, spread, outcome, short",
    [
        (4 * ONE, 0.1, "lost", "In part: 67% of its skill is left without it."),
        (7 * ONE, 0.1, "lost", "Yes: only 33% of its skill is left without it."),
        (10 * ONE, 0.1, "lost", "Yes: nothing of its skill is left without it."),
        (1.1 * ONE, 0.1, "not shown", "No loss could be shown."),
        (0.2 * ONE, 0.1, "gained", "No: it predicts better without its trained W_Q."),
        (4 * ONE, NAN, "too small", "Too few noises were drawn to say."),
    ],
)
def test_outcome_is_what_the_intervals_say(end, spread, outcome, short):
    found = answer.loss(rows(ONE, 2 * ONE, end, spread=spread), 2, VOCABULARY)
    assert (found.outcome, found.short) == (outcome, short)
    assert found.sentence.endswith(".") and "nan" not in found.sentence
    assert f"from {ONE:.2f} to {end:.2f} nats" in found.sentence


def test_loss_is_told_in_tokens_that_the_model_wavers_between():
    found = answer.loss(rows(ONE, 2 * ONE, 4 * ONE), 12, VOCABULARY)
    assert "W_Q in 2 of 12 blocks" in found.sentence
    assert "wavered between 16 equally likely tokens instead of 2;" in found.sentence
    assert "(95% interval 2.67 to 2.87)" in found.sentence
    alone = answer.loss(rows(ONE, 4 * ONE, spread=NAN, seeds=1), 1, VOCABULARY)
    assert "but 1 noise seed is too few for an interval" in alone.sentence


def meaning(labels, phases=None, nlls=(1, 2, 4)):
    table = rows(*nlls, labels=labels)
    return answer.meaning(table, phases, 2, answer.loss(table, 2, VOCABULARY))


def phases(*values):
    return pandas.DataFrame(values, columns=["measure", "estimate", "low", "high"])


def test_meaning_by_labels():
    normal, lost = "near normal", "meaning lost"
    assert meaning([normal, normal, lost]) == (
        "Its texts stop being near normal with 2 blocks replaced: meaning lost."
    )
    assert "with 1 block replaced: noise" in meaning([normal, "noise", normal])
    assert "stay near normal, most of them, up to all 2 blocks" in meaning([normal] * 3)
    assert "could not be labelled" in meaning(["unlabelled"] * 3)
    assert "own texts are mostly labelled noise" in meaning(["noise"] * 3)


def test_meaning_by_probes():
    found = phases(
        ("half-point of grammar", numpy.inf, numpy.inf, numpy.inf),
        ("half-point of cloze", 1.25, 1.0, 1.5),
    )
    assert meaning(None, found) == (
        "By the probes, meaning is half lost at 1.2 blocks (95% interval 1.0 to 1.5) and grammar "
        "is not half lost by all 2 blocks."
    )
    words = ("n too small", "n too small")
    assert "1.2 blocks (n too small for" in meaning(
        None, phases(("half-point of cloze", 1.25, *words))
    )
    edge = phases(("half-point of cloze", 1.25, 1.0, numpy.inf))
    assert "(95% interval: 1.0 or more)" in meaning(None, edge)


def test_without_labels_and_probes_the_loss_speaks():
    assert meaning(None) == "Half of that rise is there with all 2 blocks replaced."
    assert meaning(None, nlls=(1, 1, 1)) == "Labels and probes of meaning were not run."


def ledger(*shares, far=0.0, pair=("one", "two")):
    causes = ["native everything", "noise", "float64"]
    return pandas.DataFrame(
        {
            "left": pair[0],
            "right": pair[1],
            "order": "forwards",
            "step": range(3),
            "cause": causes,
            "identical_share": shares,
            "identical_share_low": 0.25,
            "identical_share_high": 0.75,
            "max_abs_logit": [0.5, 0.25, far],
            "first_divergent_token": 7.0,
            "texts": 36,
        }
    )


def summary(left="one", right="two"):
    return pandas.DataFrame(
        {
            "left": [left, left],
            "right": [left, right],
            "identical": [1, 0.5],
            "texts": [8, 12],
            "max_abs_logit": [0, 2.5e-6],
        }
    )


def test_parting_names_the_cause_and_what_stood_in_for_a_gpu():
    first, *more = answer.parting(summary(), ledger(0.5, 0.75, 1), BACKENDS, cuda=False)
    assert first.startswith("Nothing ran on CUDA, so CPU and GPU are not compared; of two")
    assert "50% of 36 texts are the same (95% interval 25% to 75%), because they round" in first
    assert "noise: 75%; float64: 100%. Before float64 it was 75%" in more[1]
    assert "every bit is the same" in more[1]


def test_parting_prefers_the_gpu():
    both = pandas.concat([ledger(0.5, 0.75, 1), ledger(0.5, 1, 1, pair=("one", "gpu"))])
    first = answer.parting(summary(), both, BACKENDS, cuda=True)[0]
    assert first.startswith("Of CPU and GPU (one and gpu), 50% of 36 texts are the same")
    assert "each draws its own noise" in first


def test_parting_where_nothing_parts_and_where_all_does():
    first, bits = answer.parting(summary(), ledger(1, 1, 1), BACKENDS, cuda=False)
    assert "all 36 texts are the same, though logits differ by up to 0.5" in first
    assert bits == "In exact arithmetic every bit is the same."
    found = answer.parting(summary(), ledger(0.5, 0.5, 0.5, far=0.1), BACKENDS, cuda=False)
    assert "whatever is made equal" in found[0] and "has to be explained" in found[1]


def test_parting_without_a_ledger():
    found = answer.parting(summary("one", "gpu"), None, BACKENDS, cuda=True)
    assert found[0].startswith("Of one and gpu, ") and "6 of 12 texts" in found[0]
    alone = answer.parting(summary("one", "one"), None, BACKENDS, cuda=False)
    assert alone == ["Only one way to compute was run, so nothing could part."]


def test_claims_are_counted_by_verdict():
    table = pandas.DataFrame(
        [
            ("C1", "a", "all 1 tests", NAN, NAN, NAN, "refuted"),
            ("C1", "a", "share; above 1", 0.5, 0.4, 0.6, "refuted"),
            ("C2", "b", "all 1 tests", NAN, NAN, NAN, "undecided"),
            ("C2", "b", "share; above 1", 0.5, "n too small", "n too small", "undecided"),
        ],
        columns="claim statement test estimate low high verdict".split(),
    )
    said, found = answer.claims(table)
    assert said == "Of the article's claims, refuted: C1; supported: none; undecided: C2."
    assert [(one["claim"], len(one["tests"])) for one in found] == [("C1", 1), ("C2", 1)]
    assert answer.claims(None) == ("The article's claims were not tested in this run.", [])


def test_headline_is_the_cumulative_sweep_of_the_reference():
    table = pandas.concat([rows(3).assign(sweep="at_random", texts=0), rows(1, 2), rows(9)])
    table["backend"] = ["cpu", "cpu", "cpu", "exact"]
    assert list(answer.headline(table, "cpu")["nll"]) == [1, 2]


def test_trend_says_the_verdicts_of_pairs_alone():
    table = pandas.DataFrame(
        {"left": ["a", "a"], "right": ["a", "b"], "verdict": ["later", "undecided"]}
    )
    assert answer.trend(table).endswith("replaced? a and b: undecided.")
    assert answer.trend(table[:1]) == ""
