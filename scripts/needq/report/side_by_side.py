"""The page of texts of two backends side by side, cut where they diverge."""

from collections.abc import Callable, Mapping, Sequence

import pandas
from pandas import DataFrame

from needq.common.backends import Backend
from needq.common.keys import TEXT
from needq.plan.corners import DRAWS, NOISE, predicted, unlike
from needq.report.content import Cut, Example, Pair
from needq.report.pages import Pages

KEYS = list(TEXT)
Decode = Callable[[Sequence[int]], str]


class SideBySidePages(Pages):
    """Renders the page of texts side by side."""

    def side_by_side(
        self, pairs: Sequence[Pair], prompts: Sequence[str], backends: Mapping[str, Backend]
    ) -> str:
        """The page of diverged texts; `pairs` is the result of `examples`."""
        shown = [(pair, backends[pair["left"]], backends[pair["right"]]) for pair in pairs]
        return self._render(
            "side_by_side.html",
            title="Texts side by side",
            lead="For each pair of backends and each intervention, the first text that diverges, "
            "in the order of noise seeds, prompts and sample seeds. The first divergent token is "
            "marked.",
            pairs=[(pair, explain(*ways), DRAWS in unlike(*ways)) for pair, *ways in shown],
            prompts=prompts,
            named=self.named,
        )


def explain(left: Backend, right: Backend) -> str:
    """What can make the texts of two backends differ."""
    causes = unlike(left, right)
    words, left_over = "They choose tokens with the same random numbers.", "rounding"
    if DRAWS in predicted(left, right):
        words = "One predicts the random numbers with which the other, a GPU, chooses tokens."
        left_over = "rounding or a wrong prediction"
    if DRAWS in causes:
        words = "They choose tokens with different random numbers, so their texts diverge at once."
    elif NOISE not in causes:
        words += f" So only {left_over} can make their texts diverge."
    if NOISE in causes:
        words += " Their noise is different too: if blocks are replaced, they are different models."
    return words


def cut(tokens: Sequence[int], place: int, decode: Decode) -> Cut:
    """The text before, at and after its token `place`; "" at a place beyond its end.

    A token is shown as what it adds to the text before it, since some tokenizers write no blank
    before the first token.
    """
    tokens = [int(token) for token in tokens]
    before, until = decode(tokens[:place]), decode(tokens[: place + 1])
    whole = decode(tokens)
    return before, until[len(before) :], whole[len(until) :]


def examples(divergence: DataFrame, texts: Mapping[str, DataFrame], decode: Decode) -> list[Pair]:
    """For each pair and intervention, the first text that diverges.

    First means by noise seed, prompt and sample seed, so that no example is chosen by hand. `texts`
    maps a backend to its rows of schemas.TEXTS. A pair without diverged texts has no rows.
    """
    pairs: list[Pair] = []
    tested = divergence[divergence["left"] != divergence["right"]]
    for (left, right), rows in tested.groupby(["left", "right"], sort=False):
        diverged = rows[rows["first_divergent_token"].notna()]
        diverged = diverged.sort_values(KEYS, na_position="first")
        firsts = diverged.drop_duplicates("intervention")
        pairs.append(
            {
                "left": left,
                "right": right,
                "texts": len(rows),
                "diverged": len(diverged),
                "rows": [
                    _example(row, texts[left], texts[right], decode) for _, row in firsts.iterrows()
                ],
            }
        )
    return pairs


def _example(row: pandas.Series, left: DataFrame, right: DataFrame, decode: Decode) -> Example:
    place = int(row["first_divergent_token"])
    return {
        "intervention": row["intervention"],
        "prompt": row["prompt"],
        "margin": row["margin"],
        "noise_seed": None if pandas.isna(row["noise_seed"]) else int(row["noise_seed"]),
        "sample_seed": int(row["sample_seed"]),
        "place": place,
        "left": cut(_tokens(left, row), place, decode),
        "right": cut(_tokens(right, row), place, decode),
    }


def _tokens(texts: DataFrame, row: pandas.Series) -> Sequence[int]:
    """The tokens of the text that a row is about."""
    for name in KEYS:
        column = texts[name]
        texts = texts[
            (column.isna() if pandas.isna(row[name]) else column == row[name]).fillna(False)
        ]
    (tokens,) = texts["tokens"]
    return tokens
