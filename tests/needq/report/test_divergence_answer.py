"""Where and why two backends diverge: only what the ledger's shares and intervals show."""

import pandas
import pytest
from needq.common.backends import Backend
from needq.common.keys import TOO_SMALL
from needq.plan.corners import ALL, ALONE, ARITHMETIC, DRAWS, LAST, NOISE, SHARE
from needq.report.divergence_answer import describe_trend, explain, find_ledger_pair

BF16 = Backend(precision="bfloat16")
BACKENDS = {
    "one": BF16,
    "two": BF16.changed(kernels="eager", batch=3),
    "gpu": BF16.changed(device="cuda"),
    "like_gpu": BF16.changed(rng="cuda", noise="cuda", gpu="H200"),
    "exact": Backend(precision="float64", rng="keyed"),
}


def ledger(pair=("one", "two"), few=False, **shares):
    """The rows of one pair; each cause does alone, and last removed, what its share says."""
    names = {"noise": NOISE, "draws": DRAWS, "arithmetic": ARITHMETIC}
    named = {names[name]: share for name, share in shares.items()}
    rows = [(cause, effect, v) for cause, v in named.items() for effect in (ALONE, LAST, SHARE)]
    rows.append((ALL, ALONE, sum(named.values())))
    table = pandas.DataFrame(rows, columns=["cause", "effect", "estimate"])
    table = table.assign(left=pair[0], right=pair[1], texts=36, first_divergent_token=7.0)
    if few:
        return table.assign(low=TOO_SMALL, high=TOO_SMALL)
    spread = 0.25 / 2
    low, high = table["estimate"] - spread, table["estimate"] + spread
    return table.assign(low=low.clip(-1), high=high.clip(upper=1))


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


def test_the_headline_is_computed_from_the_shares():
    table = ledger(("one", "gpu"), noise=0.46, draws=0.54, arithmetic=0.0)
    short, (start, why, alone, last) = said(table, cuda=True)
    assert short == (
        "A GPU writes another text because it draws its random numbers in another way: "
        "token draws 54% (95% interval 42% to 66%), noise 46% (95% interval 34% to 58%), "
        "arithmetic 0% (95% interval -12% to 12%)."
    )
    assert start == (
        "one and gpu (both in bfloat16; different token draws, device): 100% of 36 texts diverge "
        "(95% interval 88% to 100%). Half of these do so by new token 7 (counted from 0) of 32."
    )
    assert why == "These Shapley shares add up to the 100% of texts that diverge."
    assert alone.startswith("Each cause alone: noise 46% (95% interval 34% to 58%); token draws 5")
    assert last.startswith("Each cause removed last: noise 46%")


@pytest.mark.parametrize(
    ("shares", "reason"),
    [
        ({"noise": 0.5}, "draws the noise in another way"),
        ({"draws": 0.5, "arithmetic": 0.01}, "chooses tokens with other random numbers"),
        ({"arithmetic": 0.5, "noise": -0.1}, "rounds in another way"),
        ({"noise": 0.3, "arithmetic": 0.3}, "draws the noise and rounds in another way"),
        ({"draws": 0.3, "arithmetic": 0.3}, "rounds and chooses tokens in another way"),
        (
            {"noise": 0.3, "draws": 0.3, "arithmetic": 0.3},
            "rounds in another way and draws its random numbers in another way",
        ),
    ],
)
def test_the_reason_is_every_cause_with_a_share_worth_naming(shares, reason):
    short, _ = said(ledger(**shares))
    assert short.startswith(
        "Not measured: no GPU. Two ways to use a CPU: The second backend writes another text "
        f"because it {reason}: "
    )


def test_what_a_gpu_would_draw_is_called_predicted():
    short, (start, why, *_) = said(ledger(("one", "like_gpu"), noise=0.4, draws=0.6))
    assert short.startswith("Predicted, since no GPU was used: A GPU writes another text because")
    assert "(both in bfloat16; different noise, token draws)" in start
    assert why.endswith("same in both backends, so its share is not measured here.")


def test_without_intervals_n_is_too_small():
    _, (start, *_, last) = said(ledger(noise=0.5, few=True))
    assert "50% of 36 texts diverge. Half" in start
    assert last == "n is too small for intervals, so single causes show little."


def test_where_nothing_diverges():
    short, (first, alone, _) = said(ledger(("one", "gpu"), noise=0.0, draws=0.0), cuda=True)
    assert short == "Nowhere: all texts are identical."
    assert first.endswith(
        "all 36 texts are identical; share that diverges: 0% (95% interval -12% to 12%)."
    )
    assert alone.startswith("Each cause alone: noise 0%")


def test_a_gpu_comes_first_then_a_predicted_one_then_what_diverges_most():
    two, like = ledger(noise=0.9), ledger(("one", "like_gpu"), noise=0.5)
    gpu, exact = ledger(("one", "gpu"), noise=0.1), ledger(("one", "exact"), noise=0.95)
    assert find_ledger_pair(pandas.concat([two, exact]), BACKENDS) == ("one", "exact")
    assert find_ledger_pair(pandas.concat([two, exact, like]), BACKENDS) == ("one", "like_gpu")
    both = pandas.concat([two, exact, like, gpu])
    assert find_ledger_pair(both, BACKENDS) == ("one", "gpu")
    # a prediction beside its GPU says nothing of CPU and GPU
    checked = pandas.concat([ledger(("like_gpu", "gpu"), arithmetic=0.0), both])
    assert find_ledger_pair(checked, BACKENDS) == ("one", "gpu")
    short, found = explain(summary("one", "gpu"), checked[:4], BACKENDS, True, 32)
    assert short == "Nowhere: all texts are identical."
    # of the two, the noise alone is not predicted
    assert found[0].startswith(
        "like_gpu and gpu (both in bfloat16; different noise, device): all 36 "
    )


def test_a_comparison_with_a_gpu_comes_before_a_ledger_without():
    short, found = explain(summary("one", "gpu"), ledger(noise=0.5), BACKENDS, True, 32)
    assert short == "6 of 12 texts diverge."
    assert "it has no ledger" in found[1]


def test_without_a_ledger():
    short, found = explain(summary("one", "gpu"), None, BACKENDS, True, 32)
    assert short == "6 of 12 texts diverge."
    assert found[0] == "one and gpu: 6 of 12 texts are identical, and logits differ by up to 2e-06."
    alone = explain(summary("one", "one"), None, BACKENDS, False, 32)
    assert alone == ("Not measured: only one backend was run, so there is nothing to compare.", [])


def compared(*pairs):
    """The summaries of pairs of backends, each with its share of identical texts."""
    return pandas.concat([summary(left, right, identical) for left, right, identical in pairs])


@pytest.mark.parametrize(
    ("pair", "identical", "words"),
    [
        (("like_gpu", "gpu"), 1, "right in 12 of 12 texts"),
        (("gpu", "like_gpu"), 0.75, "right in 9 of 12 texts"),
        (("like_gpu", "gpu"), 0, "right in 0 of 12 texts"),
    ],
)
def test_the_first_page_says_in_how_many_texts_a_prediction_held(pair, identical, words):
    gpu = ledger(("one", "gpu"), noise=0.46, draws=0.54, arithmetic=0.0)
    table = compared(("one", "gpu", 0), (*pair, identical))
    for causes in (gpu, None):  # with a ledger and without
        short, _ = explain(table, causes, BACKENDS, True, 32)
        assert short.endswith(f" The prediction (like_gpu) was {words}, token for token.")
        assert short.count("The prediction") == 1


@pytest.mark.parametrize("pair", [("one", "gpu"), ("one", "like_gpu"), ("gpu", "keyed_gpu")])
def test_without_a_gpu_that_was_predicted_nothing_is_said_of_it(pair):
    backends = BACKENDS | {"keyed_gpu": BF16.changed(device="cuda", rng="keyed")}
    for right in (pair[1], pair[0]):
        short, _ = explain(compared((pair[0], right, 1)), None, backends, True, 32)
        assert "The prediction" not in short
    # a GPU with keyed draws is not what was predicted
    short, _ = explain(compared(("like_gpu", "keyed_gpu", 1)), None, backends, True, 32)
    assert "The prediction" not in short


def test_a_comparison_with_a_prediction_is_called_predicted():
    short, _ = explain(summary("one", "like_gpu"), None, BACKENDS, False, 32)
    assert short == "Predicted, since no GPU was used: 6 of 12 texts diverge."


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
    pairs = [("one", "gpu"), ("like_gpu", "gpu"), ("one", "like_gpu")]
    with_gpu = table.assign(**dict(zip(("left", "right"), zip(*pairs, strict=True), strict=True)))
    same = pandas.concat([summary(*pair, 1) for pair in pairs])
    assert describe_trend(with_gpu, same, "cumulative", BACKENDS) == (
        "Do texts diverge earlier as more blocks are replaced? one and gpu (they use different "
        "random numbers): none of 12 texts diverge; like_gpu and gpu (one predicts the random "
        "numbers of the other): none of 12 texts diverge; "
        "one and like_gpu (they use different random numbers): none of 12 texts diverge."
    )
    assert describe_trend(table, diverged, "other", BACKENDS) == ""
