"""Graded reference texts: the pristine model's own texts with a known share of damaged tokens.

There are three axes of damage. A text is damaged on one of them, by a tenth to the whole of it.
"""

from collections.abc import Sequence

import numpy
import pandas
from pandas import DataFrame, Series

from needq.corrupt.keyed import key, uniform
from needq.metrics.calibration import Text

AXES = LOCAL, CONTEXTUAL, REPETITION = ("local", "contextual", "repetition")
STEPS = 10  # shares are tenths
APART = 4  # each source gives texts of every fourth share
# the label of graded texts, by axis and largest share. As in the claims, a fifth counts as little
GROUPS = {
    "contextual to 0.2": "near normal",
    "contextual to 0.5": "meaning lost",
    "contextual to 1.0": "meaning lost",
    "local to 0.2": "near normal",
    "local to 0.5": "meaning lost",
    "local to 1.0": "noise",
    "repetition to 0.2": "near normal",
    "repetition to 0.5": "repetitive",
    "repetition to 1.0": "repetitive",
}


def make_graded_texts(own: Sequence[Text]) -> DataFrame:
    """Reference texts of each axis whose damaged `share` is known; else as `make_reference_texts`.

    The `kind` of a text is its axis. Of its n
    tokens, round(share * n) are damaged: drawn by their frequency in the half's texts (local);
    drawn after the token before, where the text then goes on as the text that it was drawn from
    (contextual); or, at the end, a loop of the tokens before (repetition).
    """
    half, rows = len(own) // 2, []
    for held_out, part in ((False, own[:half]), (True, own[half:])):
        known = _Known(part)
        for index, (prompt, tokens) in enumerate(part):
            source = index + half * held_out
            for step in range(1, STEPS + 1):
                if (step + source) % APART:
                    continue
                count = round(step / STEPS * len(tokens))
                for axis in AXES:
                    draws = uniform(key("graded", axis, step, source), 2 * len(tokens))
                    made = known.make(axis, index, prompt, list(tokens), count, draws)
                    row = {"kind": axis, "source": source, "held_out": held_out, "tokens": made}
                    rows.append(row | {"share": step / STEPS})
    return DataFrame(rows)


def with_graded_texts(references: DataFrame, own: Sequence[Text]) -> DataFrame:
    """`references`, as `make_reference_texts` makes them of `own`, and the graded texts of `own`.

    The `share` of an own text is 0. That of the other kinds is missing.
    """
    shares = Series(numpy.where(references["kind"] == "own", 0.0, numpy.nan), references.index)
    both = [references.assign(share=shares), make_graded_texts(own)]
    return pandas.concat(both, ignore_index=True)


def groups(references: DataFrame) -> Series:
    """The kind of each reference text; that of a graded text is one of GROUPS."""

    def group(kind: str, share: float) -> str:
        if kind not in AXES:
            return kind
        return f"{kind} to {min(end for end in (0.2, 0.5, 1.0) if share <= end)}"

    pairs = zip(references["kind"], references["share"], strict=True)
    return Series([group(kind, share) for kind, share in pairs], references.index)


class _Known:
    """The own texts of one half, from which damaged tokens are drawn."""

    def __init__(self, own: Sequence[Text]) -> None:
        self.texts = [[*prompt, *new] for prompt, new in own]
        self.begins = [len(prompt) for prompt, _ in own]
        # every token but the first of each prompt, as a text and a place in it
        self.places = [
            (text, place)
            for text, tokens in enumerate(self.texts)
            for place in range(1, len(tokens))
        ]
        self.after: dict[int, list[tuple[int, int]]] = {}
        for text, place in self.places:
            self.after.setdefault(self.texts[text][place - 1], []).append((text, place))

    def make(
        self,
        axis: str,
        index: int,
        prompt: Sequence[int],
        tokens: list[int],
        count: int,
        draws: numpy.ndarray,
    ) -> list[int]:
        """The new tokens of a text with so many damaged; `draws` are two uniforms per token."""
        ranks, choices = draws[: len(tokens)].argsort(), draws[len(tokens) :]
        if axis == REPETITION:
            return _looped(prompt, tokens, count, choices[0] if len(tokens) else 0.0)
        damaged = numpy.zeros(len(tokens), bool)
        damaged[ranks[:count]] = True
        if axis == LOCAL:
            drawn = [self.places[int(choice * len(self.places))] for choice in choices]
            return [
                self.texts[text][place] if bad else token
                for token, bad, (text, place) in zip(tokens, damaged, drawn, strict=True)
            ]
        text, place, before, made = index, self.begins[index], prompt[-1], []
        for bad, choice in zip(damaged, choices, strict=True):
            if bad or place == len(self.texts[text]):
                # where nothing follows, as after the end of a text, go on as after the prompt
                known = self.after.get(before) or self.after[prompt[-1]]
                text, place = known[int(choice * len(known))]
            before = self.texts[text][place]
            made.append(before)
            place += 1
        return made


def _looped(prompt: Sequence[int], tokens: list[int], count: int, draw: float) -> list[int]:
    """`tokens`, but the last `count` of them repeat the tokens before, at most a quarter long."""
    text = [*prompt, *tokens[: len(tokens) - count]]
    period = 1 + int(draw * min(max(len(tokens) // 4, 1), len(text)))
    for _ in range(count):
        text.append(text[-min(period, len(text))])
    return text[len(prompt) :]
