"""The table of attention: what each head does, pristine and under each replacement method."""

from collections.abc import Iterable

from pandas import DataFrame

from needq.common import columns
from needq.common.keys import ATTENTION, PRISTINE
from needq.common.rows import AttentionRow

KEYS = ["method", "replaced", "block", "head"]


def attention_table(rows: Iterable[AttentionRow]) -> DataFrame:
    """`attention.tsv`: means over noise seeds, and the standard deviation over them."""
    table = DataFrame(list(rows))
    groups = table.groupby(KEYS, sort=False)
    found = groups["noise_seed"].count().rename("noise_seeds").to_frame()
    for name in ATTENTION:
        found[name] = groups[name].mean()
        found[f"{name}_sd"] = groups[name].std()
    return found.reset_index()[list(columns.ATTENTION)]


def lowest_entropy(table: DataFrame) -> float:
    """The lowest entropy of a block's attention in the pristine model, mean over heads (0 to 1)."""
    rows = table[table["replaced"] == PRISTINE]
    return float(rows.groupby("block")["entropy"].mean().min())
