"""The table of degradation: what each intervention does to a model, as means with intervals."""

from collections.abc import Mapping, Sequence

import numpy
import pandas
from pandas import DataFrame

from needq.common import columns
from needq.common.keys import INTERVENTION
from needq.common.logs import progress
from needq.common.positions import BANDS
from needq.metrics.estimates import as_columns, estimated, first_values, mean, share
from needq.metrics.labels import most_frequent_label
from needq.metrics.ngrams import distinct, seq_rep

# what is averaged of the evaluation text: all tokens, and each band of position
PARTS = ("", *(f"_{band}" for band in BANDS))


def degradation_tables(
    backends: Sequence[str],
    texts: Mapping[str, DataFrame],
    text_scores: Mapping[str, DataFrame],
    evaluation: Mapping[str, DataFrame],
    answers: Mapping[str, DataFrame],
    labels: Mapping[str, DataFrame],
) -> DataFrame:
    """`degradation.tsv` of all `backends`; the other arguments map them to their rows."""
    stages = (texts, text_scores, evaluation, answers, labels)
    parts = [
        degradation_table(backend, *(stage[backend] for stage in stages))
        for backend in progress(backends, "backends")
    ]
    return pandas.concat(parts).sort_values(["sweep", "intervention"], kind="stable")


def degradation_table(
    backend: str,
    texts: DataFrame,
    text_scores: DataFrame,
    evaluation: DataFrame,
    answers: DataFrame,
    labels: DataFrame,
) -> DataFrame:
    """`degradation.tsv` for one backend: one row per intervention.

    `evaluation` has one row per document with `nll` (of all tokens, and by band), `kl`,
    `top1_agreement`, `tokens` and `bytes`.
    `texts` has one row per text that the backend generated, with its `tokens`; `text_scores` and
    `labels` have `pristine_nll` and `label` of these texts; `answers` has one row per `item` of a
    `task`, with `right`.
    """
    texts = texts.assign(
        seq_rep_4=[seq_rep(tokens, 4) for tokens in texts["tokens"]],
        distinct_2=[distinct(tokens, 2) for tokens in texts["tokens"]],
    )
    bits = evaluation["nll"] * evaluation["tokens"] / numpy.log(2)
    evaluation = with_rises(evaluation.assign(bits_per_byte=bits / evaluation["bytes"]))
    keys = ["sweep", "intervention"]
    generated, scores, labelled, answered = (
        dict(iter(rows.groupby(keys))) for rows in (texts, text_scores, labels, answers)
    )
    rows = []
    for key, part in evaluation.groupby(keys):
        row = first_values(part, INTERVENTION) | {"backend": backend}
        for name in ("bits_per_byte", *(f"nll{of}" for of in PARTS)):
            row[name] = float(mean(part, name, "document").mean)
        for name in (f"rise{of}" for of in PARTS):
            # the rise of the pristine model is 0 by definition, so it has no interval
            row |= estimated(name, part, "document") if row["blocks_replaced"] else {name: 0.0}
        row |= estimated("kl", part, "document", low=0)
        row |= estimated("top1_agreement", part, "document", low=0, high=1)
        row |= {"noise_seeds": part["noise_seed"].nunique(), "texts": 0}
        row["documents"] = part["document"].nunique()
        if key in generated:
            row["label"] = most_frequent_label(labelled[key])
            row |= estimated("pristine_nll", scores[key], "prompt", low=0)
            row |= estimated("seq_rep_4", generated[key], "prompt", low=0, high=1)
            row |= estimated("distinct_2", generated[key], "prompt", low=0, high=1)
            row |= {"texts": len(generated[key]), "example": example(generated[key])}
        if key in answered:
            for task, own in answered[key].groupby("task"):
                row |= as_columns(task, share(own, "right", "item"))
        rows.append(row)
    return DataFrame(rows, columns=list(columns.DEGRADATION)).astype({"block": "Int64"})


def with_rises(evaluation: DataFrame) -> DataFrame:
    """`evaluation` with `rise` and its bands: each document's nll less the pristine model's.

    Each sweep has its rows of the pristine model, with `blocks_replaced` 0.
    """
    keys, values = ["sweep", "document"], [f"nll{of}" for of in PARTS]
    pristine = evaluation.loc[evaluation["blocks_replaced"] == 0, keys + values]
    before = evaluation[keys].merge(pristine, on=keys, how="left", validate="many_to_one")
    rises = evaluation[values].to_numpy(float) - before[values].to_numpy(float)
    return evaluation.assign(**{f"rise{of}": rises[:, at] for at, of in enumerate(PARTS)})


def example(texts: DataFrame) -> str:
    """The text of the first noise seed, prompt and sample seed."""
    order = texts.sort_values(["noise_seed", "prompt", "sample_seed"], na_position="first")
    return order["text"].iloc[0]
