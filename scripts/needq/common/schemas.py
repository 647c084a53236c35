"""Tables on disk: parquet between stages, the same bytes for the same rows."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from needq.common.files import temporary

INTERVENTION = {
    "sweep": pa.string(),
    "intervention": pa.string(),
    "blocks_replaced": pa.int64(),
    "noise_seed": pa.int64(),
}
TEXTS = pa.schema(
    INTERVENTION
    | {
        "prompt": pa.int64(),
        "sample_seed": pa.int64(),
        "tokens": pa.list_(pa.int32()),
        "margins": pa.list_(pa.float64()),
        "text": pa.string(),
        "ended": pa.bool_(),
    }
)
# one process under several backends, each named by its number
TRACE = pa.schema([("backend", pa.int64()), *(f for f in TEXTS if f.name != "text")])
EVALUATION = pa.schema(
    INTERVENTION
    | {
        "document": pa.int64(),
        "tokens": pa.int64(),
        "bytes": pa.int64(),
        "nll": pa.float64(),
        "kl": pa.float64(),
        "top1_agreement": pa.float64(),
        "logits_sha256": pa.string(),
    }
)
TEXT_SCORES = pa.schema(
    INTERVENTION
    | {
        "prompt": pa.int64(),
        "sample_seed": pa.int64(),
        "tokens": pa.int64(),
        "text_nll": pa.float64(),
        "nlls": pa.list_(pa.float64()),
    }
)
PROBES = pa.schema(
    INTERVENTION
    | {"probe": pa.string(), "item": pa.int64(), "kind": pa.string(), "right": pa.float64()}
)
CONTROLS = pa.schema(
    {
        "kind": pa.string(),
        "source": pa.int64(),
        "held_out": pa.bool_(),
        "prompt": pa.int64(),
        "tokens": pa.list_(pa.int32()),
        "nlls": pa.list_(pa.float64()),
    }
)
LABELS = pa.schema(
    INTERVENTION
    | {
        "prompt": pa.int64(),
        "sample_seed": pa.int64(),
        "label": pa.string(),
        "typical": pa.bool_(),
    }
)
DIVERGENCE = pa.schema(
    {
        "left": pa.string(),
        "right": pa.string(),
        "sweep": pa.string(),
        "intervention": pa.string(),
        "blocks_replaced": pa.int64(),
        "noise_seed": pa.int64(),
        "prompt": pa.int64(),
        "sample_seed": pa.int64(),
        "identical": pa.bool_(),
        "first_divergent_token": pa.int64(),
        "tokens": pa.int64(),
        "max_abs_logit": pa.float64(),
        "max_ulp": pa.float64(),
        "kl": pa.float64(),
        "top1_flips": pa.int64(),
        "logit_error": pa.float64(),
        "margin": pa.float64(),
    }
)

LEDGER = pa.schema(
    [("order", pa.string()), ("step", pa.int64()), ("cause", pa.string()), *DIVERGENCE]
)


def write(path: str | Path, rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> None:
    """Write rows as parquet in one step.

    A column that a row lacks is null there; what the schema does not name is left out.
    """
    table = pa.Table.from_pylist([dict(row) for row in rows], schema=schema)
    with temporary(path) as partial:
        pq.write_table(table, partial)


def read(path: str | Path) -> list[dict[str, Any]]:
    """The rows of a parquet file, null as None."""
    return pq.read_table(path).to_pylist()


def logits_key(intervention: str, noise_seed: int | None) -> str:
    """The name under which the logits of one intervention and noise seed are kept."""
    return f"{intervention}@{'none' if noise_seed is None else noise_seed}"
