"""The table of degradation: what each intervention does to a model, as means with intervals."""

import numpy
from pandas import DataFrame

from needq.common import columns
from needq.common.keys import INTERVENTION
from needq.metrics.estimates import estimated, first_values, mean, share, spelled
from needq.metrics.labels import commonest
from needq.metrics.ngrams import distinct, seq_rep


def degradation_table(
    backend: str,
    texts: DataFrame,
    text_scores: DataFrame,
    evaluation: DataFrame,
    answers: DataFrame,
    labels: DataFrame,
) -> DataFrame:
    """`degradation.tsv` for one backend: one row an intervention.

    `evaluation`: one row a document with `nll`, `kl`, `top1_agreement`, `tokens` and `bytes`. Of
    the interventions that were run in full, `texts`: one row a text with its `tokens`;
    `text_scores` and `labels`: the same texts with `text_nll` and `label`; `answers`: one row an
    `item` of a `probe`, with `right`.
    """
    texts = texts.assign(
        seq_rep_4=[seq_rep(tokens, 4) for tokens in texts["tokens"]],
        distinct_2=[distinct(tokens, 2) for tokens in texts["tokens"]],
    )
    bits = evaluation["nll"] * evaluation["tokens"] / numpy.log(2)
    evaluation = evaluation.assign(bits_per_byte=bits / evaluation["bytes"])
    keys = ["sweep", "intervention"]
    given, scores, labelled, answered = (
        dict(iter(rows.groupby(keys))) for rows in (texts, text_scores, labels, answers)
    )
    rows = []
    for key, part in evaluation.groupby(keys):
        row = first_values(part, INTERVENTION) | {"backend": backend}
        row |= estimated("nll", part, "document", low=0)
        row["bits_per_byte"] = float(mean(part, "bits_per_byte", "document").mean)
        row |= estimated("kl", part, "document", low=0)
        row |= estimated("top1_agreement", part, "document", low=0, high=1)
        row |= {"noise_seeds": part["noise_seed"].nunique(), "texts": 0}
        if key in given:
            row["label"] = commonest(labelled[key])
            row |= estimated("text_nll", scores[key], "prompt", low=0)
            row |= estimated("seq_rep_4", given[key], "prompt", low=0, high=1)
            row |= estimated("distinct_2", given[key], "prompt", low=0, high=1)
            row |= {"texts": len(given[key]), "example": example(given[key])}
        if key in answered:
            for probe, own in answered[key].groupby("probe"):
                row |= spelled(probe, share(own, "right", "item"))
        rows.append(row)
    return DataFrame(rows, columns=list(columns.DEGRADATION)).astype({"block": "Int64"})


def example(texts: DataFrame) -> str:
    """The text of the first noise seed, prompt and sample seed."""
    order = texts.sort_values(["noise_seed", "prompt", "sample_seed"], na_position="first")
    return order["text"].iloc[0]
