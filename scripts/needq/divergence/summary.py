"""The tables of divergence: how far the texts of two backends diverge, as means with intervals."""

from collections.abc import Mapping, Sequence

import numpy
import pandas
from pandas import DataFrame

from needq.common import columns
from needq.common.keys import INTERVENTION, PAIR
from needq.metrics.estimates import as_columns, estimated, first_values, share


def summary_table(divergence: DataFrame) -> DataFrame:
    """`divergence_summary.tsv`: one row per pair and intervention, from the rows of diff."""
    table = _summed(divergence, [*PAIR, *INTERVENTION], columns.DIVERGENCE_SUMMARY)
    return table.astype({"block": "Int64"})


def trend_table(divergence: DataFrame) -> DataFrame:
    """`divergence_trend.tsv`: whether pairs diverge earlier or later as more blocks are replaced.

    For each noise seed and prompt, the least-squares slope of the common prefix share over the
    blocks replaced (every noise seed includes the pristine model); then the mean over both.
    """
    divergence = _with_common_prefix(divergence)
    rows = []
    for key, part in divergence.groupby(["left", "right", "sweep"]):
        pristine = part[part["noise_seed"].isna()]
        slopes = [
            {"noise_seed": seed, "prompt": prompt, "slope": _slope(of_prompt)}
            for seed, of_seed in part.groupby("noise_seed")
            for prompt, of_prompt in pandas.concat([pristine, of_seed]).groupby("prompt")
        ]
        row = dict(zip(["left", "right", "sweep"], key, strict=True))
        row |= estimated("slope", DataFrame(slopes), "prompt")
        diverged = part["first_divergent_token"].notna().any()
        row |= {"verdict": _direction(row) if diverged else "never"}
        row |= {"noise_seeds": part["noise_seed"].nunique()}
        rows.append(row | {"texts": len(part)})
    return DataFrame(rows, columns=list(columns.DIVERGENCE_TREND))


def _slope(part: DataFrame) -> float:
    """The least-squares slope of the common prefix share over the blocks replaced."""
    count = part["blocks_replaced"] - part["blocks_replaced"].mean()
    return float((count * part["common_prefix_share"]).sum() / (count**2).sum())


def _direction(row: Mapping[str, float]) -> str:
    """The verdict of the slope's interval; undecided without one."""
    if row["slope_high"] < 0:
        return "earlier"
    return "later" if row["slope_low"] > 0 else "undecided"


def _with_common_prefix(divergence: DataFrame) -> DataFrame:
    """`divergence` with `common_prefix_share`, which is 1 for identical texts."""
    place, tokens = (divergence[n].astype(float) for n in ("first_divergent_token", "tokens"))
    return divergence.assign(
        first_divergent_token=place, common_prefix_share=(place / tokens).fillna(1.0)
    )


def measures(part: DataFrame) -> dict[str, float]:
    """Medians, means and maxima over texts that were compared: those without an interval."""
    place = part["first_divergent_token"].astype(float)
    return {
        "first_divergent_token": place.median(),
        "first_divergent_q25": place.quantile(0.25),
        "first_divergent_q75": place.quantile(0.75),
        "max_abs_logit": part["max_abs_logit"].max(),
        "max_ulp": part["max_ulp"].max(),
        "kl": part["kl"].mean(),
        "top1_flips": part["top1_flips"].sum(min_count=1),
        "logit_error": numpy.sqrt((part["logit_error"] ** 2).mean()),
        "margin": part["margin"].median(),
        "noise_seeds": part["noise_seed"].nunique(),
        "texts": len(part),
    }


def _summed(divergence: DataFrame, keys: Sequence[str], names: Mapping[str, str]) -> DataFrame:
    """How far the texts of each group diverge: means, medians and maxima over its texts."""
    divergence = _with_common_prefix(divergence).assign(
        identical=divergence["identical"].astype(float)
    )
    rows = []
    by = [name for name in keys if name != "block"]  # the intervention contains the block
    for _, part in divergence.groupby(by, sort=False):
        row = first_values(part, keys)
        row |= as_columns("identical", share(part, "identical", "prompt"))
        row |= estimated("common_prefix_share", part, "prompt", low=0, high=1)
        rows.append(row | measures(part))
    return DataFrame(rows, columns=[*keys, *(name for name in names if name not in keys)])
