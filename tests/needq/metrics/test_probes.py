"""Probes against scikit-learn by hand, closed-form ridge, and features that were planted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from needq.metrics import probes
from needq.metrics.probes import Task, make_tasks, measure, predict, probe
from scipy.optimize import minimize
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression

ITEMS, WIDTH, CLASSES, DOCUMENTS = 1200, 12, 4, 24


def made_up(seed=0, name="last name"):
    """A task of made-up labels, and activations that tell nothing of them."""
    rng = np.random.default_rng(seed)
    document = np.sort(rng.integers(DOCUMENTS, size=ITEMS))
    target = rng.integers(CLASSES, size=ITEMS).astype(float)
    words = rng.integers(60, size=ITEMS)
    control = rng.integers(CLASSES, size=60)[words].astype(float)
    if name == "position":
        target, control = rng.uniform(1, 200, ITEMS), rng.uniform(size=60)[words]
    task = Task(name, document, np.arange(ITEMS), document % 2, target, control)
    return task, rng.normal(2, 3, (ITEMS, WIDTH)), rng


def accuracy(rows, of="score"):
    return sum(row[of] for row in rows) / sum(row[f"{of}_of"] for row in rows)


def test_a_planted_feature_is_found():
    task, x, rng = made_up()
    x += 30 * rng.normal(size=(CLASSES, WIDTH))[task.target.astype(int)]
    rows = list(probe(task, x))
    assert accuracy(rows) > 0.98
    # it is not in the words, so the control task is at the share of its most frequent label
    _, counts = np.unique(task.control, return_counts=True)
    assert accuracy(rows, "control") == pytest.approx(counts.max() / ITEMS, abs=0.05)


def test_a_planted_position_is_found():
    task, x, rng = made_up(name="position")
    x += task.target[:, None] * rng.normal(size=WIDTH)
    rows = list(probe(task, x))
    assert accuracy(rows) > 0.99
    assert abs(accuracy(rows, "control")) < 0.05


@pytest.mark.parametrize("name", ["last name", "position"])
def test_random_activations_tell_nothing(name):
    found = [accuracy(list(probe(*made_up(seed, name)[:2]))) for seed in range(5)]
    chance = 0 if name == "position" else 1 / CLASSES
    assert np.mean(found) == pytest.approx(chance, abs=0.02)


def test_rows_are_sums_over_the_items_of_each_document():
    task, x, _ = made_up()
    predicted = predict(x, task.target, task.fold, False)
    for row in probe(task, x):
        own = np.flatnonzero(task.document == row["document"])
        assert row["items"] == row["score_of"] == row["control_of"] == len(own)
        assert row["score"] == sum(predicted[place] == task.target[place] for place in own)


def test_classes_are_scikit_learns_on_scaled_activations():
    task, x, rng = made_up()
    x += 2 * rng.normal(size=(CLASSES, WIDTH))[task.target.astype(int)]
    expected = np.empty(ITEMS)
    for fold in (0, 1):
        train, test = task.fold != fold, task.fold == fold
        scaled = (x - x[train].mean(0)) / x[train].std(0)
        model = LogisticRegression(C=probes.C, max_iter=2000, tol=1e-8)
        expected[test] = model.fit(scaled[train], task.target[train]).predict(scaled[test])
    found = predict(x, task.target, task.fold, False)
    assert np.mean(found == expected) > 0.99  # it stops sooner
    assert 0.3 < np.mean(found == task.target) < 0.9


def test_classes_are_those_of_the_penalised_likelihood():
    """Multinomial logistic regression as its definition has it, by scipy's minimizer."""
    task, x, rng = made_up()
    x += 2 * rng.normal(size=(CLASSES, WIDTH))[task.target.astype(int)]
    train, test = task.fold == 1, task.fold == 0
    scaled = (x - x[train].mean(0)) / x[train].std(0)
    right = np.eye(CLASSES)[task.target.astype(int)][train]

    def loss(values):
        weights, bias = np.split(values.reshape(WIDTH + 1, CLASSES), [WIDTH])
        logits = scaled[train] @ weights + bias
        logits -= logsumexp(logits, axis=1, keepdims=True)
        slope = probes.C * (np.exp(logits) - right)
        slopes = np.concatenate([scaled[train].T @ slope + weights, slope.sum(0, keepdims=True)])
        value = -probes.C * (right * logits).sum() + (weights**2).sum() / 2
        return value, slopes.ravel()

    best = minimize(loss, np.zeros((WIDTH + 1) * CLASSES), jac=True, tol=1e-10).x
    weights, bias = np.split(best.reshape(WIDTH + 1, CLASSES), [WIDTH])
    expected = (scaled[test] @ weights + bias).argmax(1)
    assert np.mean(predict(x, task.target, task.fold, False)[test] == expected) > 0.99


def test_the_position_is_predicted_by_ridge_in_closed_form():
    task, x, rng = made_up(name="position")
    x += 0.02 * task.target[:, None] * rng.normal(size=WIDTH)
    found = predict(x, task.target, task.fold, True)
    for fold in (0, 1):
        train, test = task.fold != fold, task.fold == fold
        scaled = (x - x[train].mean(0)) / x[train].std(0)
        own, mean = scaled[train], task.target[train].mean()
        y = task.target[train] - mean
        errors = []
        for penalty in probes.PENALTIES:  # leave-one-out errors, the intercept being fitted too
            hat = own @ np.linalg.inv(own.T @ own + penalty * np.eye(WIDTH)) @ own.T + 1 / len(y)
            errors.append(np.mean(((y - hat @ y) / (1 - np.diag(hat))) ** 2))
        penalty = probes.PENALTIES[int(np.argmin(errors))]
        slopes = np.linalg.solve(own.T @ own + penalty * np.eye(WIDTH), own.T @ y)
        np.testing.assert_allclose(found[test], scaled[test] @ slopes + mean, rtol=1e-6)


def test_r2_is_one_less_the_share_of_the_variance_that_is_left():
    task, x, rng = made_up(name="position")
    x += 0.02 * task.target[:, None] * rng.normal(size=WIDTH)
    predicted = predict(x, task.target, task.fold, True)
    score, whole = measure(task.target, predicted, task)
    means = np.where(
        task.fold == 0, task.target[task.fold == 1].mean(), task.target[task.fold == 0].mean()
    )
    left = ((task.target - predicted) ** 2).sum() / ((task.target - means) ** 2).sum()
    assert score.sum() / whole.sum() == pytest.approx(1 - left)
    assert accuracy(list(probe(task, x))) == pytest.approx(1 - left)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000), name=st.sampled_from(["last name", "position"]))
def test_no_prediction_depends_on_its_own_label(seed, name):
    task, x, rng = made_up(seed, name)
    before = predict(x, task.target, task.fold, task.regression)
    changed = np.where(task.fold == 0, rng.permutation(task.target), task.target)
    after = predict(x, changed, task.fold, task.regression)
    np.testing.assert_array_equal(before[task.fold == 0], after[task.fold == 0])
    assert not np.array_equal(before[task.fold == 1], after[task.fold == 1])


def test_a_stream_that_names_its_document_helps_no_probe():
    task, _, rng = made_up()
    target = rng.integers(CLASSES, size=DOCUMENTS)[task.document].astype(float)
    one_hot = np.eye(DOCUMENTS)[task.document]
    rows = list(probe(task._replace(target=target), one_hot))
    assert accuracy(rows) < 0.5


def test_tasks_have_the_items_of_their_property_in_order():
    keys = ("property", "document", "token", "fold", "label", "target", "control")
    rows = [("b", 0, 3, 1, "x", 1.0, 0.0), ("a", 2, 5, 0, "y", 0.0, 2.0)]
    rows.append(("b", 1, 4, 0, "z", 2.0, 1.0))
    first, second = make_tasks([dict(zip(keys, row, strict=True)) for row in rows])
    assert (first.name, second.name) == ("b", "a")
    assert first.token.tolist() == [3, 4]
    assert first.control.tolist() == [0, 1]
    assert first.fold.tolist() == [1, 0]
