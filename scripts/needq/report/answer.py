"""The answer of a run in sentences, which are made from its tables.

A change is named only if its 95% interval shows it. If n is too small for an interval, the sentence
says that instead. Sentences say, or leave out, what a table lacks (labels, tasks, a GPU).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, inf, isfinite, isnan
from typing import Any

import pandas
from pandas import DataFrame, Series

from needq.common.keys import INFERENCE, LABELS, UNLABELLED
from needq.metrics.yardsticks import KNOWN, NGRAMS, YARDSTICK, compare


@dataclass(frozen=True)
class Loss:
    """What the model lost on the evaluation text: the outcome, a short and a long sentence."""

    outcome: str  # lost, gained, not shown or too small
    short: str
    sentence: str


def headline(degradation: DataFrame, backend: str, sweep: str) -> DataFrame:
    """The rows of one backend and sweep, by blocks replaced, which the answer is about."""
    rows = degradation[(degradation["backend"] == backend) & (degradation["sweep"] == sweep)]
    return rows.sort_values("blocks_replaced", kind="stable").reset_index(drop=True)


def blocks(count: float, whole: int | None = None) -> str:
    """`all 12 blocks`, `5 of 12 blocks`, `1 block`."""
    if whole is None:
        return f"{count:g} block" if count == 1 else f"{count:g} blocks"
    return f"all {whole} blocks" if count == whole else f"{count:g} of {whole} blocks"


def interval(low: Any, high: Any, form: str = ".2f") -> str:
    """` (95% interval 1 to 2)`, or that it has no upper end, or that n is too small for one."""
    if isinstance(low, str) or isinstance(high, str) or isnan(low) or isnan(high):
        return " (n too small for an interval)"
    if high == inf:
        return f" (95% interval: {low:{form}} or more)"
    return f" (95% interval {low:{form}} to {high:{form}})"


def loss(
    rows: DataFrame, whole: int, baselines: DataFrame | None = None, name: str = "W_Q"
) -> Loss:
    """How much the loss has risen in the last row, beside n-gram models.

    `rows` is the result of `headline`, whose first row is the pristine model. `whole` is the number
    of blocks of the model. `baselines` is baselines.tsv, if there is one.
    """
    first, last = rows.iloc[0], rows.iloc[-1]
    where = f"{name} in {blocks(last['blocks_replaced'], whole)}"
    before, after, rise = first["nll"], last["nll"], last["rise"]
    change = f"from {before:.2f} to {after:.2f} nats per token"
    if isnan(last["rise_low"]):
        seeds = f"{last['noise_seeds']} noise seeds are"
        if last["noise_seeds"] == 1:
            seeds = "1 noise seed is"
        return Loss(
            "too small",
            "Too few noise seeds to say.",
            f"Replacing {where} changes the loss on unseen text {change}, but {seeds} too few "
            "for an interval, so this run decides nothing.",
        )
    spread = interval(last["rise_low"], last["rise_high"])
    if last["rise_low"] > 0:
        short, beside = _beside_ngrams(last, baselines, f"without its trained {where}, the model")
        sentence = (
            f"Replacing {where} raises the loss on unseen text by {rise:.2f}{spread}, {change}. "
            f"This is as if the model had to choose between {exp(after):,.0f} equally probable "
            f"tokens (e to the power of the loss) instead of {exp(before):,.0f}.{beside}"
        )
        return Loss("lost", short, sentence)
    if last["rise_high"] < 0:
        return Loss(
            "gained",
            f"No: the model predicts better without its trained {name}.",
            f"Replacing {where} lowers the loss on unseen text by {-rise:.2f}"
            f"{interval(-last['rise_high'], -last['rise_low'])}, {change}.",
        )
    return Loss(
        "not shown",
        "This run shows no loss.",
        f"Replacing {where} changes the loss on unseen text {change}. The 95% interval of the "
        f"change, {last['rise_low']:.2f} to {last['rise_high']:.2f}, includes 0.",
    )


def _beside_ngrams(row: Series, baselines: DataFrame | None, subject: str) -> tuple[str, str]:
    """What the loss of a row means beside n-gram models: an answer, and a sentence with numbers."""
    beside = compare(row, baselines)
    shown = [*beside.better[:1], *beside.worse[-1:]]
    if baselines is None or not shown:
        return f"In part: {subject} loses {row['rise']:.2f} nats per token.", ""
    better = f"worse than a {NGRAMS[beside.better[0]]}" if beside.better else ""
    worse = f"better than a {NGRAMS[beside.worse[-1]]}" if beside.worse else ""
    said = ", but ".join(part for part in (better, worse) if part)
    yes = "In part"
    if beside.better:
        yes = "Yes" if beside.better[0] <= YARDSTICK else "In large part"
    losses = baselines.set_index("n")["nll"]
    known = " and ".join(
        f"a {NGRAMS[n]} model of the training text, which knows {KNOWN[n]}, has a loss of "
        f"{losses[n]:.2f}"
        for n in shown
    )
    return f"{yes}: {subject} predicts {said}.", f" For comparison, {known}."


def explain_ngrams(short: str) -> str:
    """What the n-gram models of a short answer know, in one sentence; empty if it names none."""
    named = [n for n, name in NGRAMS.items() if f" a {name}" in short]
    words = ", ".join(f"a {NGRAMS[n]} knows {KNOWN[n]}" for n in sorted(named, reverse=True))
    return f"{words[0].upper()}{words[1:]}." if words else ""


def other_matrices(
    degradation: DataFrame, backend: str, comparisons: Mapping[str, str], whole: int
) -> str:
    """The rise of the loss if another matrix is replaced in all blocks.

    `comparisons` names the sweeps that differ from the article's in one setting
    (`needq.plan.comparisons`). Empty if no such sweep replaces all blocks.
    """
    rises = []
    for matrix in (letter for letter in "kvo" if letter in comparisons):
        rows = headline(degradation, backend, comparisons[matrix])
        for _, row in rows[rows["blocks_replaced"] == whole].iterrows():
            spread = interval(row["rise_low"], row["rise_high"])
            rises.append(f"W_{matrix.upper()} by {row['rise']:.2f}{spread}")
    if not rises:
        return ""
    return f" Replacing another matrix in all blocks raises the loss: {', '.join(rises)}."


def inference_kept(tasks: DataFrame, backend: str, sweep: str) -> str:
    """How much of the margin on cloze items that ask to infer remains at the end, as a sentence.

    `tasks` is tasks.tsv. Empty if it has no such items, or too few noise seeds for an interval.
    """
    rows = headline(tasks[tasks["task"] == INFERENCE], backend, sweep)
    if rows.empty or rows[["kept", "kept_low", "kept_high"]].iloc[-1].isna().any():
        return ""
    kept, low, high = rows[["kept", "kept_low", "kept_high"]].iloc[-1]
    spread = interval(max(0, low), high, ".0%")
    return (
        f" Where a last word must be inferred, it keeps {max(0, kept):.0%} of its margin{spread}."
    )


def meaning(
    rows: DataFrame,
    others: Mapping[str, DataFrame],
    shares: DataFrame,
    quality: DataFrame,
    half_points: DataFrame | None,
    whole: int,
    lost: Loss,
) -> tuple[str, str]:
    """How many blocks are replaced until meaning is lost, in a few words and in sentences.

    Judged by the labels of texts (what the model writes) and by the tasks (what it understands).
    `others` maps other backends to their `headline`. `shares` are the rows of labels.tsv for the
    sweep and backend of `rows`; `quality` is label_quality.tsv.
    """
    labels = _describe_labels(rows, others, shares, whole)
    if labels:
        labels = (labels[0], labels[1] + _describe_unlike(quality, rows))
    parts = [part for part in (labels, _describe_half_points(half_points, whole)) if part]
    if not parts:
        return _describe_half_of_rise(rows, whole, lost)
    short = "; ".join(words for words, _ in parts)
    return f"{short[0].upper()}{short[1:]}.", " ".join(sentence for _, sentence in parts)


def _describe_labels(
    rows: DataFrame, others: Mapping[str, DataFrame], shares: DataFrame, whole: int
) -> tuple[str, str] | None:
    """With how many blocks replaced the most frequent label is no longer near normal."""
    if "label" not in rows or rows["label"].isna().all():
        return None
    count, label = _first_not_normal(rows)
    if label is None:
        return "unknown by its texts", "Its texts have no labels: they are too short, or too few."
    if label == LABELS[0]:
        most = blocks(count, whole)
        return (
            f"not with {most} by its texts",
            f"The most frequent label of its texts is near normal with up to {most} replaced.",
        )
    if count == 0:
        sentence = f"The most frequent label of the pristine model's texts is already {label}."
        return "unknown by its texts", sentence
    elsewhere = [
        f"{name}: {f'first with {other}' if near != LABELS[0] else 'never'}"
        for name, (other, near) in ((name, _first_not_normal(own)) for name, own in others.items())
        if near is not None and other != count
    ]
    aside = f" ({', '.join(elsewhere)})" if elsewhere else ""
    after = rows.loc[rows["blocks_replaced"] >= count, "label"]
    first = f"From {blocks(count)} on" if (after == label).all() else f"With {blocks(count)}"
    there = shares[shares["blocks_replaced"] == count]
    share = there[there["label"] == label].iloc[0]
    spread = interval(share["share_low"], share["share_high"], ".0%")
    highs = there.set_index("label")["share_high"]
    normal, low = _numbers(highs.get(LABELS[0]), share["share_low"])
    if normal >= low:  # the intervals overlap
        spread += f"; near normal may be as frequent (up to {normal:.0%})"
    return (
        f"about {count} of {whole} by its texts",
        f"{first}{aside}, the most frequent label of its texts is {label}: {share['share']:.0%} of "
        f"{share['texts']} texts with {blocks(count)} replaced{spread}.",
    )


def _describe_unlike(quality: DataFrame, rows: DataFrame) -> str:
    """How many labelled texts of the sweep and backend of `rows` are unlike all reference texts."""
    backend, sweep = rows[["backend", "sweep"]].iloc[0]
    name = f"texts of {backend} in {sweep} that resemble no reference text"
    found = quality[quality["measure"] == name]
    if found.empty:
        return ""
    share, texts = found[["value", "texts"]].iloc[0]
    unlike = round(share * texts)
    verb = "resembles" if unlike == 1 else "resemble"
    return f" {unlike} of the {texts:.0f} labelled texts {verb} no reference text."


def _first_not_normal(rows: DataFrame) -> tuple[int, str | None]:
    """The first number of blocks where most texts are not near normal, and their label.

    If there is none: the largest number, and near normal. If no text has a label: 0 and None.
    """
    known = rows[rows["label"].notna() & (rows["label"] != UNLABELLED)]
    if known.empty:
        return 0, None
    away = known[known["label"] != LABELS[0]]
    row = away.iloc[0] if len(away) else known.iloc[-1]
    return int(row["blocks_replaced"]), row["label"]


TASKS = {  # and what they ask
    INFERENCE: "choosing the last word of a passage that does not mention it",
    "grammar": "choosing the grammatical one of two sentences",
}


def _describe_half_points(half_points: DataFrame | None, whole: int) -> tuple[str, str] | None:
    """With how many blocks replaced cloze inference and the grammar task are half lost."""
    sentences, short = [], "unknown by a task"
    for task, asked in TASKS.items():
        row = _find_measure(half_points, f"half-point of {task}")
        if row is None or isnan(row["estimate"]):  # the pristine model is at chance
            continue
        low, high = _numbers(row["low"], row["high"])
        if isfinite(row["estimate"]):
            point = f"{row['estimate']:.0f} of {whole}{', if at all,' if high == inf else ''}"
            spread = interval(low, high, form=".1f")
            falls = f"falls half-way to that of guessing with {row['estimate']:.1f} blocks{spread}"
        else:
            point = f"not with {blocks(whole, whole)}"
            falls = "does not fall half-way to that of guessing"
            if isfinite(low):
                falls += f" (half-point: {low:.1f} blocks or more)"
        sentences.append(f"Accuracy on {task} ({asked}) {falls}.")
        if task == INFERENCE:
            short = f"{point} by cloze inference"
    return (short, " ".join(sentences)) if sentences else None


def _find_measure(half_points: DataFrame | None, name: str) -> Series | None:
    rows = None if half_points is None else half_points[half_points["measure"] == name]
    return None if rows is None or rows.empty else rows.iloc[0]


def _numbers(*values: Any) -> list[Any]:
    """Values as numbers, NaN for words. A column that has a word was read as words alone."""
    numbers = pandas.to_numeric(Series(values), errors="coerce")
    return [float(number) for number in numbers]


def _describe_half_of_rise(rows: DataFrame, whole: int, lost: Loss) -> tuple[str, str]:
    """What the loss alone shows, if there are neither labels nor tasks."""
    short = "Not measured: neither labels nor tasks were run."
    if lost.outcome != "lost" or len(rows) < 3:
        return short, ""
    half = (rows["nll"].iloc[0] + rows["nll"].iloc[-1]) / 2
    count = rows.loc[rows["nll"] >= half, "blocks_replaced"].iloc[0]
    return (
        short,
        f"Half of the total rise of the loss is reached with {blocks(count, whole)} replaced.",
    )
