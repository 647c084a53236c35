"""The answer: its sentences fit any tables, and say only what the intervals show."""

import numpy
import pandas
import pytest
from needq.report import answer

NAN = numpy.nan
ONE = numpy.log(2)  # a loss of ln 2
WITHOUT = "without its trained W_Q in all 2 blocks, the model"
QUALITY = pandas.DataFrame(
    [
        {"measure": f"texts of {of} that resemble no reference text", "value": value, "texts": n}
        for of, value, n in (
            ("exact in cumulative", 0.9, 9),
            ("cpu in cumulative", 0.25, 40),
            ("cpu in single", 0.5, 60),
        )
    ]
)


def rows(*nlls, spread=0.1, seeds=5, labels=None):
    """The headline's rows: no block, one block, ... replaced."""
    table = pandas.DataFrame({"nll": nlls, "sweep": "cumulative", "backend": "cpu", "texts": 6})
    table["rise"] = table["nll"] - table["nll"][0]
    table["rise_low"], table["rise_high"] = table["rise"] - spread, table["rise"] + spread
    table["blocks_replaced"], table["noise_seeds"] = range(len(nlls)), seeds
    table["label"] = labels or [None] * len(nlls)
    return table


def ngrams(*rises):
    """`baselines.tsv` of n-gram models with these rises over a loss of ln 2."""
    table = pandas.DataFrame({"n": range(1, len(rises) + 1), "rise": rises})
    table["nll"] = table["rise"] + ONE
    return table.assign(rise_low=table["rise"] - 0.05, rise_high=table["rise"] + 0.05)


@pytest.mark.parametrize(
    ("end", "spread", "outcome", "short"),
    [
        (4 * ONE, 0.1, "lost", f"In part: {WITHOUT} loses 2.08 nats per token."),
        (1.1 * ONE, 0.1, "not shown", "This run shows no loss."),
        (0.2 * ONE, 0.1, "gained", "No: the model predicts better without its trained W_Q."),
        (4 * ONE, NAN, "too small", "Too few noise seeds to say."),
    ],
)
def test_outcome_is_what_the_interval_of_the_rise_says(end, spread, outcome, short):
    found = answer.loss(rows(ONE, 2 * ONE, end, spread=spread), 2)
    assert (found.outcome, found.short) == (outcome, short)
    assert found.sentence.endswith(".")
    assert "nan" not in found.sentence
    assert f"from {ONE:.2f} to {end:.2f} nats" in found.sentence


@pytest.mark.parametrize(
    ("rise", "yes", "said"),
    [
        (0.3, "In part", "better than a trigram"),
        (1.5, "In large part", "worse than a trigram, but better than a bigram"),
        (2.05, "In large part", "worse than a trigram, but better than a unigram"),
        (3, "Yes", "worse than a bigram, but better than a unigram"),
        (9, "Yes", "worse than a unigram"),
    ],
)
def test_the_loss_is_compared_with_n_gram_models(rise, yes, said):
    """The interval of a rise of 2.05 overlaps with the bigram's."""
    found = answer.loss(rows(ONE, ONE + rise), 2, ngrams(4, 2, 1))
    without = "without its trained W_Q in 1 of 2 blocks, the model"
    assert found.short == f"{yes}: {without} predicts {said}."
    assert found.outcome == "lost"


def test_n_gram_models_of_the_answer_are_explained():
    short = answer.loss(rows(ONE, ONE + 3), 2, ngrams(4, 2, 1)).short
    assert answer.explain_ngrams(short) == (
        "A bigram knows the last token alone, a unigram knows no token before."
    )
    assert (
        answer.explain_ngrams("better than a 4-gram.") == "A 4-gram knows the last 3 tokens alone."
    )
    assert answer.explain_ngrams("This run shows no loss.") == ""


def test_n_gram_models_are_said_with_their_losses():
    found = answer.loss(rows(ONE, ONE + 3), 1, ngrams(4, 2, 1)).sentence
    assert found.endswith(
        "For comparison, a bigram model of the training text, which knows the last token alone, "
        "has a loss of 2.69 and a unigram model of the training text, which knows no token before, "
        "has a loss of 4.69."
    )
    # where intervals overlap, nothing is said
    only = answer.loss(rows(ONE, ONE + 2), 1, ngrams(2))
    assert only.short.endswith("loses 2.00 nats per token.")


def test_loss_is_given_as_a_choice_between_tokens():
    found = answer.loss(rows(ONE, 2 * ONE, 4 * ONE), 12)
    assert "W_Q in 2 of 12 blocks" in found.sentence
    assert (
        "choose between 16 equally probable tokens (e to the power of the loss) instead of 2."
        in (found.sentence)
    )
    assert "by 2.08 (95% interval 1.98 to 2.18), from 0.69 to 2.77 nats" in found.sentence
    alone = answer.loss(rows(ONE, 4 * ONE, spread=NAN, seeds=1), 1)
    assert "but 1 noise seed is too few for an interval" in alone.sentence


def test_other_matrices_have_their_rises():
    sweeps = [rows(1, nll).assign(sweep=name) for name, nll in zip("abc", (2, 4, 7), strict=True)]
    table = pandas.concat([*sweeps, rows(1, 9).assign(sweep="b", backend="exact")])
    found = {"q": "a", "k": "b", "v": "c"}
    assert answer.other_matrices(table, "cpu", found, 1) == (
        " Replacing another matrix in all blocks raises the loss: W_K by 3.00 (95% interval 2.90 "
        "to 3.10), W_V by 6.00 (95% interval 5.90 to 6.10)."
    )
    # a sweep that does not come to all blocks says nothing of them
    assert answer.other_matrices(table, "cpu", found, 2) == ""
    assert answer.other_matrices(table, "cpu", {"q": "a"}, 1) == ""


def test_what_is_kept_of_inference_is_said():
    tasks = rows(1, 2).assign(task="cloze inference", kept=[1, 0.2], kept_low=[NAN, -0.1])
    tasks["kept_high"] = [NAN, 0.4]
    # of another task, sweep or backend nothing is said
    others = [tasks.assign(task="grammar", kept=9), tasks.assign(backend="exact", kept=9)]
    tasks = pandas.concat([*others, tasks, tasks.assign(sweep="b", kept=9)])
    sweep = tasks["sweep"].iloc[0]
    assert answer.inference_kept(tasks, "cpu", sweep) == (
        " Where a last word must be inferred, it keeps 20% of its margin (95% interval 0% to 40%)."
    )
    assert answer.inference_kept(tasks.assign(kept=-1.0), "cpu", sweep).startswith(
        " Where a last word must be inferred, it keeps 0% of"
    )
    assert answer.inference_kept(tasks.assign(kept_low=NAN), "cpu", sweep) == ""
    assert answer.inference_kept(tasks[tasks["task"] == "grammar"], "cpu", sweep) == ""


def meaning(labels, half_points=None, nlls=(1, 2, 4), found=None, **others):
    table = rows(*nlls, labels=labels)
    others = {name: rows(*nlls, labels=known) for name, known in others.items()}
    lost = answer.loss(table, 2)
    found = shares() if found is None else found
    return answer.meaning(table, others, found, QUALITY, half_points, 2, lost)


def shares():
    """Three fifths of ten texts have the label in question."""
    return pandas.DataFrame(
        [
            {"blocks_replaced": count, "label": label, "share": 0.6, "texts": 10}
            for count in range(3)
            for label in ("meaning lost", "noise")
        ]
    ).assign(share_low=0.25, share_high=0.9)


def half_points(*values):
    return pandas.DataFrame(values, columns=["measure", "estimate", "low", "high"])


def test_meaning_by_labels():
    normal, lost = "near normal", "meaning lost"
    assert meaning([normal, normal, lost]) == (
        "About 2 of 2 by its texts.",
        "From 2 blocks on, the most frequent label of its texts is meaning lost: 60% of 10 texts "
        "with 2 blocks replaced (95% interval 25% to 90%). 10 of the 40 labelled texts resemble "
        "no reference text.",
    )
    assert "From 1 block on, the" in meaning([normal, "noise", "noise"])[1]
    for last in (normal, "noise", "unlabelled"):
        assert (
            "With 1 block, the most frequent label of its texts is meaning lost"
            in (meaning([normal, lost, last])[1])
        )
    assert "near normal with up to 1 of 2 blocks" in meaning([normal, normal, "unlabelled"])[1]
    short, said = meaning([normal] * 3)
    assert short == "Not with all 2 blocks by its texts."
    assert said == (
        "The most frequent label of its texts is near normal with up to all 2 blocks replaced. 10 "
        "of the 40 labelled texts resemble no reference text."
    )
    assert "have no labels" in meaning(["unlabelled"] * 3)[1]
    assert "of the pristine model's texts is already noise" in meaning(["noise"] * 3)[1]


def test_meaning_says_if_near_normal_may_be_as_frequent():
    labels = ["near normal", "near normal", "meaning lost"]
    for high, told in ((0.24, False), (0.25, True), (0.4, True), ("n too small", False)):
        normal = shares()[lambda table: table["label"] == "noise"].assign(label="near normal")
        found = pandas.concat([shares(), normal.assign(share_high=high)])
        said = meaning(labels, found=found)[1]
        assert ("(95% interval 25% to 90%); near normal may be as frequent (up to " in said) == told
    assert "(up to 40%)." in meaning(labels, found=found.assign(share_high=0.4))[1]


def test_meaning_says_where_other_backends_say_otherwise():
    normal, lost, none = "near normal", "meaning lost", [None] * 3
    early, late = [normal, lost, lost], [normal, normal, lost]
    found = meaning(early, exact=late, same=early, never=[normal] * 3, bare=none)[1]
    assert "From 1 block on (exact: first with 2, never: never), the most frequent" in found


def test_meaning_by_tasks():
    found = half_points(
        ("half-point of grammar", numpy.inf, numpy.inf, numpy.inf),
        ("half-point of cloze inference", 1.25, 1.0, 1.5),
    )
    short, said = meaning(None, found)
    assert short == "1 of 2 by cloze inference."
    assert said == (
        "Accuracy on cloze inference (choosing the last word of a passage that does not mention "
        "it) falls half-way to that of guessing with 1.2 blocks (95% interval 1.0 to 1.5). "
        "Accuracy on grammar (choosing the grammatical one of two sentences) does not fall "
        "half-way to that of guessing."
    )
    never = half_points(("half-point of cloze inference", numpy.inf, 1.9, numpy.inf))
    short, said = meaning(None, never)
    assert short == "Not with all 2 blocks by cloze inference."
    assert "of guessing (half-point: 1.9 blocks or more)." in said
    words = ("n too small", "n too small")
    few = half_points(("half-point of cloze inference", 1.25, *words))
    assert "1.2 blocks (n too small for" in meaning(None, few)[1]
    edge = half_points(("half-point of cloze inference", 1.25, 1.0, numpy.inf))
    short, said = meaning(None, edge)
    assert short == "1 of 2, if at all, by cloze inference."
    assert "(95% interval: 1.0 or more)" in said


def test_a_task_at_chance_from_the_start_has_no_half_point():
    found = half_points(("half-point of cloze inference", NAN, NAN, NAN))
    assert meaning(None, found)[0].startswith("Not measured")


def test_labels_and_tasks_are_both_answers():
    found = half_points(("half-point of cloze inference", 1.25, 1.0, 1.5))
    short, said = meaning(["near normal", "noise", "noise"], found)
    assert short == "About 1 of 2 by its texts; 1 of 2 by cloze inference."
    assert said.index("is noise") < said.index("cloze")


def test_without_labels_and_tasks_the_loss_speaks():
    short, said = meaning(None)
    assert short.startswith("Not measured")
    assert said == "Half of the total rise of the loss is reached with all 2 blocks replaced."
    assert meaning(None, nlls=(1, 1, 1))[1] == ""


def test_headline_is_one_sweep_of_one_backend_by_blocks():
    table = pandas.concat([rows(3).assign(sweep="at_random"), rows(1, 2)[::-1], rows(9)])
    table["backend"] = ["cpu", "cpu", "cpu", "exact"]
    assert list(answer.headline(table, "cpu", "cumulative")["nll"]) == [1, 2]
