"""Labels: what controls are made of, and that a classifier fitted to some knows the others."""

import numpy as np
import pandas
import pytest
from needq.common import keys
from needq.inference.generate import generate
from needq.inference.native import NativeModel
from needq.inference.sampling import Row
from needq.inference.score import token_nlls
from needq.metrics import calibration, labels
from scipy import stats
from tokenizers import Tokenizer

VOCABULARY = 50
PROMPTS = ["Once upon a time, there was a big ship.", "The dog was", "One day, Lily saw a"]


@pytest.fixture(scope="module")
def own():
    """Made-up texts of 40 tokens of a small vocabulary, the last of them of 5."""
    rng = np.random.default_rng(0)
    rows = [([1, 2, 3], (rng.integers(0, 12, 40) ** 2 % 31).tolist()) for _ in range(40)]
    return [*rows[:-1], ([1, 2, 3], rows[-1][1][:5])]


@pytest.fixture(scope="module")
def made(own):
    return calibration.controls(own, VOCABULARY)


def grams(rows, n):
    found = set()
    for prompt, tokens in rows:
        text = [*prompt, *tokens]
        found |= {tuple(text[place : place + n]) for place in range(len(text) - n + 1)}
    return found


def test_each_text_has_a_control_of_every_kind_as_long_as_itself(own, made):
    assert len(made) == 40 * len(calibration.KINDS)
    for source, part in made.groupby("source"):
        assert list(part["kind"]) == list(calibration.KINDS)
        assert set(part["tokens"].map(len)) == {len(own[source][1])}
        assert set(part["held_out"]) == {source >= 20}
    assert list(made["tokens"][made["kind"] == "own"]) == [tokens for _, tokens in own]
    again = calibration.controls(own, VOCABULARY)
    pandas.testing.assert_frame_equal(made, again)


@pytest.mark.parametrize("order", [0, 1, 2])
def test_a_resampling_has_the_n_grams_of_its_half_alone(own, made, order):
    for held_out, half in ((False, own[:20]), (True, own[20:])):
        part = made[(made["kind"] == f"order {order}") & (made["held_out"] == held_out)]
        known = grams(half, order + 1)
        for source, tokens in zip(part["source"], part["tokens"], strict=True):
            mine = grams([(own[source][0][3 - order :], tokens)], order + 1)
            jumps = sum(gram not in known for gram in mine)
            # a context that ends every text in which it occurs has no follower
            assert jumps == 0 or order == 2 and jumps <= 2
        text = grams([(own[0][0][:0], tokens) for tokens in part["tokens"]], order + 2)
        assert len(text - grams(half, order + 2)) > 5  # and makes new ones beyond that


def test_followers_come_as_often_as_in_the_texts():
    # after 1 comes 2 three times in four
    half = [([0], [1, 2, 1, 2, 1, 2, 1, 3] * 10)]
    made = calibration.controls(half * 60, 5)
    texts = made["tokens"][made["kind"] == "order 1"]
    after = [b for text in texts for a, b in zip(text, text[1:], strict=False) if a == 1]
    assert abs(np.mean(np.array(after) == 2) - 0.75) < 4.5 * (0.1875 / len(after)) ** 0.5


def test_a_loop_repeats_a_part_at_least_three_times(own, made):
    periods = set()
    part = made[(made["kind"] == "loop") & (made["tokens"].map(len) == 40)]
    for source, tokens in zip(part["source"], part["tokens"], strict=True):
        period = next(p for p in range(1, 41) if tokens[10 + p :] == tokens[10:-p])
        assert period <= 10 and set(tokens) <= set(own[source][1][:20])
        periods.add(period)
    assert len(periods) >= 6


def test_uniform_tokens_are_uniform(made):
    tokens = np.concatenate(list(made["tokens"][made["kind"] == "uniform"]))
    counts = np.bincount(tokens, minlength=VOCABULARY)
    assert len(counts) == VOCABULARY and stats.chisquare(counts).pvalue > 1e-3


def test_features_are_what_they_are_called():
    tokens, nlls = [1, 2, 1, 2, 1, 2, 3, 4], [1.0, 2.0, 3.0, 4.0, 0.0, 0.0, 0.0, 6.0]
    texts = pandas.DataFrame({"tokens": [tokens], "nlls": [nlls]})
    log_frequency = np.log([0.1, 0.2, 0.3, 0.25, 0.15])
    (found,) = labels.features(texts, log_frequency)
    frequency = np.mean([log_frequency[token] for token in tokens])
    # 1-grams: 4 of 8 new; 2-grams: 12 21 12 21 12 23 34; 4-grams: 1212 2121 1212 2123 1234
    expected = [2.0, np.std(nlls), 1.5, frequency, 1 / 2, 3 / 7, 1 / 5]
    np.testing.assert_allclose(found, expected)
    assert len(labels.FEATURES) == len(expected)


def scored(controls, rng):
    """Controls with made-up nlls: those of a kind around its own level."""
    levels = {"own": 1, "order 2": 3, "order 1": 4, "loop": 2, "order 0": 9, "uniform": 12}
    nlls = [
        rng.normal(levels[kind], 1, len(tokens))
        for kind, tokens in zip(controls["kind"], controls["tokens"], strict=True)
    ]
    return controls.assign(nlls=nlls)


def test_labels_are_those_of_the_likeliest_mixture_of_normals(made):
    controls = scored(made, np.random.default_rng(1))
    fitted = labels.fit(controls, VOCABULARY)
    texts = controls[controls["tokens"].map(len) == 40]
    rows = labels.features(texts, fitted.log_frequency)
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
    ours = labels._label_likelihoods(fitted.means, fitted.covariances, rows).T
    np.testing.assert_allclose(ours - ours[0], likelihood - likelihood[0], atol=1e-6)
    found = fitted.labelled(texts)
    assert list(found["label"]) == [keys.LABELS[best] for best in likelihood.argmax(0)]
    off = [
        [(row - mean) @ np.linalg.inv(covariance) @ (row - mean) for row in rows]
        for mean, covariance in zip(fitted.means, fitted.covariances, strict=True)
    ]
    near = (np.array(off) <= fitted.reach[:, None]).any(0)
    assert list(found["typical"]) == list(near)


def test_held_out_controls_take_no_part_in_the_fit(made):
    controls = scored(made, np.random.default_rng(1))
    changed = controls.copy()
    changed.loc[changed["held_out"], "nlls"] = changed["nlls"].map(lambda nlls: nlls * 7)
    one, other = labels.fit(controls, VOCABULARY), labels.fit(changed, VOCABULARY)
    assert np.array_equal(one.means, other.means) and np.array_equal(one.reach, other.reach)


def test_short_texts_get_no_label_and_strange_ones_resemble_nothing(made):
    fitted = labels.fit(scored(made, np.random.default_rng(1)), VOCABULARY)
    tokens = made["tokens"][0]
    texts = pandas.DataFrame({"tokens": [tokens[:7], tokens], "nlls": [[1.0] * 7, [80.0] * 40]})
    found = fitted.labelled(texts.set_index(pandas.Index([5, 3])))
    assert found.loc[5, "label"] is None and found.loc[5, "typical"] is None
    assert not found.loc[3, "typical"]
    assert fitted.labelled(texts[:1])["label"].isna().all()


def test_a_confusion_counts_held_out_controls_and_its_pairs(made):
    controls = scored(made, np.random.default_rng(1))
    counts = labels.confusion(labels.fit(controls, VOCABULARY), controls)
    assert list(counts.index) == list(calibration.KINDS) and list(counts) == list(keys.LABELS)
    assert (counts.sum(axis=1) == 19).all()  # of 20, one text is short
    counts = pandas.DataFrame(0, index=list(calibration.KINDS), columns=list(keys.LABELS))
    for kind, label, count in [
        ("own", "near normal", 9),
        ("own", "noise", 1),
        ("order 1", "meaning lost", 6),
        ("order 2", "meaning lost", 10),
        ("order 2", "repetitive", 4),
        ("loop", "repetitive", 8),
        ("uniform", "noise", 5),
        ("order 0", "noise", 5),
    ]:
        counts.loc[kind, label] = count
    assert labels.pair_accuracy(counts) == {
        ("near normal", "meaning lost"): pytest.approx((0.9 + 0.8) / 2),
        ("meaning lost", "repetitive"): pytest.approx((0.8 + 1) / 2),
        ("repetitive", "noise"): pytest.approx(1),
    }


def test_controls_of_pocket_gpt2_are_told_apart(pocket):
    """At 32 new tokens and 60 controls a kind; docs/labels.md has more."""
    model = NativeModel(pocket.load())
    tokenizer = Tokenizer.from_file(str(pocket.backup / "tokenizer.json"))
    prompts = [[0, *tokenizer.encode(prompt).ids] for prompt in PROMPTS]
    work = [
        Row(ids, f"control {index}", seed, index)
        for seed in range(40)
        for index, ids in enumerate(prompts)
    ]
    settings = {"max_new_tokens": 32, "temperature": 1.0, "top_k": 50, "top_p": 1.0}
    backend = {"rng": "native", "batch": 60, "cache": True}
    texts = generate(model, work, settings, 0, backend)
    own = [(row.ids, text.tokens) for row, text in zip(work, texts, strict=True)]
    controls = calibration.controls(own, pocket.adapter.vocabulary)
    rows = [(own[row.source][0], row.tokens) for row in controls.itertuples()]
    controls["nlls"] = [values.numpy() for values in token_nlls(model, rows, 60)]
    fitted = labels.fit(controls, pocket.adapter.vocabulary)
    assert min(labels.pair_accuracy(labels.confusion(fitted, controls)).values()) >= 0.9
    held_out = fitted.labelled(controls[controls["held_out"]])
    assert held_out["typical"].dropna().astype(bool).mean() > 0.93
    # texts that are half their own and half uniform tokens are like no control
    mixed = [
        (prompt, [*tokens[:16], *other[16:]])
        for (prompt, tokens), other in zip(
            own, controls["tokens"][controls["kind"] == "uniform"], strict=True
        )
    ]
    mixture = pandas.DataFrame({"tokens": [tokens for _, tokens in mixed]})
    mixture["nlls"] = [values.numpy() for values in token_nlls(model, mixed, 60)]
    found = fitted.labelled(mixture)
    assert found["typical"].dropna().astype(bool).mean() < 0.5
    assert (found["label"] == "near normal").mean() < 0.05


def test_too_few_texts_are_not_fitted_to(own):
    def fitted(rows):
        made = calibration.controls(rows, VOCABULARY)
        rng = np.random.default_rng(1)
        made["nlls"] = [rng.exponential(2.0, len(tokens)) for tokens in made["tokens"]]
        return labels.fit(made, VOCABULARY)

    assert fitted(own[:20]) is not None
    assert fitted(own[:19]) is None  # nine to fit to
    short = [(prompt, tokens[:7]) for prompt, tokens in own]
    assert fitted([*own[:10], *short[:10]]) is None  # none long enough is held out
    assert labels.unlabelled(pandas.DataFrame({"tokens": [[1], [2]]}))["label"].isna().all()
