"""Where two backends diverge, and why: the part of a run's answer that its ledger gives."""

from collections.abc import Mapping, Sequence

from pandas import DataFrame, isna

from needq.common.settings import Backend
from needq.plan.ledger_steps import REMOVED
from needq.report.answer import interval

Backends = Mapping[str, Backend]
# cause: its name in a short answer, and how the backends differ until it is removed
WHY = {
    "noise": ("different noise", "each backend draws its own noise"),
    "token draws": (
        "different random numbers",
        "each backend chooses tokens with random numbers of its own",
    ),
    "kernels, batch, cache": (
        "rounding",
        "they add numbers in different orders, so they round differently",
    ),
    "float64": ("rounding", "they round differently, since their precision is low"),
    "exact": ("rounding", "they round differently"),
}
# what two backends can differ in, in words
FACTORS = {
    "device": "device",
    "precision": "precision",
    "kernels": "kernels",
    "batch": "batch",
    "cache": "cache",
    "threads": "threads",
    "instruction_set": "instruction set",
}
OTHER_DRAWS = "they use different random numbers"


def explain(
    summary: DataFrame, ledger: DataFrame | None, backends: Backends, cuda: bool, new_tokens: int
) -> tuple[str, list[str]]:
    """Whether and why CPU and GPU diverge, in a few words and in sentences (the second is why).

    `summary` and `ledger` are the tables of those names, `backends` those of the config. `cuda`
    says whether any backend was run on CUDA. `new_tokens` is the largest length of a text.
    """
    pair, compared = find_ledger_pair(ledger, backends), _find_compared(summary, backends)
    if pair and (_on_cuda(pair, backends) or not _on_cuda(compared, backends)):
        left, right = pair
        subject = f"CPU and GPU, {_name_pair(left, right, backends)}"
        if not _on_cuda(pair, backends):
            subject = f"Two ways to use one CPU stand for them. {_name_pair(left, right, backends)}"
        short, sentences = _describe_causes(ledger, left, right, backends, new_tokens)
    else:
        left, right = compared
        if not left:
            return "Not measured: only one backend was run, so there is nothing to compare.", []
        subject = f"{left} and {right}"
        short, sentences = _describe_comparison(summary, left, right)
    if not cuda:
        precisions = {backends[name].precision for name in (left, right)}
        ways = f"Two ways to use a CPU{f' in {precisions.pop()}' if len(precisions) == 1 else ''}"
        short = f"Not measured: no GPU. {ways}: {short[0].lower()}{short[1:]}"
    return short, [f"{subject}: {sentences[0]}", *sentences[1:]]


def find_ledger_pair(ledger: DataFrame | None, backends: Backends) -> tuple[str, str] | None:
    """The pair of the ledger for the answer: one with a GPU, or the one that diverges most."""
    if ledger is None or ledger.empty:
        return None
    starts = ledger[(ledger["order"] == "forwards") & (ledger["step"] == 0)]
    pairs = [
        (not _on_cuda((row.left, row.right), backends), row.identical_share, row.left, row.right)
        for row in starts.itertuples(index=False)
    ]
    return min(pairs, key=lambda pair: pair[:2])[2:] if pairs else None


def _on_cuda(names: Sequence[str], backends: Backends) -> bool:
    return any(name in backends and backends[name].device == "cuda" for name in names)


def _name_pair(left: str, right: str, backends: Backends) -> str:
    """`cpu_a and cpu_b (both in bfloat16; different kernels, batch)`."""
    precision, differing = backends[left].precision, _name_factors(left, right, backends)
    parts = [f"both in {precision}"] if precision == backends[right].precision else []
    parts += [f"different {differing}"] if differing else []
    return f"{left} and {right}" + (f" ({'; '.join(parts)})" if parts else "")


def _name_factors(left: str, right: str, backends: Backends, but: str = "") -> str:
    """The factors in which two backends differ, such as `kernels, batch`, except `but`."""
    return ", ".join(
        words
        for name, words in FACTORS.items()
        if name != but and getattr(backends[left], name) != getattr(backends[right], name)
    )


def _steps(ledger: DataFrame, left: str, right: str, order: str) -> DataFrame:
    """The steps of one pair in one order; in the first, no cause is removed."""
    mine = (ledger["left"] == left) & (ledger["right"] == right) & (ledger["order"] == order)
    return ledger[mine].sort_values("step").reset_index(drop=True)


def _describe_causes(
    ledger: DataFrame, left: str, right: str, backends: Backends, new_tokens: int
) -> tuple[str, list[str]]:
    """What the steps of the ledger show for one pair."""
    steps = _steps(ledger, left, right, "forwards")
    first, last = steps.iloc[0], steps.iloc[-1]
    bits = "In exact arithmetic and with the same noise, all bits of the logits are equal."
    if last["identical_share"] < 1 or last["max_abs_logit"] != 0:
        bits = "Even in exact arithmetic and with the same noise, bits differ: this is unexplained."
    if first["identical_share"] == 1:
        differ = f"although logits differ by up to {first['max_abs_logit']:.1g}"
        if first["max_abs_logit"] == 0:
            differ = "and all bits of the logits are equal"
        sentence = f"all {first['texts']} texts are identical, {differ}."
        more = [] if (steps["identical_share"] == 1).all() else [_describe_steps(steps)]
        return "Nowhere: all texts are identical.", [sentence, bits, *more]
    start = (
        f"{first['identical_share']:.0%} of {first['texts']} texts are identical"
        f"{interval(first['identical_share_low'], first['identical_share_high'], '.0%')}."
    )
    differing = _name_factors(left, right, backends, "precision")
    short, why = _find_reason(steps, _steps(ledger, left, right, "backwards"), differing)
    where = (
        f"Half of the texts that diverge do so by new token {first['first_divergent_token']:.0f} "
        f"(counted from 0) of {new_tokens}."
    )
    diverged = f"{1 - first['identical_share']:.0%} of their texts diverge"
    return f"{diverged}, {short}.", [start, why, _describe_steps(steps), bits, where]


def _find_reason(forwards: DataFrame, backwards: DataFrame, differing: str) -> tuple[str, str]:
    """The cause without which all texts are identical, in a few words and as a sentence.

    This is rounding if exact arithmetic alone is enough (the first step backwards), while the
    backends still differ in `differing`. Otherwise it is the last cause that is removed before all
    texts are identical (forwards).
    """
    texts, last = forwards["texts"].iloc[0], forwards.iloc[-1]
    low, high = last["identical_share_low"], last["identical_share_high"]
    if len(backwards) > 1 and (backwards["identical_share"][1:] == 1).all():
        return (
            "and rounding is enough to explain it",
            f"In exact arithmetic all {texts} are identical{interval(low, high, '.0%')}"
            + (f", even with different {differing}." if differing else "."),
        )
    same = forwards["identical_share"] == 1
    steps = [step for step in range(1, len(forwards)) if same[step:].all()]
    if not steps:
        return "for no known reason", "No step makes all texts identical: this is unexplained."
    cause = forwards["cause"][steps[0]]
    short, why = WHY[cause]
    return (
        f"and the last cause to remove is {short}",
        f"With {REMOVED[cause]} as well, all {texts} texts are identical. Before that, {why}.",
    )


def _describe_steps(steps: DataFrame) -> str:
    """The share of identical texts after each step, and which steps are more than chance."""
    shares = ", ".join(
        f"{REMOVED[row.cause]} {row.identical_share:.0%}" for row in steps.itertuples(index=False)
    )
    sentence = f"Share of identical texts as the causes are removed one after the other: {shares}."
    low, high = steps["identical_share_low"], steps["identical_share_high"]
    if low.isna().any():
        return f"{sentence} n is too small for intervals, so single steps show little."
    clear = [
        steps["cause"][step]
        for step in range(1, len(steps))
        if low[step] > high[step - 1] or high[step] < low[step - 1]
    ]
    if not clear:
        return f"{sentence} Intervals of neighbouring steps overlap, so single steps show little."
    return f"{sentence} Steps whose interval is clear of the one before: {', '.join(clear)}."


def _find_compared(summary: DataFrame, backends: Backends) -> tuple[str, str]:
    """The pair for the answer if there is no ledger; empty names without a pair."""
    tested = summary[summary["left"] != summary["right"]]
    pairs = list(dict.fromkeys(zip(tested["left"], tested["right"], strict=True)))
    return min(pairs, key=lambda pair: not _on_cuda(pair, backends)) if pairs else ("", "")


def _count_identical(summary: DataFrame, left: str, right: str) -> tuple[int, int, DataFrame]:
    """The number of identical texts of a pair, the number of its texts, and its rows."""
    rows = summary[(summary["left"] == left) & (summary["right"] == right)]
    return round((rows["identical"] * rows["texts"]).sum()), rows["texts"].sum(), rows


def _describe_comparison(summary: DataFrame, left: str, right: str) -> tuple[str, list[str]]:
    """What the comparison of a pair shows, if there is no ledger."""
    identical, texts, rows = _count_identical(summary, left, right)
    largest = rows["max_abs_logit"].max()
    sentence = f"{identical} of {texts} texts are identical"
    if not isna(largest):
        sentence += f", and logits differ by up to {largest:.1g}"
    return (
        f"{texts - identical} of {texts} texts diverge.",
        [f"{sentence}.", "This run does not say why: it has no ledger."],
    )


def describe_trend(table: DataFrame, summary: DataFrame, sweep: str, backends: Backends) -> str:
    """Whether texts diverge earlier as more blocks are replaced, for every pair of the sweep."""
    tested = table[(table["left"] != table["right"]) & (table["sweep"] == sweep)]
    parts = []
    for row in tested.itertuples(index=False):
        of_sweep = summary[summary["sweep"] == sweep]
        identical, texts, _ = _count_identical(of_sweep, row.left, row.right)
        verdict = f"none of {texts} texts diverge" if identical == texts else row.verdict
        draws = {backends[name].rng for name in (row.left, row.right)}
        aside = f" ({OTHER_DRAWS})" if len(draws) > 1 else ""
        parts.append(f"{row.left} and {row.right}{aside}: {verdict}")
    if not parts:
        return ""
    return f"Do texts diverge earlier as more blocks are replaced? {'; '.join(parts)}."
