"""The answer of a run in sentences, made from its tables: they read well whatever was found.

A change is called one only if its 95% interval says so; where n is too small for an interval, the
sentence says that instead. What a table lacks (labels, probes, a GPU) is said or left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, isfinite, isnan, log
from typing import Any

import pandas
from pandas import DataFrame, Series

from needq.labels import LABELS, UNLABELLED
from needq.pages import with_tests

HEADLINE = "cumulative"  # the sweep that the answer is about, if a run has it
METHODS = {
    "gaussian": "Gaussian noise of the same mean and spread",
    "permuted": "its own entries in a random order",
    "zero": "zeros",
    "identity": "an unlearned projection as large as it",
}
NAMES = {"q": "Query", "k": "Key", "v": "Value", "o": "Output"}
# what it means if two texts part until the ledger removes this cause
WHY = {
    "noise": "each draws its own noise",
    "token draws": "each draws tokens from a random stream of its own",
    "kernels, batch, cache": "they add up in another order, and so round otherwise",
    "float64": "they round otherwise, and their precision is low enough for that to change a token",
    "exact": "they round otherwise",
}


@dataclass(frozen=True)
class Loss:
    """What a run lost on the evaluation text: a word for it, and the sentences."""

    outcome: str  # lost, gained, not shown or too small
    short: str
    sentence: str


def headline(degradation: DataFrame, reference: str) -> DataFrame:
    """The rows that the answer is about: one sweep of the reference backend, by blocks replaced."""
    rows = degradation[degradation["backend"] == reference]
    with_texts = rows[rows["texts"] > 0]
    rows = with_texts if len(with_texts) else rows
    sweep = HEADLINE if HEADLINE in set(rows["sweep"]) else rows["sweep"].iloc[0]
    rows = rows[rows["sweep"] == sweep]
    return rows.sort_values("blocks_replaced", kind="stable").reset_index(drop=True)


def blocks(count: float, whole: int | None = None) -> str:
    """`all 12 blocks`, `5 of 12 blocks`, `1 block`."""
    if whole is None:
        return f"{count:g} block" if count == 1 else f"{count:g} blocks"
    return f"all {whole} blocks" if count == whole else f"{count:g} of {whole} blocks"


def interval(low: Any, high: Any, digits: int = 2) -> str:
    """` (95% interval 1 to 2)`; says so if it is open, or n too small for one."""
    if isinstance(low, str) or isinstance(high, str) or isnan(low) or isnan(high):
        return " (n too small for an interval)"
    if high == float("inf"):
        return f" (95% interval: {low:.{digits}f} or more)"
    return f" (95% interval {low:.{digits}f} to {high:.{digits}f})"


def loss(rows: DataFrame, whole: int, vocabulary: int, name: str = "W_Q") -> Loss:
    """What the last row lost against the first.

    `rows` are `headline`'s; `whole` is the model's number of blocks and `vocabulary` its number of
    tokens, among which a blind guess has nll ln(vocabulary). Skill is the lead over that guess.
    """
    first, last = rows.iloc[0], rows.iloc[-1]
    where = f"{name} in {blocks(last['blocks_replaced'], whole)}"
    before, after = first["nll"], last["nll"]
    change = f"{before:.2f} to {after:.2f} nats per token"
    spread = interval(last["nll_low"], last["nll_high"])
    if isnan(last["nll_low"]) or isnan(first["nll_high"]):
        seeds = f"{last['noise_seeds']} noise seeds are"
        if last["noise_seeds"] == 1:
            seeds = "1 noise seed is"
        return Loss(
            "too small",
            "Too few noises were drawn to say.",
            f"Replacing {where} takes the loss on unseen text from {change}, but {seeds} too few "
            "for an interval, so this run decides nothing.",
        )
    if last["nll_low"] > first["nll_high"]:
        guess = log(vocabulary)
        kept = (guess - after) / (guess - before)
        short, rest = _kept(kept, guess)
        sentence = (
            f"Replacing {where} raises the loss on unseen text from {change}{spread}, as if the "
            f"model wavered between {exp(after):,.0f} equally likely tokens instead of "
            f"{exp(before):,.0f}; {rest}."
        )
        return Loss("lost", short, sentence)
    if last["nll_high"] < first["nll_low"]:
        return Loss(
            "gained",
            f"No: it predicts better without its trained {name}.",
            f"Replacing {where} lowers the loss on unseen text from {change}{spread}.",
        )
    known = interval(first["nll_low"], first["nll_high"])
    return Loss(
        "not shown",
        "No loss could be shown.",
        f"Replacing {where} takes the loss on unseen text from {change}{spread}, which is not told "
        f"apart from the untouched model's{known}.",
    )


def _kept(share: float, guess: float) -> tuple[str, str]:
    """How much skill is left, as an answer and as the end of a sentence."""
    if share <= 0:
        return (
            "Yes: nothing of its skill is left without it.",
            f"that is no better than a blind guess ({guess:.2f})",
        )
    rest = f"{share:.0%} of its lead over a blind guess ({guess:.2f}) is left"
    if share < 1 / 2:
        return f"Yes: only {share:.0%} of its skill is left without it.", rest
    return f"In part: {share:.0%} of its skill is left without it.", rest


def meaning(rows: DataFrame, phases: DataFrame | None, whole: int, lost: Loss) -> str:
    """How many blocks until meaning is lost: by the texts' labels, and by the probes."""
    said = [part for part in (_labels(rows, whole), _half_points(phases, whole)) if part]
    return " ".join(said) or _half_of_rise(rows, whole, lost)


def _labels(rows: DataFrame, whole: int) -> str:
    """Where the commonest label stops being near normal."""
    if "label" not in rows or rows["label"].isna().all():
        return ""
    known = rows[rows["label"].notna() & (rows["label"] != UNLABELLED)]
    if not len(known):
        return "Its texts could not be labelled: they are too short, or too few."
    away = known[known["label"] != LABELS[0]]
    if not len(away):
        most = blocks(known["blocks_replaced"].max(), whole)
        return f"Its texts stay near normal, most of them, up to {most} replaced."
    first = away.iloc[0]
    if first["blocks_replaced"] == 0:
        return f"The untouched model's own texts are mostly labelled {first['label']}."
    count = blocks(first["blocks_replaced"])
    return f"Its texts stop being near normal with {count} replaced: {first['label']}."


def _half_points(phases: DataFrame | None, whole: int) -> str:
    """Where the probes of meaning (cloze) and of structure (grammar) have fallen half-way."""
    said = []
    for probe, what in (("cloze", "meaning"), ("grammar", "grammar")):
        row = _measure(phases, f"half-point of {probe}")
        if row is None:
            continue
        if not isfinite(row["estimate"]):
            said.append(f"{what} is not half lost by {blocks(whole, whole)}")
        else:
            spread = interval(*_numbers(row["low"], row["high"]), digits=1)
            said.append(f"{what} is half lost at {row['estimate']:.1f} blocks{spread}")
    return f"By the probes, {' and '.join(said)}." if said else ""


def _measure(phases: DataFrame | None, name: str) -> Series | None:
    found = None if phases is None else phases[phases["measure"] == name]
    return None if found is None or found.empty else found.iloc[0]


def _numbers(*values: Any) -> list[Any]:
    """Numbers where they are; a column with a word in it is all words."""
    found = pandas.to_numeric(Series(values), errors="coerce")
    return [float(number) for number in found]


def _half_of_rise(rows: DataFrame, whole: int, lost: Loss) -> str:
    """What the loss alone says, where there are neither labels nor probes."""
    if lost.outcome != "lost" or len(rows) < 3:
        return "Labels and probes of meaning were not run."
    half = (rows["nll"].iloc[0] + rows["nll"].iloc[-1]) / 2
    count = rows.loc[rows["nll"] >= half, "blocks_replaced"].iloc[0]
    return f"Half of that rise is there with {blocks(count, whole)} replaced."


def parting(
    summary: DataFrame,
    ledger: DataFrame | None,
    backends: Mapping[str, Mapping[str, Any]],
    cuda: bool,
) -> list[str]:
    """Where two ways to compute part, and why: sentences, the first of which stands alone.

    `summary` and `ledger` are the tables of those names, `backends` the config's; `cuda` says
    whether any backend was run on CUDA.
    """
    pair = ledger_pair(ledger, backends)
    if pair:
        left, right, steps = pair
        said = _causes(steps)
        subject = f"two ways to use one CPU ({left} and {right})"
        if _on_cuda((left, right), backends):
            subject = f"CPU and GPU ({left} and {right})"
    else:
        left, right, said = _compared(summary, backends)
        if not left:
            return ["Only one way to compute was run, so nothing could part."]
        subject = f"{left} and {right}"
    lead = "Of" if cuda else "Nothing ran on CUDA, so CPU and GPU are not compared; of"
    return [f"{lead} {subject}, {said[0]}", *said[1:]]


def ledger_pair(
    ledger: DataFrame | None, backends: Mapping[str, Mapping[str, Any]]
) -> tuple[str, str, DataFrame] | None:
    """The pair of the ledger to speak of, if any one with a GPU, and its steps forwards."""
    if ledger is None or ledger.empty:
        return None
    forwards = ledger[ledger["order"] == "forwards"]
    pairs = list(dict.fromkeys(zip(forwards["left"], forwards["right"], strict=True)))
    if not pairs:
        return None
    left, right = min(pairs, key=lambda pair: not _on_cuda(pair, backends))
    mine = forwards[(forwards["left"] == left) & (forwards["right"] == right)]
    return left, right, mine.sort_values("step").reset_index(drop=True)


def _on_cuda(names: Sequence[str], backends: Mapping[str, Mapping[str, Any]]) -> bool:
    return any(backends.get(name, {}).get("device") == "cuda" for name in names)


def _causes(steps: DataFrame) -> list[str]:
    """What the ledger's steps say of one pair."""
    first, last = steps.iloc[0], steps.iloc[-1]
    same = steps["identical_share"] == 1
    bits = "in exact arithmetic every bit is the same"
    if not (last["identical_share"] == 1 and last["max_abs_logit"] == 0):
        bits = "even in exact arithmetic their bits differ, which has to be explained"
    if same.all():
        apart = f"though logits differ by up to {first['max_abs_logit']:.1g}"
        if first["max_abs_logit"] == 0:
            apart = "and so is every bit of the logits"
        return [
            f"all {first['texts']} texts are the same, {apart}.",
            f"{bits[0].upper()}{bits[1:]}.",
        ]
    low, high = (100 * first[f"identical_share_{end}"] for end in ("low", "high"))
    spread = interval(low, high, 0).replace(" to ", "% to ").replace(")", "%)")
    spread = spread if "n too" not in spread else interval(low, high)
    start = f"{first['identical_share']:.0%} of {first['texts']} texts are the same{spread}"
    found = [place for place in range(1, len(steps)) if same[place:].all()]
    if not found:
        return [f"{start}, and they part whatever is made equal.", f"{bits[0].upper()}{bits[1:]}."]
    cause, before = steps["cause"][found[0]], steps["identical_share"][found[0] - 1]
    shares = "; ".join(
        f"{row.cause}: {row.identical_share:.0%}" for row in steps.iloc[1:].itertuples()
    )
    return [
        f"{start}, because {WHY.get(cause, cause)}.",
        f"Where they part, the median place is new token {first['first_divergent_token']:.0f} "
        "(from 0).",
        "The causes are made equal one after the other, and each time more or fewer texts are the "
        f"same: {shares}. Before {cause} it was {before:.0%}; {bits}.",
    ]


def _compared(
    summary: DataFrame, backends: Mapping[str, Mapping[str, Any]]
) -> tuple[str, str, list[str]]:
    """What the comparison of a pair says where there is no ledger; empty names without a pair."""
    apart = summary[summary["left"] != summary["right"]]
    pairs = list(dict.fromkeys(zip(apart["left"], apart["right"], strict=True)))
    if not pairs:
        return "", "", []
    left, right = min(pairs, key=lambda pair: not _on_cuda(pair, backends))
    mine = apart[(apart["left"] == left) & (apart["right"] == right)]
    texts = mine["texts"].sum()
    same = round((mine["identical"] * mine["texts"]).sum())
    far = mine["max_abs_logit"].max()
    sentence = f"{same} of {texts} texts are the same"
    if not isnan(far):
        sentence += f", and logits differ by up to {far:.1g}"
    return left, right, [f"{sentence}.", "Why, this run did not trace: it has no ledger."]


def trend(table: DataFrame, pair: tuple[str, str] | None = None) -> str:
    """Whether texts part earlier as more blocks are replaced, for every pair that can say."""
    tested = table[(table["left"] != table["right"])]
    if "sweep" in tested and HEADLINE in set(tested["sweep"]):
        tested = tested[tested["sweep"] == HEADLINE]
    found = [f"{row.left} and {row.right}: {row.verdict}" for row in tested.itertuples(index=False)]
    if not found:
        return ""
    return f"Earlier or later, the more blocks are replaced? {'; '.join(found)}."


def claims(table: DataFrame | None) -> tuple[str, list[dict[str, Any]]]:
    """Which claims failed, as one sentence; and each claim with its tests (`with_tests`)."""
    if table is None or table.empty:
        return "The article's claims were not tested in this run.", []
    found, said = with_tests(table), []
    for verdict in ("refuted", "supported", "undecided"):
        names = [one["claim"] for one in found if one["verdict"] == verdict]
        said.append(f"{verdict}: {', '.join(names) or 'none'}")
    return f"Of the article's claims, {'; '.join(said)}.", found
