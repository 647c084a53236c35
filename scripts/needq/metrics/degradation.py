"""The tables: what each stage left, as means with intervals, in one order and one spelling."""

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy
import pandas
import pyarrow
from pandas import DataFrame
from pyarrow import parquet

from needq.common import columns, files
from needq.metrics import statistics
from needq.metrics.labels import commonest
from needq.metrics.ngrams import distinct, seq_rep
from needq.metrics.statistics import Estimate

INTERVENTION = list(columns.KEYS)
KEYS = ["left", "right", "sweep", "intervention", "noise_seed"]
KEYS += ["prompt", "sample_seed", "document"]
MEASURED = "%.6g"  # the intervals are wider than the seventh digit by far


def read_chunks(paths: Sequence[str | Path]) -> DataFrame:
    """The rows of parquet files, sorted by their keys, so that the chunking leaves no trace.

    Integers stay integers where some are missing.
    """
    rows = _read(paths)
    keys = [name for name in KEYS if name in rows]
    return rows.sort_values(keys, na_position="first", kind="stable", ignore_index=True)


def _read(paths: Sequence[str | Path]) -> DataFrame:
    tables = pyarrow.concat_tables([parquet.read_table(path) for path in paths])
    return tables.to_pandas(types_mapper={pyarrow.int64(): pandas.Int64Dtype()}.get)


def read_ledger(paths: Sequence[str | Path]) -> DataFrame:
    """The rows of the ledger's texts of several pairs, in their order.

    A backend that stands in two pairs has its null control in both: the first one counts.
    """
    rows = pandas.concat([_read([path]) for path in paths], ignore_index=True)
    keys = ["left", "right", "order", "step", "intervention", "noise_seed", "prompt", "sample_seed"]
    return rows.drop_duplicates(keys, ignore_index=True)


def read_backend(paths: Sequence[str | Path], backend: str) -> DataFrame:
    """`read_chunks` of the files of one backend, which lie at BACKEND/first/."""
    return read_chunks([path for path in paths if Path(path).parts[-3] == backend])


def read_labels(paths: Sequence[str | Path]) -> dict[str, DataFrame]:
    """The rows of labels/BACKEND.parquet, by backend."""
    return {Path(path).stem: read_chunks([path]) for path in paths}


def degradation(
    backend: str,
    texts: DataFrame,
    text_scores: DataFrame,
    evaluation: DataFrame,
    answers: DataFrame,
    labels: DataFrame,
) -> DataFrame:
    """`degradation.tsv` for one backend: one row an intervention.

    `evaluation`: one row a document with `nll`, `kl`, `top1_agreement`, `tokens` and `bytes`. Of
    the interventions that were run in full, `texts`: one row a text with its `tokens`;
    `text_scores` and `labels`: the same texts with `text_nll` and `label`; `answers`: one row an
    `item` of a `probe`, with `right`.
    """
    texts = texts.assign(
        seq_rep_4=[seq_rep(tokens, 4) for tokens in texts["tokens"]],
        distinct_2=[distinct(tokens, 2) for tokens in texts["tokens"]],
    )
    bits = evaluation["nll"] * evaluation["tokens"] / numpy.log(2)
    evaluation = evaluation.assign(bits_per_byte=bits / evaluation["bytes"])
    given, scores, labelled, answered = (
        dict(iter(rows.groupby(INTERVENTION))) for rows in (texts, text_scores, labels, answers)
    )
    rows = []
    for key, part in evaluation.groupby(INTERVENTION):
        row = dict(zip(INTERVENTION, key, strict=True)) | {"backend": backend}
        row |= estimated("nll", part, "document", low=0)
        row["bits_per_byte"] = float(mean(part, "bits_per_byte", "document").mean)
        row |= estimated("kl", part, "document", low=0)
        row |= estimated("top1_agreement", part, "document", low=0, high=1)
        row |= {"noise_seeds": part["noise_seed"].nunique(), "texts": 0}
        if key in given:
            row["label"] = commonest(labelled[key])
            row |= estimated("text_nll", scores[key], "prompt", low=0)
            row |= estimated("seq_rep_4", given[key], "prompt", low=0, high=1)
            row |= estimated("distinct_2", given[key], "prompt", low=0, high=1)
            row |= {"texts": len(given[key]), "example": example(given[key])}
        if key in answered:
            for probe, own in answered[key].groupby("probe"):
                row |= spelled(probe, share(own, "right", "item"))
        rows.append(row)
    return DataFrame(rows, columns=list(columns.DEGRADATION))


def divergence_summary(divergence: DataFrame) -> DataFrame:
    """`divergence_summary.tsv`: one row a pair and intervention, from the rows of diff."""
    return _summed(divergence, ["left", "right", *INTERVENTION], columns.DIVERGENCE_SUMMARY)


def ledger(texts: DataFrame) -> DataFrame:
    """`ledger.tsv`: one row a pair, order and step, from the rows of `ledger_texts.tsv`."""
    keys = ["left", "right", "order", "step", "cause"]
    table = _summed(texts, keys, columns.DIVERGENCE_MEASURES)
    names = {name: name.replace("identical", "identical_share") for name in table}
    return table.rename(columns=names)[list(columns.LEDGER)]


def divergence_trend(divergence: DataFrame) -> DataFrame:
    """`divergence_trend.tsv`: whether pairs part earlier or later as more blocks are replaced.

    For each noise seed and prompt, the least-squares slope of the shared part over the blocks
    replaced (the pristine model counts with every seed), then the mean over both.
    """
    divergence = _with_shared(divergence)
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
        row |= {"verdict": _direction(row), "noise_seeds": part["noise_seed"].nunique()}
        rows.append(row | {"texts": len(part)})
    return DataFrame(rows, columns=list(columns.DIVERGENCE_TREND))


def _slope(part: DataFrame) -> float:
    """The least-squares slope of the shared part over the blocks replaced."""
    count = part["blocks_replaced"] - part["blocks_replaced"].mean()
    return float((count * part["shared"]).sum() / (count**2).sum())


def _direction(row: Mapping[str, float]) -> str:
    """What the slope's interval says; without one, nothing."""
    if row["slope_high"] < 0:
        return "earlier"
    return "later" if row["slope_low"] > 0 else "undecided"


def _with_shared(divergence: DataFrame) -> DataFrame:
    """With `shared`: of the left text, the share before the first divergent token; else 1."""
    place, tokens = (divergence[n].astype(float) for n in ("first_divergent_token", "tokens"))
    return divergence.assign(first_divergent_token=place, shared=(place / tokens).fillna(1.0))


def _summed(divergence: DataFrame, keys: Sequence[str], names: Mapping[str, str]) -> DataFrame:
    """How far the texts of each group part, as means, medians and extremes over its texts."""
    divergence = _with_shared(divergence).assign(identical=divergence["identical"].astype(float))
    rows = []
    for key, part in divergence.groupby(list(keys), sort=False):
        row = dict(zip(keys, key, strict=True))
        row |= spelled("identical", share(part, "identical", "prompt"))
        row |= estimated("shared", part, "prompt", low=0, high=1)
        row |= {
            "first_divergent_token": part["first_divergent_token"].median(),
            "first_divergent_q25": part["first_divergent_token"].quantile(0.25),
            "first_divergent_q75": part["first_divergent_token"].quantile(0.75),
            "max_abs_logit": part["max_abs_logit"].max(),
            "max_ulp": part["max_ulp"].max(),
            "kl": part["kl"].mean(),
            "top1_flips": part["top1_flips"].sum(min_count=1),
            "logit_error": numpy.sqrt((part["logit_error"] ** 2).mean()),
            "margin": part["margin"].median(),
            "noise_seeds": part["noise_seed"].nunique(),
            "texts": len(part),
        }
        rows.append(row)
    return DataFrame(rows, columns=[*keys, *(name for name in names if name not in keys)])


def histogram(
    weights: Mapping[int, numpy.ndarray],
    noise: Mapping[int, numpy.ndarray],
    name: str,
    noise_seed: int,
    bins: int = 61,
) -> DataFrame:
    """`q_histogram.tsv` for one stored noise: counts of both per block, in common equal bins."""
    parts = []
    for block in sorted(weights):
        ends = [(values.min(), values.max()) for values in (weights[block], noise[block])]
        edges = numpy.linspace(min(end[0] for end in ends), max(end[1] for end in ends), bins + 1)
        parts.append(
            DataFrame(
                {
                    "stored_noise": name,
                    "noise_seed": noise_seed,
                    "block": block,
                    "bin_low": edges[:-1],
                    "bin_high": edges[1:],
                    "weights": numpy.histogram(weights[block], edges)[0],
                    "noise": numpy.histogram(noise[block], edges)[0],
                }
            )
        )
    return pandas.concat(parts, ignore_index=True)


def example(texts: DataFrame) -> str:
    """The text of the first noise seed, prompt and sample seed."""
    order = texts.sort_values(["noise_seed", "prompt", "sample_seed"], na_position="first")
    return order["text"].iloc[0]


def mean(rows: DataFrame, column: str, item: str) -> Estimate:
    """The mean of a column over noise seeds and items (`prompt` or `document`), with interval.

    Several rows of one cell (sample seeds) are averaged first.
    """
    return _over(rows, column, item, statistics.mean_of_items, statistics.mean_of_crossed)


def share(rows: DataFrame, column: str, item: str) -> Estimate:
    """Like `mean`, for values of 0 and 1."""
    return _over(rows, column, item, statistics.share_of_items, statistics.share_of_crossed)


def _over(
    rows: DataFrame,
    column: str,
    item: str,
    of_items: Callable[[numpy.ndarray], Estimate],
    of_crossed: Callable[[numpy.ndarray], Estimate],
) -> Estimate:
    if rows["noise_seed"].isna().all():
        return of_items(rows.groupby(item)[column].mean().to_numpy(float))
    cells = rows.groupby(["noise_seed", item])[column].mean().unstack(item)
    return of_crossed(cells.to_numpy(float))


def estimated(
    column: str, rows: DataFrame, item: str, low: float = -numpy.inf, high: float = numpy.inf
) -> dict[str, float]:
    """The columns `column`, `column_low`, `column_high`; low and high are the possible values."""
    return spelled(column, mean(rows, column, item).clipped(low, high))


def spelled(column: str, estimate: Estimate) -> dict[str, float]:
    """The three columns of an estimate."""
    return {
        column: float(estimate.mean),
        f"{column}_low": float(estimate.low),
        f"{column}_high": float(estimate.high),
    }


def write_table(path: str | Path, table: DataFrame, decimals: str | None = None) -> None:
    """Write a table as TSV: one line a row, empty for missing values.

    Floats are written by `decimals`, a format such as MEASURED, or else so that they read back as
    the same floats. Text keeps to its line: see `escaped`.
    """
    table = table.copy()
    for name in table.select_dtypes(["object", "string"]):
        table[name] = table[name].map(escaped, na_action="ignore")
    text = table.to_csv(
        sep="\t",
        index=False,
        float_format=decimals,
        lineterminator="\n",
        quoting=csv.QUOTE_MINIMAL,
    )
    files.write_text(path, text)


def read_table(path: str | Path) -> DataFrame:
    """The inverse of `write_table`: numbers, text, and NaN where a field is empty."""
    table = pandas.read_csv(path, sep="\t", keep_default_na=False, na_values=[""])
    if "example" in table:
        table["example"] = table["example"].fillna("").map(unescaped)
    return table


def escaped(text: str) -> str:
    r"""`text` on one line: a backslash doubled, and \uNNNN for what may end a line or be a tab."""
    return re.sub(
        r"[\\\x00-\x1f\x7f-\x9f\u2028\u2029]",
        lambda match: "\\\\" if match[0] == "\\" else f"\\u{ord(match[0]):04x}",
        text,
    )


def unescaped(text: str) -> str:
    """The inverse of `escaped`."""
    return re.sub(
        r"\\(\\|u([0-9a-f]{4}))",
        lambda match: chr(int(match[2], 16)) if match[2] else "\\",
        text,
    )
