"""Reference texts: texts of known kind, made of what the pristine model writes.

The kind of a reference text is known because of how it was made: a text of the pristine model; a
text resampled from such texts by n-grams, in which neighbouring words fit but the whole means
nothing; a loop; or tokens that are drawn independently.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pandas import DataFrame

from needq.corrupt.keyed import key, uniform

KINDS = {
    "own": "near normal",  # a text of the pristine model
    "order 2": "meaning lost",  # each token is drawn after the two tokens before it
    "order 1": "meaning lost",  # each token is drawn after the token before it
    "loop": "repetitive",
    "order 0": "noise",  # tokens are drawn by their frequency
    "uniform": "noise",  # all tokens are equally probable
}
Text = tuple[Sequence[int], Sequence[int]]  # prompt ids, new ids


def make_reference_texts(own: Sequence[Text], vocabulary: int) -> DataFrame:
    """One reference text of each kind for each text in `own`, and of the same length.

    `own` are texts of the pristine model. Returns rows of `kind`, `source` (the index in `own`),
    `held_out` and `tokens`. A reference text continues the prompt of its source. The second half of
    the sources is held out: no label is fitted to their texts, and each half is resampled from its
    own texts alone. Every draw is keyed by kind and source.
    """
    half = len(own) // 2
    followers = [
        {order: _followers(part, order) for order in (0, 1, 2)} for part in (own[:half], own[half:])
    ]
    rows = []
    for source, (prompt, tokens) in enumerate(own):
        held_out = source >= half
        draws = {  # keyed by this word since the first version
            kind: uniform(key("control", kind, source), len(tokens)).tolist() for kind in KINDS
        }
        texts = {"own": list(tokens), "loop": _loop(tokens, draws["loop"])}
        texts["uniform"] = [int(draw * vocabulary) for draw in draws["uniform"]]
        for order, known in followers[held_out].items():
            texts[f"order {order}"] = _resampled(prompt, known, order, draws[f"order {order}"])
        for kind in KINDS:
            rows.append(
                {"kind": kind, "source": source, "held_out": held_out, "tokens": texts[kind]}
            )
    return DataFrame(rows)


def with_scores(texts: DataFrame, nlls: Sequence[Sequence[float]], n_prompts: int) -> list[Any]:
    """Reference texts with the nll of each token, as rows of schemas.REFERENCE_TEXTS.

    The sources are ordered by sample seed, then by prompt; there are `n_prompts` prompts.
    """
    scored = texts.assign(nlls=nlls, prompt=texts["source"] % n_prompts)
    return scored.to_dict("records")


def _followers(own: Sequence[Text], order: int) -> dict[tuple[int, ...], list[int]]:
    """The tokens that follow each sequence of `order` tokens in prompts and texts, with repeats.

    -1 stands for the place before a prompt. The first token of a prompt is no follower.
    """
    followers: dict[tuple[int, ...], list[int]] = {}
    for prompt, new in own:
        text = [-1] * order + [*prompt, *new]
        for place in range(order + 1, len(text)):
            followers.setdefault(tuple(text[place - order : place]), []).append(text[place])
    return followers


def _resampled(
    prompt: Sequence[int],
    followers: Mapping[tuple[int, ...], list[int]],
    order: int,
    draws: Sequence[float],
) -> list[int]:
    """A text in which each token is drawn from the followers of the last `order` tokens.

    Where these have no followers, as after the end of a text, it goes on as after the prompt.
    """
    start = [-1] * order + list(prompt)
    context, new = start[:], []
    for draw in draws:
        if tuple(context[len(context) - order :]) not in followers:
            context = start[:]
        candidates = followers[tuple(context[len(context) - order :])]
        new.append(candidates[int(draw * len(candidates))])
        context.append(new[-1])
    return new


def _loop(tokens: Sequence[int], draws: Sequence[float]) -> list[int]:
    """A text that begins as `tokens` and then repeats a part of them to its end.

    The part begins within the first quarter and is at most a quarter long, so that it appears at
    least three times.
    """
    quarter = max(len(tokens) // 4, 1)
    start, period = int(draws[0] * quarter), 1 + int(draws[-1] * quarter)
    return [tokens[min(place, start + (place - start) % period)] for place in range(len(tokens))]
