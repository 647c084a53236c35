"""Where two ways to compute part, and why: the part of a run's answer that its ledger gives."""

from collections.abc import Mapping, Sequence
from typing import Any

from pandas import DataFrame, isna

from needq.plan.ledger_steps import REMOVED
from needq.report.answer import interval

Backends = Mapping[str, Mapping[str, Any]]
# cause: what it means that texts are the same once it is removed, and stays behind without it
WHY = {
    "noise": ("other noise", "each draws its own noise"),
    "token draws": ("other token draws", "each draws tokens from a random stream of its own"),
    "kernels, batch, cache": ("rounding", "they add up in another order, and so round otherwise"),
    "float64": ("rounding", "they round otherwise, where their precision is low"),
    "exact": ("rounding", "they round otherwise"),
}
# what backends can differ in, as words
FACTORS = {
    "device": "device",
    "precision": "precision",
    "kernels": "kernels",
    "batch": "batch",
    "cache": "cache",
    "threads": "threads",
    "instructions": "instruction set",
}
OTHER_DRAWS = "they draw other random numbers"


def parting(
    summary: DataFrame, ledger: DataFrame | None, backends: Backends, cuda: bool, new_tokens: int
) -> tuple[str, list[str]]:
    """In a few words; and in sentences, the second of which is the reason.

    `summary` and `ledger` are the tables of those names, `backends` the config's; `cuda` says
    whether any backend was run on CUDA, and `new_tokens` how many a text has at most.
    """
    pair, compared = ledger_pair(ledger, backends), _compared(summary, backends)
    if pair and (_on_cuda(pair, backends) or not _on_cuda(compared, backends)):
        left, right = pair
        subject = f"CPU and GPU, {_pair(left, right, backends)}"
        if not _on_cuda(pair, backends):
            subject = f"Two ways to use one CPU stand in for them, {_pair(left, right, backends)}"
        short, said = _causes(ledger, left, right, backends, new_tokens)
    else:
        left, right = compared
        if not left:
            return "Not measured: only one way to compute was run, so nothing could part.", []
        subject = f"{left} and {right}"
        short, said = _shares(summary, left, right)
    if not cuda:
        one, two = (backends[name].get("precision") for name in (left, right))
        ways = f"Two ways to use a CPU{f' in {one}' if one == two else ''}"
        short = f"Not measured: no GPU. {ways}: {short[0].lower()}{short[1:]}"
    return short, [f"{subject}: {said[0]}", *said[1:]]


def ledger_pair(ledger: DataFrame | None, backends: Backends) -> tuple[str, str] | None:
    """The pair of the ledger to speak of: one with a GPU, or the one that parts most."""
    if ledger is None or ledger.empty:
        return None
    starts = ledger[(ledger["order"] == "forwards") & (ledger["step"] == 0)]
    found = [
        (not _on_cuda((row.left, row.right), backends), row.identical_share, row.left, row.right)
        for row in starts.itertuples(index=False)
    ]
    return min(found, key=lambda one: one[:2])[2:] if found else None


def _on_cuda(names: Sequence[str], backends: Backends) -> bool:
    return any(backends.get(name, {}).get("device") == "cuda" for name in names)


def _pair(left: str, right: str, backends: Backends) -> str:
    """`one and two (both in bfloat16; other kernels, batch)`."""
    one, two, differing = backends[left], backends[right], _differing(left, right, backends)
    said = [f"both in {one['precision']}"] if one.get("precision") == two.get("precision") else []
    said += [f"other {differing}"] if differing else []
    return f"{left} and {right}" + (f" ({'; '.join(said)})" if said else "")


def _differing(left: str, right: str, backends: Backends, but: str = "") -> str:
    """The factors in which two backends differ, such as `kernels, batch`, leaving out `but`."""
    one, two = backends[left], backends[right]
    return ", ".join(
        words for name, words in FACTORS.items() if name != but and one.get(name) != two.get(name)
    )


def _steps(ledger: DataFrame, left: str, right: str, order: str) -> DataFrame:
    """The steps of one pair in one order, the first with every cause in place."""
    mine = (ledger["left"] == left) & (ledger["right"] == right) & (ledger["order"] == order)
    return ledger[mine].sort_values("step").reset_index(drop=True)


def _causes(
    ledger: DataFrame, left: str, right: str, backends: Backends, new_tokens: int
) -> tuple[str, list[str]]:
    """What the ledger's steps say of one pair."""
    steps = _steps(ledger, left, right, "forwards")
    first, last = steps.iloc[0], steps.iloc[-1]
    bits = "In exact arithmetic, given the same noise, every bit of the logits is the same."
    if last["identical_share"] < 1 or last["max_abs_logit"] != 0:
        bits = "Even in exact arithmetic, given the same noise, bits differ: to be explained."
    if first["identical_share"] == 1:
        apart = f"though logits differ by up to {first['max_abs_logit']:.1g}"
        if first["max_abs_logit"] == 0:
            apart = "and so is every bit of the logits"
        said = f"all {first['texts']} texts are the same, {apart}."
        more = [] if (steps["identical_share"] == 1).all() else [_told(steps)]
        return "Nowhere: all texts are the same.", [said, bits, *more]
    start = (
        f"{first['identical_share']:.0%} of {first['texts']} texts are the same"
        f"{interval(first['identical_share_low'], first['identical_share_high'], '.0%')}."
    )
    differing = _differing(left, right, backends, "precision")
    short, why = _why(steps, _steps(ledger, left, right, "backwards"), differing)
    place = first["first_divergent_token"]
    where = (
        f"Of the texts that part, half have parted by new token {place:.0f} (counted from 0) of "
        f"{new_tokens}."
    )
    parted = f"{1 - first['identical_share']:.0%} of their texts part"
    return f"{parted}, {short}.", [start, why, _told(steps), bits, where]


def _why(forwards: DataFrame, backwards: DataFrame, differing: str) -> tuple[str, str]:
    """The cause without which all texts are the same, in a few words and as a sentence.

    Exact arithmetic, if it suffices alone (the first step backwards), while the backends are still
    `differing`; else the cause that is removed last before all are the same (forwards).
    """
    texts, last = forwards["texts"].iloc[0], forwards.iloc[-1]
    low, high = last["identical_share_low"], last["identical_share_high"]
    if len(backwards) > 1 and (backwards["identical_share"][1:] == 1).all():
        return (
            "and rounding is enough to explain it",
            f"In exact arithmetic all {texts} are the same{interval(low, high, '.0%')}"
            + (f", even with other {differing}." if differing else "."),
        )
    same = forwards["identical_share"] == 1
    found = [step for step in range(1, len(forwards)) if same[step:].all()]
    if not found:
        return "for no known cause", "They part whatever is made equal: to be explained."
    cause = forwards["cause"][found[0]]
    short, why = WHY[cause]
    return (
        f"in the end by {short}",
        f"With {cause} made equal as well, all {texts} are the same: until then {why}.",
    )


def _told(steps: DataFrame) -> str:
    """The share of identical texts after each step, and which steps are more than chance."""
    shares = ", ".join(
        f"{REMOVED[row.cause]} {row.identical_share:.0%}" for row in steps.itertuples(index=False)
    )
    sentence = f"Share of identical texts as causes are made equal in turn: {shares}."
    low, high = steps["identical_share_low"], steps["identical_share_high"]
    if low.isna().any():
        return f"{sentence} n is too small for intervals: single steps say little."
    apart = [
        steps["cause"][step]
        for step in range(1, len(steps))
        if low[step] > high[step - 1] or high[step] < low[step - 1]
    ]
    if not apart:
        return f"{sentence} Intervals of neighbouring steps overlap: single steps say little."
    return f"{sentence} Told apart from the step before by their intervals: {', '.join(apart)}."


def _compared(summary: DataFrame, backends: Backends) -> tuple[str, str]:
    """The pair to speak of where there is no ledger; empty names without one."""
    apart = summary[summary["left"] != summary["right"]]
    pairs = list(dict.fromkeys(zip(apart["left"], apart["right"], strict=True)))
    return min(pairs, key=lambda pair: not _on_cuda(pair, backends)) if pairs else ("", "")


def _of_pair(summary: DataFrame, left: str, right: str) -> tuple[int, int, DataFrame]:
    """How many texts of a pair are the same, of how many, and its rows."""
    mine = summary[(summary["left"] == left) & (summary["right"] == right)]
    return round((mine["identical"] * mine["texts"]).sum()), mine["texts"].sum(), mine


def _shares(summary: DataFrame, left: str, right: str) -> tuple[str, list[str]]:
    """What the comparison of a pair says where there is no ledger."""
    same, texts, mine = _of_pair(summary, left, right)
    far = mine["max_abs_logit"].max()
    sentence = f"{same} of {texts} texts are the same"
    if not isna(far):
        sentence += f", and logits differ by up to {far:.1g}"
    return (
        f"{texts - same} of {texts} texts part.",
        [f"{sentence}.", "Why, this run did not trace: it has no ledger."],
    )


def trend(table: DataFrame, summary: DataFrame, sweep: str, backends: Backends) -> str:
    """Whether texts part earlier as more blocks are replaced, for every pair that can say."""
    tested = table[(table["left"] != table["right"]) & (table["sweep"] == sweep)]
    said = []
    for row in tested.itertuples(index=False):
        same, texts, _ = _of_pair(summary[summary["sweep"] == sweep], row.left, row.right)
        verdict = f"none of {texts} part" if same == texts else row.verdict
        draws = [backends[name].get("rng") for name in (row.left, row.right)]
        aside = f" ({OTHER_DRAWS})" if draws[0] != draws[1] else ""
        said.append(f"{row.left} and {row.right}{aside}: {verdict}")
    if not said:
        return ""
    return f"Do texts part earlier as more blocks are replaced? {'; '.join(said)}."
