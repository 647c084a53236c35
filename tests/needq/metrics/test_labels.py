"""Labels: a classifier fitted to some reference texts knows the others; tables of labels."""

import fake_run
import numpy as np
import pandas
import pytest
from made_up_texts import VOCABULARY
from needq.common import columns, keys
from needq.common.backends import Backend
from needq.common.settings import Generation
from needq.inference.generate import generate
from needq.inference.native import NativeModel
from needq.inference.sampling import Row
from needq.inference.score import token_nlls
from needq.metrics import calibration, features, graded_texts, labels, shares
from scipy import stats
from tokenizers import Tokenizer

PROMPTS = ["Once upon a time, there was a big ship.", "The dog was", "One day, Lily saw a"]


def scored(references, rng):
    """Reference texts with made-up nlls: those of a kind around its own level."""
    levels = {"own": 1, "order 2": 3, "order 1": 4, "loop": 2, "order 0": 9, "uniform": 12}
    nlls = [
        rng.normal(levels[kind], 1, len(tokens))
        for kind, tokens in zip(references["kind"], references["tokens"], strict=True)
    ]
    return references.assign(nlls=nlls, share=np.nan)


def test_labels_are_those_of_the_likeliest_mixture_of_normals(made):
    references = scored(made, np.random.default_rng(1))
    fitted = labels.fit(references, VOCABULARY)
    assert fitted.kinds == tuple(calibration.KINDS)
    texts = references[references["tokens"].map(len) == 40]
    rows = features.features(texts, fitted.log_frequency)
    log = {
        kind: stats.multivariate_normal(mean, covariance).logpdf(rows)
        for kind, mean, covariance in zip(
            calibration.KINDS, fitted.means, fitted.covariances, strict=True
        )
    }
    likelihood = np.array(
        [
            log["own"],
            np.logaddexp(log["order 2"], log["order 1"]) - np.log(2),
            log["loop"],
            np.logaddexp(log["order 0"], log["uniform"]) - np.log(2),
        ]
    )
    ours = labels._label_likelihoods(fitted.kinds, fitted.means, fitted.covariances, rows).T
    np.testing.assert_allclose(ours - ours[0], likelihood - likelihood[0], atol=1e-6)
    found = fitted.labels(texts)
    off = [
        [(row - mean) @ np.linalg.inv(covariance) @ (row - mean) for row in rows]
        for mean, covariance in zip(fitted.means, fitted.covariances, strict=True)
    ]
    near = (np.array(off) <= fitted.reach[:, None]).any(0)
    best = [keys.LABELS[best] for best in likelihood.argmax(0)]
    assert list(found) == list(np.where(near, best, "none of these"))
    assert {"none of these", *keys.LABELS} >= set(found) >= set(keys.LABELS)


def test_held_out_reference_texts_take_no_part_in_the_fit(made):
    references = scored(made, np.random.default_rng(1))
    changed = references.copy()
    changed.loc[changed["held_out"], "nlls"] = changed["nlls"].map(lambda nlls: nlls * 7)
    one, other = labels.fit(references, VOCABULARY), labels.fit(changed, VOCABULARY)
    assert np.array_equal(one.means, other.means)
    assert np.array_equal(one.reach, other.reach)


def test_short_texts_get_no_label_and_strange_ones_resemble_nothing(made):
    fitted = labels.fit(scored(made, np.random.default_rng(1)), VOCABULARY)
    tokens = made["tokens"][0]
    texts = pandas.DataFrame({"tokens": [tokens[:7], tokens], "nlls": [[1.0] * 7, [80.0] * 40]})
    found = fitted.labels(texts.set_index(pandas.Index([5, 3])))
    assert found.to_dict() == {5: None, 3: "none of these"}
    assert fitted.labels(texts[:1]).isna().all()


def test_a_confusion_counts_held_out_texts_and_its_pairs(made):
    references = scored(made, np.random.default_rng(1))
    counts = labels.confusion(labels.fit(references, VOCABULARY), references)
    assert list(counts.index) == list(labels.LABEL_OF)
    counts = counts.loc[list(calibration.KINDS)]
    assert list(counts) == [*keys.LABELS, "none of these"]
    assert (counts.sum(axis=1) == 19).all()  # of 20, one text is short
    counts = pandas.DataFrame(
        0, index=list(calibration.KINDS), columns=[*keys.LABELS, "none of these"]
    )
    for kind, label, count in [
        ("own", "near normal", 9),
        ("own", "noise", 1),
        ("order 1", "meaning lost", 6),
        ("order 2", "meaning lost", 10),
        ("order 2", "repetitive", 4),
        ("loop", "repetitive", 6),
        ("loop", "none of these", 2),
        ("uniform", "noise", 5),
        ("order 0", "noise", 5),
    ]:
        counts.loc[kind, label] = count
    assert labels.pair_accuracy(counts) == {
        ("near normal", "meaning lost"): pytest.approx((0.9 + 0.8) / 2),
        ("meaning lost", "repetitive"): pytest.approx((0.8 + 0.75) / 2),
        ("repetitive", "noise"): pytest.approx((0.75 + 1) / 2),
    }


def test_reference_texts_of_pocket_gpt2_are_told_apart(pocket):
    """At 32 new tokens and 60 reference texts per kind; docs/labels.md has more."""
    model = NativeModel(pocket.load())
    tokenizer = Tokenizer.from_file(str(pocket.backup / "tokenizer.json"))
    prompts = [[0, *tokenizer.encode(prompt).ids] for prompt in PROMPTS]
    work = [
        Row(ids, f"control {index}", seed, index)
        for seed in range(40)
        for index, ids in enumerate(prompts)
    ]
    settings = Generation(prompts=PROMPTS, max_new_tokens=32, temperature=1.0, top_k=50, top_p=1.0)
    backend = Backend(rng="native", batch=60, cache=True)
    texts = generate(model, work, settings, 0, backend)
    own = [(row.ids, text.tokens) for row, text in zip(work, texts, strict=True)]
    references = graded_texts.with_graded_texts(
        calibration.make_reference_texts(own, pocket.architecture.vocabulary), own
    )
    rows = [(own[row.source][0], row.tokens) for row in references.itertuples()]
    references["nlls"] = [values.numpy() for values in token_nlls(model, rows, 60)]
    fitted = labels.fit(references, pocket.architecture.vocabulary)
    assert fitted.kinds == tuple(labels.LABEL_OF)
    assert min(labels.pair_accuracy(labels.confusion(fitted, references)).values()) >= 0.8
    held_out = fitted.labels(references[references["held_out"]])
    assert (held_out == "none of these").mean() < 0.07
    # texts that are half their own and half uniform tokens resemble no reference text
    mixed = [
        (prompt, [*tokens[:16], *other[16:]])
        for (prompt, tokens), other in zip(
            own, references["tokens"][references["kind"] == "uniform"], strict=True
        )
    ]
    mixture = pandas.DataFrame({"tokens": [tokens for _, tokens in mixed]})
    mixture["nlls"] = [values.numpy() for values in token_nlls(model, mixed, 60)]
    found = fitted.labels(mixture)
    assert (found == "none of these").mean() > 0.3
    assert (found == "near normal").mean() < 0.05


def test_too_few_texts_are_not_fitted_to(own):
    def fitted(rows):
        made = calibration.make_reference_texts(rows, VOCABULARY).assign(share=np.nan)
        rng = np.random.default_rng(1)
        made["nlls"] = [rng.exponential(2.0, len(tokens)) for tokens in made["tokens"]]
        return labels.fit(made, VOCABULARY)

    assert fitted(own[:20]) is not None
    assert fitted(own[:19]) is None  # nine to fit to
    short = [(prompt, tokens[:7]) for prompt, tokens in own]
    assert fitted([*own[:10], *short[:10]]) is None  # none long enough is held out
    assert labels.unlabelled(pandas.DataFrame({"tokens": [[1], [2]]})).isna().all()


@pytest.fixture(scope="module")
def labelled():
    rows = fake_run.labels(fake_run.texts(0))
    return {"cpu": pandas.DataFrame(rows).astype({"noise_seed": "Int64"})}


def test_shares_are_counted_over_noise_seeds_and_prompts(labelled):
    found = labels.shares_table(labelled)
    assert list(found) == list(columns.LABELS)
    assert len(found) == 13 * 6
    assert (found["texts"] == [16] * 6 + [80] * 72).all()
    last = found[found["blocks_replaced"] == 12].set_index("label")
    assert last["share"].to_dict() == dict.fromkeys(keys.ALL_LABELS, 0) | {
        "noise": 0.5,
        "unlabelled": 0.5,
    }
    # each cell of a seed and a prompt has one text of two

    estimate = shares.share_of_crossed(np.full((5, 8), 0.5), 80)
    assert last.loc["noise", "share_low"] == pytest.approx(estimate.low)
    third = found[found["blocks_replaced"] == 3].set_index("label")
    assert third["share"].tolist() == [1, 0, 0, 0, 0, 0]


def test_the_most_frequent_label_of_a_tie_is_the_nearest_to_normal():
    def of(*names):
        return labels.most_frequent_label(pandas.DataFrame({"label": names}))

    assert of("noise", "noise", "near normal") == "noise"
    assert of("noise", "meaning lost") == "meaning lost"
    assert of(None, None, "repetitive") == "unlabelled"
    assert of(None, "noise") == "noise"
    assert of("none of these", "none of these", "noise") == "none of these"


class Fixed:
    """A classifier that says what it is told, in place of a fitted one."""

    def labels(self, texts):
        return texts["label"]


@pytest.fixture
def references():
    """Four held-out texts of each kind, of which one `own` is taken for meaning lost."""
    rows = [
        {"kind": kind, "held_out": held_out, "label": label}
        for kind, label in calibration.KINDS.items()
        for held_out in [False] + [True] * 4
    ]
    table = pandas.DataFrame(rows).assign(tokens=[[0] * 9] * len(rows), share=np.nan)
    table.loc[1, "label"] = "meaning lost"
    table.loc[table["kind"] == "order 1", "label"] = "none of these"
    return table


def test_confusion_has_a_row_for_each_kind_and_label(references):
    found = labels.confusion_table(Fixed(), references)
    assert list(found) == list(columns.LABEL_CONFUSION)
    assert len(found) == 15 * 5
    own = found[found["kind"] == "own"].set_index("label")["reference_texts"].to_dict()
    assert own == {
        "near normal": 3,
        "meaning lost": 1,
        "repetitive": 0,
        "noise": 0,
        "none of these": 0,
    }
    assert found["kind"].drop_duplicates().tolist() == list(labels.LABEL_OF)
    assert found["reference_texts"].sum() == 24


def test_quality_says_accuracy_and_what_resembles_no_reference_text(references, labelled):
    found = labels.quality_table(Fixed(), None, references, labelled).set_index("measure")
    pairs = [
        f"accuracy of {one} and {other}"
        for one, other in zip(keys.LABELS, keys.LABELS[1:], strict=False)
    ]
    assert found.loc[pairs, "value"].tolist() == [(0.75 + 0.5) / 2, (0.5 + 1) / 2, 1]
    assert found.loc[pairs, "texts"].tolist() == [12, 12, 12]
    held_out = found.loc["held-out reference texts that resemble no reference text"]
    assert held_out.tolist() == [pytest.approx(4 / 24), 24]
    # those without a label are not counted
    texts = found.loc["texts of cpu in cumulative that resemble no reference text"]
    assert texts.tolist() == [0, 16 + 80 * 12 - 40]


def test_quality_says_how_many_texts_resemble_nothing_by_blocks_replaced(references, labelled):
    texts = labelled["cpu"].copy()
    six = texts["blocks_replaced"] == 6
    texts.loc[six, "label"] = ["none of these"] * 20 + ["noise"] * 60
    texts.loc[texts["blocks_replaced"] == 12, "label"] = None

    def found(table):
        rows = labels.quality_table(Fixed(), None, references, {"cpu": table})
        return rows.set_index("measure")

    rows = found(texts)
    six = rows.loc[
        "texts of cpu in cumulative with 6 blocks replaced that resemble no reference text"
    ]
    assert six.tolist() == [0.25, 80]
    none = rows.loc[
        "texts of cpu in cumulative with 0 blocks replaced that resemble no reference text"
    ]
    assert none["value"] == 0
    # where no text has a label, nothing is known
    assert not rows.index.str.contains("with 12 blocks").any()
    both = found(pandas.concat([texts, texts.assign(sweep="other")]))
    name = "texts of cpu in other with 6 blocks replaced that resemble no reference text"
    assert both.loc[name].tolist() == [0.25, 80]
    # each sweep by itself, since another has other interventions
    whole = "texts of cpu in cumulative that resemble no reference text"
    assert both.loc[whole].tolist() == rows.loc[whole].tolist()
