"""The tables of labels: how the texts are labelled, and how well labels are told apart."""

from collections.abc import Mapping

from pandas import DataFrame

from needq.common import columns
from needq.metrics import degradation as metrics
from needq.metrics.labels import (
    ALL,
    KINDS,
    LABELS,
    UNLABELLED,
    Classifier,
    confusion,
    pair_accuracy,
)


def shares(labelled: Mapping[str, DataFrame]) -> DataFrame:
    """`labels.tsv`: for each backend's texts, one row an intervention and label.

    `labelled` maps backends to rows of a text's keys with `label`, missing where it has none.
    """
    rows = []
    for backend, texts in labelled.items():
        for key, part in texts.groupby(metrics.INTERVENTION):
            given = part["label"].fillna(UNLABELLED)
            for label in ALL:
                row = dict(zip(metrics.INTERVENTION, key, strict=True))
                row |= {"backend": backend, "label": label}
                has = part.assign(share=(given == label).astype(float))
                row |= metrics.spelled("share", metrics.share(has, "share", "prompt"))
                rows.append(row | {"texts": len(part)})
    table = DataFrame(rows, columns=list(columns.LABELS))
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


def quality(
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
