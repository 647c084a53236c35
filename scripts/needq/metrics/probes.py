"""Linear probes: what can be read from a residual stream by a linear function.

A probe of a class is multinomial logistic regression, that of the position is ridge regression,
both of scikit-learn, on activations that are scaled to mean 0 and variance 1. Each document is in
one of two folds. The probe that is tested on a document was trained on the other fold.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from needq.common.probes import FOLDS, POSITION
from needq.common.rows import ProbeItem, ProbeScore

# of logistic regression: inverse strength of the penalty, and the steps that it may take
C, STEPS, TOLERANCE = 0.1, 300, 1e-3
# of ridge regression: penalties, of which leave-one-out errors of the training items choose one
PENALTIES = tuple(10.0**power for power in range(-1, 6))


class Task(NamedTuple):
    """The items of one property as arrays (items,), in one order."""

    name: str
    document: np.ndarray
    token: np.ndarray  # its place in the ids of the document
    fold: np.ndarray
    target: np.ndarray
    control: np.ndarray

    @property
    def regression(self) -> bool:
        """Whether a number is predicted, and not a class."""
        return self.name == POSITION


def make_tasks(items: Sequence[ProbeItem]) -> list[Task]:
    """The task of each property, in the order of the items."""
    grouped: dict[str, list[ProbeItem]] = {}
    for item in items:
        grouped.setdefault(item["property"], []).append(item)
    return [
        Task(
            name,
            np.array([item["document"] for item in own]),
            np.array([item["token"] for item in own]),
            np.array([item["fold"] for item in own]),
            np.array([item["target"] for item in own]),
            np.array([item["control"] for item in own]),
        )
        for name, own in grouped.items()
    ]


def probe(task: Task, x: np.ndarray) -> Iterator[ProbeScore]:
    """How well a probe reads one property from activations (items, width): a row per document.

    `score` divided by `score_of`, each summed over documents, is the accuracy, or R2; so are those
    of the control task.
    """
    x = np.asarray(x, float)
    scores = [
        measure(target, predict(x, target, task.fold, task.regression), task)
        for target in (task.target, task.control)
    ]
    for document in np.unique(task.document):
        own = task.document == document
        (score, score_of), (control, control_of) = (
            (float(part[own].sum()), float(whole[own].sum())) for part, whole in scores
        )
        yield {
            "property": task.name,
            "document": int(document),
            "items": int(own.sum()),
            "score": score,
            "score_of": score_of,
            "control": control,
            "control_of": control_of,
        }


def predict(x: np.ndarray, target: np.ndarray, fold: np.ndarray, regression: bool) -> np.ndarray:
    """The prediction for each item (items,), by a probe that was trained on the other folds."""
    predicted = np.empty(len(target))
    for held_out in range(FOLDS):
        test = fold == held_out
        model = make_pipeline(StandardScaler(), _probe(regression))
        model.fit(x[~test], target[~test])
        predicted[test] = model.predict(x[test])
    return predicted


def _probe(regression: bool) -> RidgeCV | LogisticRegression:
    if regression:
        return RidgeCV(alphas=PENALTIES)
    return LogisticRegression(C=C, max_iter=STEPS, tol=TOLERANCE)


def measure(target: np.ndarray, predicted: np.ndarray, task: Task) -> tuple[np.ndarray, np.ndarray]:
    """What each item adds to the numerator of the accuracy or of R2, and to the denominator.

    An item of a class adds 1 if it is right, of 1. One of the position adds the squared error of
    the mean of the training items less the squared error of the probe, of the former.
    """
    if not task.regression:
        return (predicted == target).astype(float), np.ones(len(target))
    means = np.empty(len(target))
    for held_out in range(FOLDS):
        test = task.fold == held_out
        means[test] = target[~test].mean()
    total = (target - means) ** 2
    return total - (target - predicted) ** 2, total
