"""Where two backends diverge, and why: the part of a run's answer that its ledger gives."""

from collections.abc import Mapping, Sequence

from pandas import DataFrame, Series, isna

from needq.common.backends import Backend
from needq.common.keys import TOO_SMALL
from needq.plan.corners import (
    ALL,
    ALONE,
    ARITHMETIC,
    DRAWS,
    LAST,
    NOISE,
    SHARE,
    differing,
    predicted,
    unlike,
)
from needq.report.answer import interval

Backends = Mapping[str, Backend]
MAIN = 0.1  # a cause is a reason if its share is more than this part of all that diverges
# what a backend does in another way, by the main causes
RANDOM = "draws its random numbers in another way"
REASONS = {
    frozenset({NOISE}): "draws the noise in another way",
    frozenset({DRAWS}): "chooses tokens with other random numbers",
    frozenset({NOISE, DRAWS}): RANDOM,
    frozenset({ARITHMETIC}): "rounds in another way",
    frozenset({NOISE, ARITHMETIC}): "draws the noise and rounds in another way",
    frozenset({DRAWS, ARITHMETIC}): "rounds and chooses tokens in another way",
    frozenset({NOISE, DRAWS, ARITHMETIC}): f"rounds in another way and {RANDOM}",
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
PREDICTED_DRAWS = "one predicts the random numbers of the other"
WITHOUT_GPU = "Not measured: no GPU. Two ways to use a CPU: "
PREDICTED = "Predicted, since no GPU was used: "


def explain(
    summary: DataFrame, ledger: DataFrame | None, backends: Backends, cuda: bool, new_tokens: int
) -> tuple[str, list[str]]:
    """Whether and why CPU and GPU diverge, in a few words and in sentences (the second is why).

    `summary` and `ledger` are the tables of those names, `backends` those of the config. `cuda`
    says whether any backend was run on CUDA. `new_tokens` is the largest length of a
    text of the ledger.
    """
    pair, compared = find_ledger_pair(ledger, backends), _find_compared(summary, backends)
    if pair and (_on_cuda(pair, backends) or not _on_cuda(compared, backends)):
        left, right = pair
        short, sentences = _describe_causes(ledger, left, right, backends, new_tokens)
        kind, named = _kind(left, right, backends), _name_pair(left, right, backends)
    else:
        left, right = compared
        if not left:
            return "Not measured: only one backend was run, so there is nothing to compare.", []
        short, sentences = _describe_comparison(summary, left, right)
        kind, named = "" if cuda else _kind(left, right, backends), f"{left} and {right}"
    held = _describe_prediction(summary, backends)
    return f"{kind}{short}{held}", [f"{named}: {sentences[0]}", *sentences[1:]]


def _describe_prediction(summary: DataFrame, backends: Backends) -> str:
    """In how many texts a GPU wrote what a backend predicted, for every such pair that was run."""
    sentences = ""
    for left, right in dict.fromkeys(zip(summary["left"], summary["right"], strict=True)):
        if DRAWS in predicted(backends[left], backends[right]):
            predicting = left if backends[left].rng == "cuda" else right
            identical, texts, _ = _count_identical(summary, left, right)
            sentences += (
                f" The prediction ({predicting}) was right in {identical} of {texts} texts, token "
                "for token."
            )
    return sentences


def _kind(left: str, right: str, backends: Backends) -> str:
    """How a short answer about a pair of the ledger begins: it may not be about a real GPU."""
    if _on_cuda((left, right), backends):
        return ""
    return PREDICTED if _predicted((left, right), backends) else WITHOUT_GPU


def find_ledger_pair(ledger: DataFrame | None, backends: Backends) -> tuple[str, str] | None:
    """The pair of the ledger for the answer: with a GPU, with a predicted one, or most diverged."""
    if ledger is None or ledger.empty:
        return None
    totals = ledger[ledger["cause"] == ALL]
    pairs = [((row.left, row.right), row.estimate) for row in totals.itertuples(index=False)]
    return min(
        pairs,
        key=lambda found: (
            _checks_prediction(found[0], backends),  # says nothing of CPU and GPU
            not _on_cuda(found[0], backends),
            not _predicted(found[0], backends),
            -found[1],
        ),
    )[0]


def _checks_prediction(names: Sequence[str], backends: Backends) -> bool:
    """Whether one backend predicts what the other, a GPU, draws."""
    known = [backends[name] for name in names if name in backends]
    return len(known) == 2 and bool(predicted(*known))


def _predicted(names: Sequence[str], backends: Backends) -> bool:
    """Whether one of the backends draws what a GPU would draw."""
    known = [backends[name] for name in names if name in backends]
    return any("cuda" in (backend.rng, backend.noise) for backend in known)


def _on_cuda(names: Sequence[str], backends: Backends) -> bool:
    return any(name in backends and backends[name].device == "cuda" for name in names)


def _name_pair(left: str, right: str, backends: Backends) -> str:
    """`cpu_a and cpu_b (both in bfloat16; different noise, kernels, batch)`."""
    precision, factors = backends[left].precision, _name_factors(left, right, backends)
    parts = [f"both in {precision}"] if precision == backends[right].precision else []
    parts += [f"different {factors}"] if factors else []
    return f"{left} and {right}" + (f" ({'; '.join(parts)})" if parts else "")


def _name_factors(left: str, right: str, backends: Backends) -> str:
    """What two backends differ in, such as `noise, kernels, batch`."""
    one, other = backends[left], backends[right]
    apart = unlike(one, other)
    causes = [cause for cause in (NOISE, DRAWS) if cause in apart]
    words = [w for name, w in FACTORS.items() if getattr(one, name) != getattr(other, name)]
    return ", ".join(causes + words)


def _describe_causes(
    ledger: DataFrame, left: str, right: str, backends: Backends, new_tokens: int
) -> tuple[str, list[str]]:
    """What the ledger shows for one pair: in short, and in sentences (the second is why)."""
    mine = ledger[(ledger["left"] == left) & (ledger["right"] == right)]
    total = mine[mine["cause"] == ALL].iloc[0]
    if total["estimate"] == 0:
        return "Nowhere: all texts are identical.", [
            f"all {total['texts']} texts are identical; share that diverges: 0%{_interval(total)}.",
            *_describe_effects(mine),
        ]
    shares = mine[mine["effect"] == SHARE].sort_values("estimate", ascending=False, kind="stable")
    parts = ", ".join(
        f"{row['cause']} {row['estimate']:.0%}{_interval(row)}" for _, row in shares.iterrows()
    )
    if (shares["low"] == TOO_SMALL).any():
        parts += " (n is too small for intervals)"
    main = frozenset(shares.loc[shares["estimate"] > MAIN * total["estimate"], "cause"])
    who = "The second backend"
    if _on_cuda((left, right), backends) or _predicted((left, right), backends):
        who = "A GPU"
    short = f"{who} writes another text because it {REASONS[main]}: {parts}."
    token = total["first_divergent_token"]
    start = (
        f"{total['estimate']:.0%} of {total['texts']} texts diverge{_interval(total)}. Half of "
        f"these do so by new token {token:.0f} (counted from 0) of {new_tokens}."
    )
    why = f"These Shapley shares add up to the {total['estimate']:.0%} of texts that diverge."
    if ARITHMETIC not in differing(backends[left], backends[right]):
        why += " Arithmetic is the same in both backends, so its share is not measured here."
    return short, [start, why, *_describe_effects(mine)]


def _describe_effects(mine: DataFrame) -> list[str]:
    """What each cause of one pair does alone, and last removed."""
    sentences = []
    for effect, words in ((ALONE, "Each cause alone"), (LAST, "Each cause removed last")):
        rows = mine[(mine["effect"] == effect) & (mine["cause"] != ALL)]
        parts = [
            f"{row['cause']} {row['estimate']:.0%}{_interval(row)}" for _, row in rows.iterrows()
        ]
        sentences.append(f"{words}: {'; '.join(parts)}.")
    if (mine["low"] == TOO_SMALL).any():
        sentences.append("n is too small for intervals, so single causes show little.")
    return sentences


def _interval(row: Series) -> str:
    """The interval of a row of the ledger in brackets; empty if n is too small."""
    few = row["low"] == TOO_SMALL
    return "" if few else interval(float(row["low"]), float(row["high"]), ".0%")


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
        ways = backends[row.left], backends[row.right]
        aside = f" ({OTHER_DRAWS})" if DRAWS in unlike(*ways) else ""
        if DRAWS in predicted(*ways):
            aside = f" ({PREDICTED_DRAWS})"
        parts.append(f"{row.left} and {row.right}{aside}: {verdict}")
    if not parts:
        return ""
    return f"Do texts diverge earlier as more blocks are replaced? {'; '.join(parts)}."
