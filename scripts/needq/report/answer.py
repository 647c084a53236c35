"""The answer of a run in sentences, made from its tables: they read well whatever was found.

A change is called one only if its 95% interval says so; where n is too small for an interval, the
sentence says that instead. What a table lacks (labels, probes, a GPU) is said or left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, inf, isfinite, isnan, log
from typing import Any

import pandas
from pandas import DataFrame, Series

from needq.common.keys import LABELS, UNLABELLED
from needq.report.pages import with_tests

METHODS = {
    "gaussian": "Gaussian noise of the same mean and spread",
    "permuted": "its own entries in a random order",
    "zero": "zeros",
    "identity": "an unlearned projection as large as it",
}
NAMES = {"q": "Query", "k": "Key", "v": "Value", "o": "Output"}


@dataclass(frozen=True)
class Loss:
    """What a run lost on the evaluation text: a word for it, and the sentences."""

    outcome: str  # lost, gained, not shown or too small
    short: str
    sentence: str


def headline(degradation: DataFrame, backend: str, sweep: str) -> DataFrame:
    """The rows that the answer is about: one backend and sweep, by blocks replaced."""
    rows = degradation[(degradation["backend"] == backend) & (degradation["sweep"] == sweep)]
    return rows.sort_values("blocks_replaced", kind="stable").reset_index(drop=True)


def blocks(count: float, whole: int | None = None) -> str:
    """`all 12 blocks`, `5 of 12 blocks`, `1 block`."""
    if whole is None:
        return f"{count:g} block" if count == 1 else f"{count:g} blocks"
    return f"all {whole} blocks" if count == whole else f"{count:g} of {whole} blocks"


def interval(low: Any, high: Any, form: str = ".2f") -> str:
    """` (95% interval 1 to 2)`; says so if it is open, or n too small for one."""
    if isinstance(low, str) or isinstance(high, str) or isnan(low) or isnan(high):
        return " (n too small for an interval)"
    if high == inf:
        return f" (95% interval: {low:{form}} or more)"
    return f" (95% interval {low:{form}} to {high:{form}})"


def loss(rows: DataFrame, whole: int, vocabulary: int, name: str = "W_Q") -> Loss:
    """What the last row lost against the first.

    `rows` are `headline`'s; `whole` is the model's number of blocks and `vocabulary` its number of
    tokens, among which a blind guess has nll ln(vocabulary).
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
        kept = lead_kept(before, after, guess)
        sentence = (
            f"Replacing {where} raises the loss on unseen text from {change}{spread}: as if the "
            f"model wavered between {exp(after):,.0f} equally likely tokens (e to the loss) "
            f"instead of {exp(before):,.0f}. A blind guess among {vocabulary:,} tokens has a loss "
            f"of {guess:.2f}; "
            f"({guess:.2f} - {after:.2f}) / ({guess:.2f} - {before:.2f}) = {kept:.0%}."
        )
        return Loss("lost", _kept(kept, where), sentence)
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


def lead_kept(before: float, after: float, guess: float) -> float:
    """The share of a lead over guessing that is left, of losses or of accuracies."""
    return (guess - after) / (guess - before)


def other_matrices(
    degradation: DataFrame, backend: str, roles: Mapping[str, str], whole: int, vocabulary: int
) -> str:
    """What would be left of that lead with another matrix replaced in all blocks, where known.

    `roles` are `roles.roles`: the sweeps that differ from the article's in the matrix alone.
    """
    found = []
    for matrix in (one for one in "kvo" if one in roles):
        nll = headline(degradation, backend, roles[matrix]).set_index("blocks_replaced")["nll"]
        if whole in nll.index:
            kept = lead_kept(nll[0], nll[whole], log(vocabulary))
            found.append(f"W_{matrix.upper()} {kept:.0%}")
    if not found:
        return ""
    return f" For scale, replacing another matrix there leaves: {', '.join(found)}."


def _kept(share: float, where: str) -> str:
    """How much of its lead over a blind guess is left, as an answer."""
    if share <= 0:
        return f"Yes: without its trained {where} it is no better than a blind guess."
    yes, only = ("Yes", "only ") if share < 1 / 2 else ("In part", "")
    return (
        f"{yes}: without its trained {where} it keeps {only}{share:.0%} of its lead over blind "
        "guessing."
    )


def cloze_kept(rows: DataFrame, chance: float) -> str:
    """What is left of the cloze probe's lead over guessing, as the end of an answer, if known."""
    first, last = rows["cloze"].iloc[0], rows["cloze"].iloc[-1]
    if isnan(first) or not first > chance:
        return ""
    return f" By the cloze probe, {max(0, lead_kept(first, last, chance)):.0%}."


def meaning(
    rows: DataFrame,
    others: Mapping[str, DataFrame],
    shares: DataFrame,
    quality: DataFrame,
    phases: DataFrame | None,
    whole: int,
    lost: Loss,
) -> tuple[str, str]:
    """How many blocks until meaning is lost, in a few words and in sentences.

    By the texts' labels and by the probes, which ask different things: what a model writes, and
    what it makes of what is given. `others` are `headline`'s rows of other backends, by name;
    `shares` are the rows of labels.tsv for the same sweep and backend as `rows`; `quality` is
    label_quality.tsv.
    """
    labels = _labels(rows, others, shares, whole)
    if labels:
        labels = (labels[0], labels[1] + _untypical(quality, rows["backend"].iloc[0]))
    found = [part for part in (labels, _half_points(phases, whole)) if part]
    if not found:
        return _half_of_rise(rows, whole, lost)
    short = "; ".join(words for words, _ in found)
    return f"{short[0].upper()}{short[1:]}.", " ".join(sentence for _, sentence in found)


def _labels(
    rows: DataFrame, others: Mapping[str, DataFrame], shares: DataFrame, whole: int
) -> tuple[str, str] | None:
    """Where the commonest label stops being near normal."""
    if "label" not in rows or rows["label"].isna().all():
        return None
    count, label = _turn(rows)
    if label is None:
        return "not told by its texts", "Its texts could not be labelled: too short, or too few."
    if label == LABELS[0]:
        most = blocks(count, whole)
        return (
            f"not up to {most}, by what it writes",
            f"The commonest label of its texts is near normal up to {most} replaced.",
        )
    if count == 0:
        said = f"The commonest label of the whole model's own texts is {label}."
        return "not told by its texts", said
    elsewhere = [
        f"{turn} under {name}" if near != LABELS[0] else f"never under {name}"
        for name, (turn, near) in ((name, _turn(other)) for name, other in others.items())
        if near is not None and turn != count
    ]
    aside = f" ({', '.join(elsewhere)})" if elsewhere else ""
    after = rows.loc[rows["blocks_replaced"] >= count, "label"]
    first = f"From {blocks(count)} on" if (after == label).all() else f"With {blocks(count)}"
    share = shares[(shares["blocks_replaced"] == count) & (shares["label"] == label)].iloc[0]
    spread = interval(share["share_low"], share["share_high"], ".0%")
    return (
        f"about {count} of {whole}, by what it writes",
        f"{first}{aside}, the commonest label of its texts is {label}: {share['share']:.0%} of "
        f"{share['texts']} at {count}{spread}.",
    )


def _untypical(quality: DataFrame, backend: str) -> str:
    """How many texts of a backend have a label that says little."""
    found = quality[quality["measure"] == f"texts of {backend} that resemble no control"]
    if found.empty:
        return ""
    share, texts = found[["value", "texts"]].iloc[0]
    return f" {share:.0%} of {texts:.0f} labelled texts resemble no control well."


def _turn(rows: DataFrame) -> tuple[int, str | None]:
    """The first number of blocks at which texts are not near normal, and their commonest label.

    If there is none, the last number and near normal; the label is None if no text has one.
    """
    known = rows[rows["label"].notna() & (rows["label"] != UNLABELLED)]
    if known.empty:
        return 0, None
    away = known[known["label"] != LABELS[0]]
    row = away.iloc[0] if len(away) else known.iloc[-1]
    return int(row["blocks_replaced"]), row["label"]


# probe: what it asks
PROBES = {
    "cloze": "choosing the word that ends a given passage",
    "grammar": "choosing the right one of two sentences",
}


def _half_points(phases: DataFrame | None, whole: int) -> tuple[str, str] | None:
    """Where the probes of meaning (cloze) and of structure (grammar) have fallen half-way."""
    said, short = [], "not told by a probe"
    for probe, asked in PROBES.items():
        row = _measure(phases, f"half-point of {probe}")
        if row is None:
            continue
        if isfinite(row["estimate"]):
            low, high = _numbers(row["low"], row["high"])
            point = f"{row['estimate']:.0f} of {whole}{', if at all' if high == inf else ''}"
            spread = interval(low, high, form=".1f")
            said.append(f"at {row['estimate']:.1f} blocks{spread} in {probe} ({asked})")
        else:
            point = f"not by {whole}"
            said.append(f"not by {blocks(whole, whole)} in {probe} ({asked})")
        if probe == "cloze":
            short = f"{point}, by the cloze probe"
    if not said:
        return None
    return short, f"Accuracy falls half-way to guessing {', and '.join(said)}."


def _measure(phases: DataFrame | None, name: str) -> Series | None:
    found = None if phases is None else phases[phases["measure"] == name]
    return None if found is None or found.empty else found.iloc[0]


def _numbers(*values: Any) -> list[Any]:
    """Numbers where they are; a column with a word in it is all words."""
    found = pandas.to_numeric(Series(values), errors="coerce")
    return [float(number) for number in found]


def _half_of_rise(rows: DataFrame, whole: int, lost: Loss) -> tuple[str, str]:
    """What the loss alone says, where there are neither labels nor probes."""
    short = "Not measured: neither labels nor probes were run."
    if lost.outcome != "lost" or len(rows) < 3:
        return short, ""
    half = (rows["nll"].iloc[0] + rows["nll"].iloc[-1]) / 2
    count = rows.loc[rows["nll"] >= half, "blocks_replaced"].iloc[0]
    return short, f"Half of the loss's rise is there with {blocks(count, whole)} replaced."


def claims(table: DataFrame | None) -> tuple[str, list[dict[str, Any]]]:
    """Which claims failed, in a few words; and each claim with its tests (`with_tests`)."""
    if table is None or table.empty:
        return "Not tested in this run.", []
    found, said = with_tests(table), []
    for verdict in ("refuted", "supported", "undecided"):
        names = [one["claim"] for one in found if one["verdict"] == verdict]
        said.append(f"{len(names)} {verdict}" + (f" ({', '.join(names)})" if names else ""))
    for one in found:
        one["failed"] = [test for test in one["tests"] if test["verdict"] == "refuted"]
        held = sum(test["verdict"] == "supported" for test in one["tests"])
        tests = f"{len(one['tests'])} tests" if len(one["tests"]) > 1 else "1 test"
        one["count"] = f"of {tests}, {len(one['failed'])} failed and {held} held"
    return f"Of {len(found)}, {', '.join(said)}.", found
