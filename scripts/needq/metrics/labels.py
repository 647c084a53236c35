"""Labels of generated texts: each gets the class of the reference texts that it resembles most.

It is judged by features of its tokens and their nll under the pristine model. No threshold is set
by hand: all come from the reference texts (quadratic discriminant analysis, Friedman 1989,
"Regularized discriminant analysis").
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy
import pandas
from pandas import DataFrame

from needq.common import columns
from needq.common.keys import ALL_LABELS, INTERVENTION, LABELS, UNLABELLED
from needq.metrics.calibration import KINDS
from needq.metrics.estimates import first_values, share, spelled
from needq.metrics.ngrams import seq_rep

FEATURES = ("nll_mean", "nll_std", "nll_median", "frequency", "rep_1", "rep_2", "rep_4")
SHORTEST = 8  # tokens; shorter texts get no label
FOLDS = 5
ENOUGH = 2 * FOLDS  # texts of the pristine model that labels are fitted to, at least
SHRINKAGES = (0.01, 0.03, 0.1, 0.3, 1.0)
TYPICAL = 0.99  # share of a kind's own controls that resemble it


@dataclass(frozen=True)
class Classifier:
    """A normal distribution of features for each kind of control.

    `log_frequency` [vocabulary]; `means` [kinds, features]; `covariances` [kinds, features,
    features]; `reach` [kinds] is the squared Mahalanobis distance within which a text resembles a
    kind. Labels weigh the same, and so do the kinds of one label.
    """

    log_frequency: numpy.ndarray
    means: numpy.ndarray
    covariances: numpy.ndarray
    reach: numpy.ndarray

    def labelled(self, texts: DataFrame) -> DataFrame:
        """`label` and `typical` for each row of `texts`, which has `tokens` and their `nlls`.

        `typical` says whether the text resembles any kind of control. Both are missing for texts
        of fewer than SHORTEST tokens.
        """
        found = unlabelled(texts)
        long = texts["tokens"].map(len) >= SHORTEST
        if long.any():
            rows = features(texts[long], self.log_frequency)
            likelihood = _label_likelihoods(self.means, self.covariances, rows)
            found.loc[long, "label"] = numpy.array(LABELS)[likelihood.argmax(1)]
            near = _distances(self.means, self.covariances, rows) <= self.reach
            found.loc[long, "typical"] = near.any(1)
        return found


def unlabelled(texts: DataFrame) -> DataFrame:
    """What `Classifier.labelled` gives where no text has a label."""
    return DataFrame({"label": None, "typical": None}, index=texts.index, dtype=object)


def fit(controls: DataFrame, vocabulary: int) -> Classifier | None:
    """The classifier of `controls` (which have `nlls`, as texts do) that are not held out.

    None if fewer than ENOUGH texts of the pristine model, fitted or held out, have SHORTEST tokens.
    A kind's covariance is shrunk towards the mean of all kinds, (1 - s) S_kind + s S_mean, with
    the s among SHRINKAGES that gives held-out folds of the sources the most likely labels. A
    kind's reach is the distance that TYPICAL of its controls keep in the folds they are held out
    of.
    """
    long = controls["tokens"].map(len) >= SHORTEST
    if min((long & (controls["kind"] == "own")).groupby(controls["held_out"]).sum()) < ENOUGH:
        return None
    mine = controls[~controls["held_out"] & long]
    counts = Counter(token for tokens in mine["tokens"][mine["kind"] == "own"] for token in tokens)
    shares = numpy.array([counts[token] + 1 for token in range(vocabulary)], float)
    log_frequency = numpy.log(shares / shares.sum())
    rows, kinds = features(mine, log_frequency), mine["kind"].to_numpy()
    folds = mine["source"].to_numpy() % FOLDS
    truth = numpy.array([LABELS.index(KINDS[kind]) for kind in kinds])
    scores, reaches = [], []
    for shrinkage in SHRINKAGES:
        likelihood = numpy.empty((len(rows), len(LABELS)))
        distance = numpy.empty((len(rows), len(KINDS)))
        for fold in range(FOLDS):
            out = folds == fold
            moments = _moments(rows[~out], kinds[~out], shrinkage)
            likelihood[out] = _label_likelihoods(*moments, rows[out])
            distance[out] = _distances(*moments, rows[out])
        likelihood -= numpy.logaddexp.reduce(likelihood, axis=1, keepdims=True)
        scores.append(likelihood[numpy.arange(len(rows)), truth].sum())
        reaches.append(
            [
                numpy.quantile(distance[kinds == kind, index], TYPICAL)
                for index, kind in enumerate(KINDS)
            ]
        )
    best = int(numpy.argmax(scores))
    moments = _moments(rows, kinds, SHRINKAGES[best])
    return Classifier(log_frequency, *moments, numpy.array(reaches[best]))


def features(texts: DataFrame, log_frequency: numpy.ndarray) -> numpy.ndarray:
    """FEATURES [texts, 7] of `texts`, which has `tokens` and their `nlls` (pristine model).

    Mean, standard deviation and median of the nll, the mean log frequency of the tokens in the
    pristine model's texts, and the shares of 1-, 2- and 4-grams that repeat an earlier one.
    """
    return numpy.array(
        [
            [
                numpy.mean(nlls),
                numpy.std(nlls),
                numpy.median(nlls),
                log_frequency[list(tokens)].mean(),
                *(seq_rep(tokens, n) for n in (1, 2, 4)),
            ]
            for tokens, nlls in zip(texts["tokens"], texts["nlls"], strict=True)
        ]
    )


def _moments(
    rows: numpy.ndarray, kinds: numpy.ndarray, shrinkage: float
) -> tuple[numpy.ndarray, numpy.ndarray]:
    """The mean of each kind's features, and their covariance, shrunk towards that of all kinds."""
    means = numpy.array([rows[kinds == kind].mean(0) for kind in KINDS])
    covariances = numpy.array([numpy.cov(rows[kinds == kind].T) for kind in KINDS])
    return means, (1 - shrinkage) * covariances + shrinkage * covariances.mean(0)


def _distances(
    means: numpy.ndarray, covariances: numpy.ndarray, rows: numpy.ndarray
) -> numpy.ndarray:
    """Squared Mahalanobis distances [rows, kinds] of features [rows, features]."""
    found = []
    for mean, covariance in zip(means, covariances, strict=True):
        off = rows - mean
        found.append((off * numpy.linalg.solve(covariance, off.T).T).sum(1))
    return numpy.stack(found, axis=1)


def _label_likelihoods(
    means: numpy.ndarray, covariances: numpy.ndarray, rows: numpy.ndarray
) -> numpy.ndarray:
    """The log likelihood [rows, labels] of features under each label, up to a constant."""
    _, volumes = numpy.linalg.slogdet(covariances)
    likelihood = -0.5 * (_distances(means, covariances, rows) + volumes)
    names = list(KINDS.values())
    return numpy.stack(
        [
            numpy.logaddexp.reduce(likelihood[:, [name == label for name in names]], axis=1)
            - numpy.log(names.count(label))
            for label in LABELS
        ],
        axis=1,
    )


def article_bands(blocks: int) -> dict[str, tuple[int, int]]:
    """The first and last number of blocks replaced at which the article sees each label.

    Its bands are quarters of its model's 12 blocks, so quarters of the `blocks` of any model.
    """
    return {
        label: ((quarter * blocks) // 4 + 1, ((quarter + 1) * blocks) // 4)
        for quarter, label in enumerate(LABELS)
    }


def commonest(texts: DataFrame) -> str:
    """The label that most of the texts have; of several, the one nearest to normal."""
    counts = texts["label"].fillna(UNLABELLED).value_counts()
    return max(ALL_LABELS, key=lambda label: counts.get(label, 0))


def confusion(classifier: Classifier, controls: DataFrame) -> DataFrame:
    """How many held-out controls of each kind got which label: rows KINDS, columns LABELS."""
    mine = controls[controls["held_out"] & (controls["tokens"].map(len) >= SHORTEST)]
    counts = pandas.crosstab(mine["kind"], classifier.labelled(mine)["label"])
    return counts.reindex(index=list(KINDS), columns=list(LABELS), fill_value=0)


def pair_accuracy(counts: DataFrame) -> dict[tuple[str, str], float]:
    """For each two neighbouring labels, the share of their controls that got their own label.

    `counts` is a `confusion`. Both labels weigh the same; a control that got a third label counts
    as wrong.
    """
    by_label = counts.groupby(pandas.Series(KINDS), sort=False).sum()
    right = {label: by_label.loc[label, label] / by_label.loc[label].sum() for label in LABELS}
    return {
        (one, other): float(right[one] + right[other]) / 2
        for one, other in zip(LABELS, LABELS[1:], strict=False)
    }


def shares_table(labelled: Mapping[str, DataFrame]) -> DataFrame:
    """`labels.tsv`: for each backend's texts, one row an intervention and label.

    `labelled` maps backends to rows of a text's keys with `label`, missing where it has none.
    """
    rows = []
    for backend, texts in labelled.items():
        for _, part in texts.groupby(["sweep", "intervention"]):
            given = part["label"].fillna(UNLABELLED)
            for label in ALL_LABELS:
                row = first_values(part, INTERVENTION) | {"backend": backend, "label": label}
                has = part.assign(share=(given == label).astype(float))
                row |= spelled("share", share(has, "share", "prompt"))
                rows.append(row | {"texts": len(part)})
    table = DataFrame(rows, columns=list(columns.LABELS)).astype({"block": "Int64"})
    return table.sort_values(["sweep", "intervention"], kind="stable")


def confusion_table(classifier: Classifier | None, controls: DataFrame) -> DataFrame:
    """`label_confusion.tsv`: held-out controls by their kind and the label that they got."""
    if classifier is None:
        return DataFrame(columns=list(columns.LABEL_CONFUSION))
    counts = confusion(classifier, controls)
    table = counts.reset_index(names="kind")
    table.insert(1, "of", table["kind"].map(KINDS))
    return table.melt(["kind", "of"], list(LABELS), "label", "controls").sort_values(
        "kind", key=lambda kinds: kinds.map(list(KINDS).index), kind="stable"
    )


def quality_table(
    classifier: Classifier | None, controls: DataFrame, labelled: Mapping[str, DataFrame]
) -> DataFrame:
    """`label_quality.tsv`: the accuracy of neighbouring labels, and what resembles no control."""
    if classifier is None:
        return DataFrame(columns=list(columns.LABEL_QUALITY))
    rows = []
    for pair, accuracy in pair_accuracy(confusion(classifier, controls)).items():
        of_pair = controls["held_out"] & controls["kind"].map(KINDS).isin(pair)
        row = {"measure": f"accuracy of {pair[0]} and {pair[1]}", "value": accuracy}
        rows.append(row | {"texts": int(of_pair.sum())})
    held_out = classifier.labelled(controls[controls["held_out"]])
    named = {"held-out controls": held_out}
    named |= {f"texts of {backend}": texts for backend, texts in labelled.items()}
    for name, texts in named.items():
        typical = texts["typical"].dropna().astype(bool)
        row = {"measure": f"{name} that resemble no control", "value": 1 - typical.mean()}
        rows.append(row | {"texts": len(typical)})
    return DataFrame(rows, columns=list(columns.LABEL_QUALITY))
