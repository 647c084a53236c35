"""Labels of generated texts: each gets the label of the reference texts that it resembles most.

Texts are compared by features of their tokens and of the nll of these under the pristine model. No
threshold is set by hand: all come from the reference texts (quadratic discriminant analysis,
Friedman 1989, "Regularized discriminant analysis").
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy
import pandas
from pandas import DataFrame, Series

from needq.common import columns
from needq.common.keys import ALL_LABELS, INTERVENTION, LABELS, NONE, UNLABELLED, text_hash
from needq.common.logs import progress
from needq.metrics.calibration import KINDS
from needq.metrics.estimates import as_columns, first_values, share
from needq.metrics.features import SHORTEST, features, log_frequencies
from needq.metrics.graded import Scales, scales_quality, ungraded
from needq.metrics.graded_texts import GROUPS, groups

FOLDS = 5
ENOUGH = 2 * FOLDS  # the least number of texts of the pristine model to fit labels to
SHRINKAGES = (0.01, 0.03, 0.1, 0.3, 1.0)
LABEL_OF = KINDS | GROUPS  # of each kind of reference text
IN_DISTRIBUTION = 0.99  # the share of a kind's own texts that resemble it


@dataclass(frozen=True)
class Classifier:
    """A normal distribution of features for each kind of reference text.

    `kinds` are those of LABEL_OF that there were enough texts of. `log_frequency` [vocabulary];
    `means` [kinds, features]; `covariances` [kinds, features,
    features]; `reach` [kinds] is the squared Mahalanobis distance within which a text resembles a
    kind. Labels weigh the same, and so do the kinds of one label.
    """

    kinds: tuple[str, ...]
    log_frequency: numpy.ndarray
    means: numpy.ndarray
    covariances: numpy.ndarray
    reach: numpy.ndarray

    def labels(self, texts: DataFrame) -> Series:
        """The label of each text; `texts` has `tokens` and their `nlls`.

        It is NONE for a text that resembles no kind of reference text, and missing for texts of
        fewer than SHORTEST tokens.
        """
        labels = unlabelled(texts)
        long = texts["tokens"].map(len) >= SHORTEST
        if long.any():
            rows = features(texts[long], self.log_frequency)
            likelihood = _label_likelihoods(self.kinds, self.means, self.covariances, rows)
            near = (_distances(self.means, self.covariances, rows) <= self.reach).any(1)
            labels[long] = numpy.where(near, numpy.array(LABELS)[likelihood.argmax(1)], NONE)
        return labels


def unlabelled(texts: DataFrame) -> Series:
    """The result of `Classifier.labels` if no text gets a label."""
    return Series([None] * len(texts), index=texts.index, dtype=object)


def fit(references: DataFrame, vocabulary: int) -> Classifier | None:
    """The classifier fitted to the `references` (which have `nlls`) that are not held out.

    None if fewer than ENOUGH texts of the pristine model, fitted or held out, have SHORTEST tokens.
    The covariance of a kind is shrunk towards the mean of all kinds, (1 - s) S_kind + s S_mean,
    where s is the one of SHRINKAGES that gives the true labels the highest likelihood on held-out
    folds of the sources. The reach of a kind is the distance within which IN_DISTRIBUTION of its
    texts are when their fold is held out.
    """
    long = references["tokens"].map(len) >= SHORTEST
    if min((long & (references["kind"] == "own")).groupby(references["held_out"]).sum()) < ENOUGH:
        return None
    mine = references[~references["held_out"] & long]
    log_frequency = log_frequencies(mine["tokens"][mine["kind"] == "own"], vocabulary)
    counts = groups(mine).value_counts()
    names = tuple(kind for kind in LABEL_OF if counts.get(kind, 0) >= ENOUGH)
    mine = mine[groups(mine).isin(names)]
    rows, kinds = features(mine, log_frequency), groups(mine).to_numpy()
    folds = mine["source"].to_numpy() % FOLDS
    truth = numpy.array([LABELS.index(LABEL_OF[kind]) for kind in kinds])
    scores, reaches = [], []
    for shrinkage in SHRINKAGES:
        likelihood = numpy.empty((len(rows), len(LABELS)))
        distance = numpy.empty((len(rows), len(names)))
        for fold in range(FOLDS):
            out = folds == fold
            moments = _moments(names, rows[~out], kinds[~out], shrinkage)
            likelihood[out] = _label_likelihoods(names, *moments, rows[out])
            distance[out] = _distances(*moments, rows[out])
        likelihood -= numpy.logaddexp.reduce(likelihood, axis=1, keepdims=True)
        scores.append(likelihood[numpy.arange(len(rows)), truth].sum())
        reaches.append(
            [
                numpy.quantile(distance[kinds == kind, index], IN_DISTRIBUTION)
                for index, kind in enumerate(names)
            ]
        )
    best = int(numpy.argmax(scores))
    moments = _moments(names, rows, kinds, SHRINKAGES[best])
    return Classifier(names, log_frequency, *moments, numpy.array(reaches[best]))


def _moments(
    names: Sequence[str], rows: numpy.ndarray, kinds: numpy.ndarray, shrinkage: float
) -> tuple[numpy.ndarray, numpy.ndarray]:
    """The mean of each kind's features, and their covariance, shrunk towards that of all kinds."""
    means = numpy.array([rows[kinds == kind].mean(0) for kind in names])
    covariances = numpy.array([numpy.cov(rows[kinds == kind].T) for kind in names])
    return means, (1 - shrinkage) * covariances + shrinkage * covariances.mean(0)


def _distances(
    means: numpy.ndarray, covariances: numpy.ndarray, rows: numpy.ndarray
) -> numpy.ndarray:
    """Squared Mahalanobis distances [rows, kinds] of features [rows, features]."""
    distances = []
    for mean, covariance in zip(means, covariances, strict=True):
        off = rows - mean
        distances.append((off * numpy.linalg.solve(covariance, off.T).T).sum(1))
    return numpy.stack(distances, axis=1)


def _label_likelihoods(
    kinds: Sequence[str], means: numpy.ndarray, covariances: numpy.ndarray, rows: numpy.ndarray
) -> numpy.ndarray:
    """The log likelihood [rows, labels] of features under each label, up to a constant."""
    _, volumes = numpy.linalg.slogdet(covariances)
    likelihood = -0.5 * (_distances(means, covariances, rows) + volumes)
    names = [LABEL_OF[kind] for kind in kinds]
    return numpy.stack(
        [
            numpy.logaddexp.reduce(likelihood[:, [name == label for name in names]], axis=1)
            - numpy.log(names.count(label))
            for label in LABELS
        ],
        axis=1,
    )


def label_texts(
    classifier: Classifier | None,
    scales: Scales | None,
    texts: Mapping[str, DataFrame],
    scores: Mapping[str, DataFrame],
) -> dict[str, DataFrame]:
    """The texts of each backend with their labels and their damaged shares (`Scales.estimates`).

    Without a classifier no text has a label, and without scales none has a share.

    `texts` and `scores` map backends to rows of schemas.TEXTS and TEXT_SCORES, in one order.
    """
    labelled = {}
    for backend in progress(list(texts), "backends"):
        rows = texts[backend].assign(nlls=scores[backend]["nlls"])
        rows["text_hash"] = rows["tokens"].map(text_hash)
        labels = classifier.labels(rows) if classifier else unlabelled(rows)
        graded = scales.estimates(rows) if scales else ungraded(rows)
        labelled[backend] = rows.drop(columns="tokens").assign(label=labels).join(graded)
    return labelled


def article_bands(n_blocks: int) -> dict[str, tuple[int, int]]:
    """The first and the last number of blocks replaced for which the article names each label.

    The article's ranges are quarters of the 12 blocks of its model, so they are quarters of the
    `n_blocks` of any model.
    """
    return {
        label: ((quarter * n_blocks) // 4 + 1, ((quarter + 1) * n_blocks) // 4)
        for quarter, label in enumerate(LABELS)
    }


def most_frequent_label(texts: DataFrame) -> str:
    """The label that most of the texts have; in a tie, the one nearest to normal."""
    counts = texts["label"].fillna(UNLABELLED).value_counts()
    return max(ALL_LABELS, key=lambda label: counts.get(label, 0))


def confusion(classifier: Classifier, references: DataFrame) -> DataFrame:
    """How many held-out texts of each kind got each label, or none: rows LABEL_OF."""
    mine = references[references["held_out"] & (references["tokens"].map(len) >= SHORTEST)]
    counts = pandas.crosstab(groups(mine), classifier.labels(mine))
    return counts.reindex(index=list(LABEL_OF), columns=[*LABELS, NONE], fill_value=0)


def pair_accuracy(counts: DataFrame) -> dict[tuple[str, str], float]:
    """For each two neighbouring labels, the share of texts of KINDS that got their true label.

    Graded texts are left out, since some are near the limit of their label. `counts` is the result
    of `confusion`. Both labels have the same weight. A text that got a third label, or none of
    these, counts as wrong.
    """
    by_label = counts.groupby(pandas.Series(KINDS), sort=False).sum()
    accuracy = {label: by_label.loc[label, label] / by_label.loc[label].sum() for label in LABELS}
    return {
        (left, right): float(accuracy[left] + accuracy[right]) / 2
        for left, right in pairwise(LABELS)
    }


def shares_table(labelled: Mapping[str, DataFrame]) -> DataFrame:
    """`labels.tsv`: for each backend's texts, one row per intervention and label.

    `labelled` maps backends to rows with the key of a text and `label`, which may be missing.
    """
    rows = []
    for backend, texts in labelled.items():
        for _, part in texts.groupby(["sweep", "intervention"]):
            got = part["label"].fillna(UNLABELLED)
            for label in ALL_LABELS:
                row = first_values(part, INTERVENTION) | {"backend": backend, "label": label}
                has = part.assign(share=(got == label).astype(float))
                row |= as_columns("share", share(has, "share", "prompt"))
                rows.append(row | {"texts": len(part)})
    table = DataFrame(rows, columns=list(columns.LABELS)).astype({"block": "Int64"})
    return table.sort_values(["sweep", "intervention"], kind="stable")


def confusion_table(classifier: Classifier | None, references: DataFrame) -> DataFrame:
    """`label_confusion.tsv`: held-out reference texts by their kind and the label that they got."""
    if classifier is None:
        return DataFrame(columns=list(columns.LABEL_CONFUSION))
    counts = confusion(classifier, references)
    table = counts.reset_index(names="kind")
    table.insert(1, "true_label", table["kind"].map(LABEL_OF))
    return table.melt(
        ["kind", "true_label"], [*LABELS, NONE], "label", "reference_texts"
    ).sort_values("kind", key=lambda kinds: kinds.map(list(LABEL_OF).index), kind="stable")


def quality_table(
    classifier: Classifier | None,
    scales: Scales | None,
    references: DataFrame,
    labelled: Mapping[str, DataFrame],
) -> DataFrame:
    """`label_quality.tsv`: the accuracy of neighbouring labels, texts unlike all references, and
    how often intervals of damaged shares hold the truth.
    """
    if classifier is None:
        return DataFrame(columns=list(columns.LABEL_QUALITY))
    rows = []
    for pair, accuracy in pair_accuracy(confusion(classifier, references)).items():
        of_pair = references["held_out"] & references["kind"].map(KINDS).isin(pair)
        row = {"measure": f"accuracy of {pair[0]} and {pair[1]}", "value": accuracy}
        rows.append(row | {"texts": int(of_pair.sum())})
    groups = {"held-out reference texts": classifier.labels(references[references["held_out"]])}
    for backend, texts in labelled.items():
        for sweep, own in texts.groupby("sweep"):
            name = f"texts of {backend} in {sweep}"
            groups[name] = own["label"]
            for count, part in own.groupby("blocks_replaced"):
                groups[f"{name} with {count} blocks replaced"] = part["label"]
    for name, labels in groups.items():
        known = labels.dropna()
        if not len(known):
            continue
        row = {
            "measure": f"{name} that resemble no reference text",
            "value": (known == NONE).mean(),
        }
        rows.append(row | {"texts": len(known)})
    rows += scales_quality(scales, references)
    return DataFrame(rows, columns=list(columns.LABEL_QUALITY))
