"""Texts of two backends side by side, cut where they part."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas
from pandas import DataFrame

KEYS = ["sweep", "intervention", "noise_seed", "prompt", "sample_seed"]
Decode = Callable[[Sequence[int]], str]


def cut(tokens: Sequence[int], place: int, decode: Decode) -> tuple[str, str, str]:
    """A text before, at and after its token `place`; "" at a place beyond its end.

    What a token adds to the text before it, since some tokenizers write no blank before the first.
    """
    tokens = [int(token) for token in tokens]
    before, until = decode(tokens[:place]), decode(tokens[: place + 1])
    whole = decode(tokens)
    return before, until[len(before) :], whole[len(until) :]


def examples(
    divergence: DataFrame, texts: Mapping[str, DataFrame], decode: Decode
) -> list[dict[str, Any]]:
    """Of each pair, the first text that parts under each intervention.

    First by noise seed, prompt and sample seed: none is chosen for its looks. `texts` maps a
    backend to its rows of generate. Pairs of which no text parts are listed without rows.
    """
    found = []
    tested = divergence[divergence["left"] != divergence["right"]]
    for (left, right), rows in tested.groupby(["left", "right"], sort=False):
        apart = rows[rows["first_divergent_token"].notna()].sort_values(KEYS, na_position="first")
        firsts = apart.drop_duplicates("intervention")
        found.append(
            {
                "left": left,
                "right": right,
                "texts": len(rows),
                "parted": len(apart),
                "rows": [
                    _example(row, texts[left], texts[right], decode) for _, row in firsts.iterrows()
                ],
            }
        )
    return found


def _example(row: pandas.Series, left: DataFrame, right: DataFrame, decode: Decode):
    place = int(row["first_divergent_token"])
    return {
        **{name: row[name] for name in ("intervention", "prompt", "margin")},
        "noise_seed": None if pandas.isna(row["noise_seed"]) else int(row["noise_seed"]),
        "sample_seed": int(row["sample_seed"]),
        "place": place,
        "left": cut(_tokens(left, row), place, decode),
        "right": cut(_tokens(right, row), place, decode),
    }


def _tokens(texts: DataFrame, row: pandas.Series) -> Sequence[int]:
    """The tokens of the text that a row is about."""
    mine = texts
    for name in KEYS:
        column = mine[name]
        mine = mine[
            (column.isna() if pandas.isna(row[name]) else column == row[name]).fillna(False)
        ]
    (tokens,) = mine["tokens"]
    return tokens
