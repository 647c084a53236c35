"""How a damaged model compares with n-gram models, by the tables of both."""

from typing import NamedTuple

from pandas import DataFrame, Series

YARDSTICK = 2  # the n of the model that answers speak of: it knows the last token alone
NGRAMS = {1: "unigram", 2: "bigram", 3: "trigram", 4: "4-gram", 5: "5-gram"}
# what each knows of the text before a token
KNOWN = {1: "no token before", 2: "the last token alone"}
KNOWN |= {n: f"the last {n - 1} tokens alone" for n in (3, 4, 5)}


class Compared(NamedTuple):
    """The n of the n-gram models that predict better than a model, and of those that predict worse.

    Models whose 95% intervals overlap with the model's are in neither.
    """

    better: list[int]
    worse: list[int]


def compare(row: Series, baselines: DataFrame | None, column: str = "rise") -> Compared:
    """How a row of `degradation.tsv` compares with `baselines.tsv`, by the rise of nll.

    The pristine model has no interval, and a rise of 0.
    """
    if baselines is None:
        return Compared([], [])
    low, high = (
        row[column] if row["blocks_replaced"] == 0 else row[f"{column}_{end}"]
        for end in ("low", "high")
    )
    better = baselines["n"][baselines[f"{column}_high"] < low]
    worse = baselines["n"][baselines[f"{column}_low"] > high]
    return Compared(sorted(map(int, better)), sorted(map(int, worse)))
