"""Where and why two backends diverge: only what the ledger's steps and intervals show."""

import numpy
import pandas
from needq.common.settings import Backend
from needq.report.divergence_answer import describe_trend, explain, find_ledger_pair

BF16 = Backend(precision="bfloat16")
BACKENDS = {
    "one": BF16,
    "two": BF16.changed(kernels="eager", batch=3),
    "gpu": BF16.changed(device="cuda"),
    "exact": Backend(precision="float64", rng="keyed"),
}
CAUSES = ["native everything", "noise", "token draws", "kernels, batch, cache", "float64", "exact"]


def order(name, shares, far, pair, spread):
    """The steps of one order; texts that diverge do so at token 7."""
    causes = CAUSES if name == "forwards" else [CAUSES[0], *CAUSES[:0:-1]]
    shares = numpy.array(shares, float)
    low, high = (numpy.clip(shares + sign * spread, 0, 1) for sign in (-1, 1))
    return pandas.DataFrame(
        {
            "left": pair[0],
            "right": pair[1],
            "order": name,
            "step": range(len(causes)),
            "cause": causes,
            "identical_share": shares,
            "identical_share_low": low,
            "identical_share_high": high,
            "max_abs_logit": [0.5] * (len(causes) - 1) + [far],
            "first_divergent_token": numpy.where(shares < 1, 7.0, numpy.nan),
            "texts": 36,
        }
    )


def ledger(forwards, backwards, far=0.0, pair=("one", "two"), spread=0.25):
    return pandas.concat(
        [
            order("forwards", forwards, far, pair, spread),
            order("backwards", backwards, far, pair, spread),
        ]
    )


HALF = [0.5, 0.5, 0.75, 0.5, 1, 1]
ROUNDING = [0.5, 1, 1, 1, 1, 1]  # backwards: exact arithmetic alone suffices


def summary(left="one", right="two", identical=0.5):
    return pandas.DataFrame(
        {
            "left": [left, left],
            "right": [left, right],
            "sweep": "cumulative",
            "identical": [1, identical],
            "texts": [8, 12],
            "max_abs_logit": [0, 2e-6],
        }
    )


def said(table, cuda=False, tokens=32):
    return explain(summary(), table, BACKENDS, cuda, tokens)


def test_rounding_alone_is_named_where_exact_arithmetic_alone_suffices():
    short, (first, why, steps, bits, where) = said(ledger(HALF, ROUNDING))
    assert short == (
        "Not measured: no GPU. Two ways to use a CPU in bfloat16: 50% of their texts diverge, and "
        "rounding is enough to explain it."
    )
    assert first == (
        "Two ways to use one CPU stand for them. one and two (both in bfloat16; different kernels, "
        "batch): 50% of 36 texts are identical (95% interval 25% to 75%)."
    )
    assert why == (
        "In exact arithmetic all 36 are identical (95% interval 75% to 100%), even with different "
        "kernels, batch."
    )
    assert bits == (
        "In exact arithmetic and with the same noise, all bits of the logits are equal."
    )
    assert (
        "as they are 50%, same noise 50%, same token draws 75%, same kernels, batch, cache" in steps
    )
    assert where == "Half of the texts that diverge do so by new token 7 (counted from 0) of 32."


def test_the_last_cause_is_named_where_several_are_needed():
    several = [0.5, 0.5, 0.5, 0.5, 0.5, 1]
    short, (_, why, *_) = said(ledger([0.5, 0.5, 1, 1, 1, 1], several))
    assert short.endswith("diverge, and the last cause to remove is different random numbers.")
    assert "50% of their texts" in short
    assert why == (
        "With same token draws as well, all 36 texts are identical. Before that, each backend "
        "chooses tokens with random numbers of its own."
    )


def test_steps_are_chance_if_their_intervals_overlap():
    steps = said(ledger(HALF, ROUNDING))[1][2]
    assert steps.endswith("overlap, so single steps show little.")
    steps = said(ledger(HALF, ROUNDING, spread=0.1))[1][2]
    assert steps.endswith("clear of the one before: token draws, kernels, batch, cache, float64.")
    steps = said(ledger(HALF, ROUNDING, spread=numpy.nan))[1][2]
    assert steps.endswith("n is too small for intervals, so single steps show little.")


def test_the_gpu_comes_first():
    both = pandas.concat([ledger(HALF, ROUNDING), ledger(HALF, ROUNDING, pair=("one", "gpu"))])
    assert find_ledger_pair(both, BACKENDS) == ("one", "gpu")
    short, (first, *_) = said(both, cuda=True)
    assert short.startswith("50% of their texts diverge, and rounding is enough")
    assert first.startswith(
        "CPU and GPU, one and gpu (both in bfloat16; different device): 50% of 36"
    )


def test_where_nothing_diverges_and_where_nothing_helps():
    same = [1] * 6
    short, (first, bits) = said(ledger(same, same, pair=("one", "gpu")), cuda=True)
    assert short == "Nowhere: all texts are identical."
    assert "all 36 texts are identical, although logits differ by up to 0.5" in first
    later = [1, 1, 0.9, 1, 1, 1]
    short, (_, _, steps) = said(ledger(later, same))
    assert short.endswith("nowhere: all texts are identical.")
    assert "same token draws 90%" in steps
    never = [0.5] * 6
    short, (_, why, _, bits, _) = said(ledger(never, never, far=0.1))
    assert short.endswith("for no known reason.")
    assert "No step makes all texts identical" in why
    assert bits.startswith("Even in exact arithmetic")
    assert "unexplained" in bits


def test_without_a_gpu_the_answer_is_on_the_pair_that_diverges_most():
    same = [1] * 6
    both = pandas.concat([ledger(same, same), ledger(HALF, ROUNDING, pair=("one", "three"))])
    assert find_ledger_pair(both, BACKENDS) == ("one", "three")


def test_a_comparison_with_a_gpu_comes_before_a_ledger_without():
    short, found = explain(summary("one", "gpu"), ledger(HALF, ROUNDING), BACKENDS, True, 32)
    assert short == "6 of 12 texts diverge."
    assert "it has no ledger" in found[1]


def test_precision_is_no_difference_that_exact_arithmetic_leaves():
    mixed = ledger(HALF, ROUNDING, pair=("one", "float32"))
    backends = BACKENDS | {"float32": BF16.changed(precision="float32")}
    short, (first, why, *_) = explain(summary(), mixed, backends, False, 32)
    assert "Two ways to use a CPU: 50%" in short
    assert "(different precision)" in first
    assert why.endswith("(95% interval 75% to 100%).")


def test_without_a_ledger():
    short, found = explain(summary("one", "gpu"), None, BACKENDS, True, 32)
    assert short == "6 of 12 texts diverge."
    assert found[0] == "one and gpu: 6 of 12 texts are identical, and logits differ by up to 2e-06."
    alone = explain(summary("one", "one"), None, BACKENDS, False, 32)
    assert alone == ("Not measured: only one backend was run, so there is nothing to compare.", [])


def test_trend_says_the_verdicts_of_pairs_alone_and_what_else_differs():
    table = pandas.DataFrame(
        {"left": ["one"] * 3, "right": ["one", "two", "exact"], "verdict": "undecided"}
    ).assign(sweep="cumulative")
    diverged = pandas.concat([summary(), summary("one", "exact", 1)])
    assert describe_trend(table, diverged, "cumulative", BACKENDS) == (
        "Do texts diverge earlier as more blocks are replaced? one and two: undecided; one and "
        "exact (they use different random numbers): none of 12 texts diverge."
    )
    assert describe_trend(table[:1], diverged, "cumulative", BACKENDS) == ""
    assert describe_trend(table, diverged, "other", BACKENDS) == ""
