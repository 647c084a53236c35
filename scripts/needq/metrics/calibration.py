"""Reference texts: texts of known kind, made of what the pristine model writes.

A reference text's kind is known because it was made so: the pristine model's own text; a
resampling of such texts by n-grams, right from word to word and about nothing; a loop; tokens that
do not know of each other.
"""

from collections.abc import Mapping, Sequence

from pandas import DataFrame

from needq.corrupt.keyed import key, uniform

KINDS = {
    "own": "near normal",  # the pristine model's text
    "order 2": "meaning lost",  # each token drawn after the two before it
    "order 1": "meaning lost",  # after the one before it
    "loop": "repetitive",
    "order 0": "noise",  # the frequencies of tokens alone
    "uniform": "noise",  # not even these
}
Row = tuple[Sequence[int], Sequence[int]]  # prompt ids, new ids


def controls(own: Sequence[Row], vocabulary: int) -> DataFrame:
    """Controls of every kind, as long as the pristine model's texts `own`, one of each for each.

    Returns rows of `kind`, `source` (the index of the text in `own`), `held_out` and `tokens`, in
    which a control continues the source's prompt. The second half of the sources is held out: its
    controls are not fitted to, and the two halves share no text to resample. Every draw is keyed
    by kind and source.
    """
    half = len(own) // 2
    followers = [
        {order: _followers(part, order) for order in (0, 1, 2)} for part in (own[:half], own[half:])
    ]
    rows = []
    for source, (prompt, tokens) in enumerate(own):
        held_out = source >= half
        draws = {
            kind: uniform(key("control", kind, source), len(tokens)).tolist() for kind in KINDS
        }
        made = {"own": list(tokens), "loop": _loop(tokens, draws["loop"])}
        made["uniform"] = [int(draw * vocabulary) for draw in draws["uniform"]]
        for order, known in followers[held_out].items():
            made[f"order {order}"] = _resampled(prompt, known, order, draws[f"order {order}"])
        for kind in KINDS:
            rows.append(
                {"kind": kind, "source": source, "held_out": held_out, "tokens": made[kind]}
            )
    return DataFrame(rows)


def _followers(own: Sequence[Row], order: int) -> dict[tuple[int, ...], list[int]]:
    """What follows each run of `order` tokens, in prompts and texts, as often as it does.

    -1 stands for what lies before a prompt. A prompt's first token follows nothing.
    """
    found: dict[tuple[int, ...], list[int]] = {}
    for prompt, new in own:
        text = [-1] * order + [*prompt, *new]
        for place in range(order + 1, len(text)):
            found.setdefault(tuple(text[place - order : place]), []).append(text[place])
    return found


def _resampled(
    prompt: Sequence[int],
    followers: Mapping[tuple[int, ...], list[int]],
    order: int,
    draws: Sequence[float],
) -> list[int]:
    """A text drawn token by token from what follows the last `order` tokens.

    Where nothing follows, as after the end of a text, it goes on as after the prompt.
    """
    start = [-1] * order + list(prompt)
    context, new = start[:], []
    for draw in draws:
        if tuple(context[len(context) - order :]) not in followers:
            context = start[:]
        found = followers[tuple(context[len(context) - order :])]
        new.append(found[int(draw * len(found))])
        context.append(new[-1])
    return new


def _loop(tokens: Sequence[int], draws: Sequence[float]) -> list[int]:
    """A text that begins as `tokens` and then repeats a part of them to its end.

    The part begins within the first quarter and is at most a quarter long, so that it comes three
    times at least.
    """
    quarter = max(len(tokens) // 4, 1)
    start, period = int(draws[0] * quarter), 1 + int(draws[-1] * quarter)
    return [tokens[min(place, start + (place - start) % period)] for place in range(len(tokens))]
