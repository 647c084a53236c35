"""The tables of the made-up run, and those that other configs add."""

from pathlib import Path

import fake_run
import numpy
import pandas
from fake_run import stages, write
from needq.common import published, tables
from needq.divergence import summary
from needq.metrics import degradation as metrics
from needq.metrics.baselines import baselines_table
from needq.metrics.histogram import histogram_table
from needq.plan.corners import ALL, ALONE, CAUSES, EFFECTS

BACKENDS = ("cpu", "cpu_float64")


def degradation(folder: Path) -> pandas.DataFrame:
    """`degradation.tsv` of what `fake_run.write` left."""
    return pandas.concat(
        metrics.degradation_table(name, *stages(folder, name)) for name in BACKENDS
    )


def baselines(folder: Path) -> pandas.DataFrame:
    """`baselines.tsv` of n-gram models that lose 3, 1.5, 0.8, 0.6 and 0.5 nats, or 0.1 more."""
    rows = stages(folder, "cpu")[2]
    pristine = rows[rows["blocks_replaced"] == 0]
    ngrams = [
        {"order": order, "document": row["document"], "tokens": row["tokens"]}
        | {"bytes": row["bytes"]}
        | fake_run.nlls(row["nll"], lost + 0.1 * (row["document"] % 2))
        for order, lost in enumerate((3, 1.5, 0.8, 0.6, 0.5), 1)
        for row in pristine.to_dict("records")
    ]
    return baselines_table(pandas.DataFrame(ngrams), pristine)


def histogram() -> pandas.DataFrame:
    rng = numpy.random.default_rng(0)
    weights = {block: rng.standard_t(4, size=(32, 32)) for block in range(12)}
    noise = {block: rng.normal(size=(32, 32)) for block in range(12)}
    return histogram_table(weights, noise, "q-gaussian-0", 0)


def ledger() -> pandas.DataFrame:
    """One pair: all texts diverge, by a quarter each because of two causes, half of the third."""
    row = {"left": "one", "right": "two", "texts": 42}
    shares = dict(zip(CAUSES, (0.25, 0.5, 0.25), strict=True))
    rows = [
        row | {"cause": cause, "effect": effect, "estimate": share}
        for cause, share in shares.items()
        for effect in EFFECTS
    ]
    return pandas.DataFrame([*rows, row | {"cause": ALL, "effect": ALONE, "estimate": 1}])


def flips() -> pandas.DataFrame:
    """One backend that diverges as often as predicted, and one that does not."""
    row = {"left": "exact", "texts": 366, "predicted": 42.5, "predicted_low": 30}
    row |= {"predicted_high": 54, "blocks_replaced": numpy.nan}
    return pandas.DataFrame(
        [row | {"right": "cpu_keyed", "diverged": 40}, row | {"right": "bfloat16", "diverged": 77}]
    )


def claims() -> pandas.DataFrame:
    row = {"claim": "C1", "statement": "One block replaced: still coherent."}
    row |= {"run": "fake", "model": "a-model", "p": numpy.nan, "p_holm": numpy.nan, "why": ""}
    test = row | {"test": "grammar lost", "estimate": numpy.inf, "verdict": "supported"}
    whole = row | {"test": "all 1 tests", "estimate": numpy.nan, "verdict": "supported"}
    ends = {"low": "0.01", "high": "n too small"}
    return pandas.DataFrame([whole | {"low": "", "high": ""}, test | ends])


def with_sweeps(table: pandas.DataFrame) -> pandas.DataFrame:
    """`degradation.tsv` with sweeps of which one backend scores the evaluation text alone."""
    keys = table[table["backend"] == BACKENDS[1]].assign(sweep="keys", texts=0)
    keys["intervention"] = keys["intervention"].str.replace("q/cumulative", "k/keys")
    for name in ("pristine_nll", "seq_rep_4", "distinct_2", "grammar", "cloze"):
        keys[[name, f"{name}_low", f"{name}_high"]] = numpy.nan
    keys[["label", "example"]] = None
    single = keys[keys["blocks_replaced"] < 4].assign(sweep="single")
    single["intervention"] = [
        f"q/single/{'none' if count == 0 else f'{count - 1:02d}'}"
        for count in single["blocks_replaced"]
    ]
    single["block"] = (single["blocks_replaced"] - 1).where(single["blocks_replaced"] > 0)
    single["blocks_replaced"] = single["blocks_replaced"].clip(upper=1)
    return pandas.concat([table, keys, single])


def write_run(folder: Path) -> None:
    """Write the made-up run with the tables that every config has."""
    write(folder)
    diffs = tables.read_frame(sorted(folder.glob("diff/*/*.parquet")))
    made = {
        "degradation": degradation(folder),
        "divergence_summary": summary.summary_table(diffs),
        "divergence_trend": summary.trend_table(diffs),
        "q_histogram": histogram(),
    }
    for name, table in made.items():
        tables.write_table(folder / f"tables/{name}.tsv", table, tables.MEASURED)


def write_more(folder: Path) -> None:
    """Write what precisions, the ledger, further sweeps and claims add."""
    table = published.read_table(folder / "tables/degradation.tsv")
    made = {"degradation": with_sweeps(table), "ledger": ledger()}
    made |= {"flips": flips(), "claims": claims(), "baselines": baselines(folder)}
    for name, table in made.items():
        tables.write_table(folder / f"tables/{name}.tsv", table)
