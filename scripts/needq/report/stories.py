"""The stories of the first page: what the model writes with more and more blocks replaced.

Beside each text stands what another backend writes from the same seed: a GPU, if there is one.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from math import exp
from typing import NamedTuple

import pandas
from pandas import DataFrame
from typing_extensions import TypedDict  # that of Python 3.11 cannot be checked by pydantic

from needq.common.backends import Backend
from needq.common.keys import UNLABELLED
from needq.plan.corners import DRAWS, predicted, unlike
from needq.plan.interventions import Intervention
from needq.report.answer import blocks

LARGEST = 600_000  # bytes; larger stories are cut to one noise seed, then to fewer prompts
MOST_SURPRISE = 9  # nats, rounded down: a digit per word
UNFINISHED = "\ufffd"  # how a decoder shows a character of which some bytes are missing

Decode = Callable[[Sequence[int]], str]
Key = tuple[str, int, int | None]  # intervention, prompt, noise seed


class Step(TypedDict):
    """One position of the slider."""

    name: str
    choices: float  # between how many equally probable tokens the model has to choose


class Story(TypedDict):
    """A text, and what the other backend wrote instead."""

    step: int
    prompt: int
    noise_seed: int | None
    replaced: list[int]  # indices of blocks
    label: str
    words: list[str]
    surprise: str  # a digit per word: nats under the pristine model
    other: list[str]
    place: int | None  # of the first word that differs; None if both texts are the same


class Stories(TypedDict):
    """All that the first screen shows."""

    n_blocks: int
    prompts: list[str]
    noise_seeds: list[int]
    steps: list[Step]
    stories: list[Story]
    backends: list[str]  # the reference, and the other one if there is one
    why: str  # why their texts may differ
    left_out: str


class Piece(NamedTuple):
    """Some tokens that make a text together: one, or more if they share a character."""

    tokens: tuple[int, ...]
    text: str


def pieces(tokens: Sequence[int], decode: Decode) -> list[Piece]:
    """What each token adds to the text, with no character cut in two."""
    made: list[Piece] = []
    shown, first = "", 0
    for end in range(1, len(tokens) + 1):
        text = decode(tokens[:end])
        finished = text.startswith(shown) and not text.endswith(UNFINISHED)
        if finished or end == len(tokens):
            made.append(Piece(tuple(tokens[first:end]), text[len(shown) :]))
            shown, first = text, end
    return made


def first_difference(left: Sequence[Piece], right: Sequence[Piece]) -> int | None:
    """The number of the first piece whose tokens differ; None if there is none."""
    for place, (one, other) in enumerate(zip(left, right, strict=False)):
        if one.tokens != other.tokens:
            return place
    return None if len(left) == len(right) else min(len(left), len(right))


def surprise(parts: Sequence[Piece], nlls: Sequence[float]) -> str:
    """A digit per piece: the largest nll of its tokens in whole nats, at most MOST_SURPRISE."""
    digits, first = "", 0
    for part in parts:
        end = first + len(part.tokens)
        most = max(nlls[first:end], default=0.0)
        digits += str(min(MOST_SURPRISE, max(0, int(most))))
        first = end
    return digits


def explain(left: Backend, right: Backend) -> str:
    """Why two backends may write two texts from one seed."""
    if DRAWS in unlike(left, right):
        return "Both start from the same seed, but they draw other random numbers from it."
    if DRAWS in predicted(left, right):
        return (
            "A CPU predicts the random numbers of a GPU. If it is right, only rounding can make "
            "the texts differ."
        )
    return "Both draw the same random numbers, so only rounding can make the texts differ."


def collect(
    n_blocks: int,
    prompts: Sequence[str],
    interventions: Sequence[Intervention],
    degradation: DataFrame,
    texts: Sequence[DataFrame],
    nlls: DataFrame,
    labels: DataFrame,
    decode: Decode,
) -> Stories:
    """The stories of one sweep, whose `interventions` these are; `backends` and `why` are empty.

    `degradation` are the rows of degradation.tsv for the sweep and the reference backend. `texts`
    are rows of schemas.TEXTS: those of the reference, then those of the other backend if there is
    one. `nlls` are rows of schemas.TEXT_SCORES and `labels` of schemas.LABELS, of the reference.
    """
    found = {one.id: one for one in interventions}
    steps, numbers = list[Step](), dict[str, int]()
    for row in degradation[degradation["intervention"].isin(found)].itertuples():
        numbers[row.intervention] = len(steps)
        steps.append({"name": _name(found[row.intervention], n_blocks), "choices": exp(row.nll)})
    by_key = {(one.id, one.noise_seed): one for one in interventions}
    others = _by_key(texts[1], "tokens") if len(texts) > 1 else {}
    surprises, known = _by_key(nlls, "nlls"), _by_key(labels, "label")
    stories = list[Story]()
    for key, tokens in _by_key(texts[0], "tokens").items():
        intervention, prompt, noise_seed = key
        if intervention not in numbers:
            continue
        own = pieces(_plain(tokens), decode)
        other = pieces(_plain(others[key]), decode) if key in others else []
        label = known.get(key)
        stories.append(
            {
                "step": numbers[intervention],
                "prompt": prompt,
                "noise_seed": noise_seed,
                "replaced": list(by_key[intervention, noise_seed].block_indices),
                "label": label if isinstance(label, str) else UNLABELLED,
                "words": [part.text for part in own],
                "surprise": surprise(own, list(surprises[key])),
                "other": [part.text for part in other],
                "place": first_difference(own, other) if other else None,
            }
        )
    seeds = sorted({one["noise_seed"] for one in stories if one["noise_seed"] is not None})
    return _fitting(
        {
            "n_blocks": n_blocks,
            "prompts": list(prompts),
            "noise_seeds": seeds,
            "steps": steps,
            "stories": stories,
            "backends": [],
            "why": "",
            "left_out": "",
        }
    )


def shown_first(stories: Stories) -> Story:
    """The story that is there before anyone moves the slider: half of the steps, nothing chosen."""
    step = (len(stories["steps"]) - 1) // 2
    return next(one for one in stories["stories"] if one["step"] == step)


def _fitting(stories: Stories) -> Stories:
    """The same, cut to what a page can carry, with a sentence that says so."""
    if _size(stories) <= LARGEST:
        return stories
    first = stories["noise_seeds"][:1]
    kept = [one for one in stories["stories"] if one["noise_seed"] in (None, *first)]
    count = len(stories["prompts"])
    while count > 1 and _size({**stories, "stories": _of(kept, count)}) > LARGEST:
        count -= 1
    return {
        **stories,
        "noise_seeds": first,
        "prompts": stories["prompts"][:count],
        "stories": _of(kept, count),
        "left_out": f"The slider shows noise seed {', '.join(map(str, first))} and {count} of "
        f"{len(stories['prompts'])} prompts; the gallery has more.",
    }


def _of(stories: Sequence[Story], prompts: int) -> list[Story]:
    """The stories of the first prompts."""
    return [one for one in stories if one["prompt"] < prompts]


def _size(stories: Stories) -> int:
    return len(json.dumps(stories, separators=(",", ":")))


def _name(intervention: Intervention, n_blocks: int) -> str:
    """What is replaced, in words."""
    block = intervention.keys()["block"]
    if block is not None:
        return f"block {block}"
    count = len(intervention.block_indices)
    return blocks(count, n_blocks) if count else f"none of {n_blocks} blocks"


def _plain(tokens: Sequence[float]) -> list[int]:
    return [int(token) for token in tokens]


def _by_key(rows: DataFrame, column: str) -> Mapping[Key, Sequence[float]]:
    """The values of a column by `Key`, of the first sample seed."""
    first = rows[rows["sample_seed"] == rows["sample_seed"].min()]
    names = ["intervention", "prompt", "noise_seed", column]
    return {
        (intervention, int(prompt), None if pandas.isna(seed) else int(seed)): value
        for intervention, prompt, seed, value in first[names].itertuples(index=False)
    }
