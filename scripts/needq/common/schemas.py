"""The columns of the parquet files that one stage writes and another reads."""

import pyarrow as pa

from needq.common.positions import BANDS

INTERVENTION = {
    "sweep": pa.string(),
    "intervention": pa.string(),
    "block": pa.int64(),
    "blocks_replaced": pa.int64(),
    "noise_seed": pa.int64(),
}
NLL_BY_BAND = {f"nll_{band}": pa.float64() for band in BANDS}
OF_BACKEND = {"backend": pa.string()} | INTERVENTION
TEXTS = pa.schema(
    OF_BACKEND
    | {
        "prompt": pa.int64(),
        "sample_seed": pa.int64(),
        "tokens": pa.list_(pa.int32()),
        "margins": pa.list_(pa.float64()),
        "exits": pa.list_(pa.float64()),
        "entries": pa.list_(pa.float64()),
        "text": pa.string(),
        "ended": pa.bool_(),
    }
)
# texts of one process of the ledger, whose backends are corners
TRACE = pa.schema(
    [("corner", pa.string()), *(f for f in TEXTS if f.name not in ("backend", "text"))]
)
EVALUATION = pa.schema(
    OF_BACKEND
    | {
        "document": pa.int64(),
        "tokens": pa.int64(),
        "bytes": pa.int64(),
        "nll": pa.float64(),
        **NLL_BY_BAND,
        "kl": pa.float64(),
        "top1_agreement": pa.float64(),
        "logits_sha256": pa.string(),
    }
)
HEALING = pa.schema(
    {"parameters": pa.string()}
    | INTERVENTION
    | {"step": pa.int64(), "document": pa.int64(), "nll": pa.float64()}
)
NGRAMS = pa.schema(
    {
        "order": pa.int64(),
        "document": pa.int64(),
        "tokens": pa.int64(),
        "bytes": pa.int64(),
        "nll": pa.float64(),
    }
    | NLL_BY_BAND
)
# a document under one subset of blocks, whose bit b says whether block b is replaced
SUBSETS = pa.schema(
    {
        "noise_seed": pa.int64(),
        "subset": pa.int64(),
        "document": pa.int64(),
        "tokens": pa.int64(),
        "nll": pa.float64(),
    }
)
SHAPLEY = pa.schema(
    {
        "noise_seed": pa.int64(),
        "document": pa.int64(),
        "block": pa.int64(),
        "shapley": pa.float64(),
    }
)
TEXT_SCORES = pa.schema(
    OF_BACKEND
    | {
        "prompt": pa.int64(),
        "sample_seed": pa.int64(),
        "tokens": pa.int64(),
        "pristine_nll": pa.float64(),
        "nlls": pa.list_(pa.float64()),
    }
)
TASKS = pa.schema(
    OF_BACKEND
    | {
        "task": pa.string(),
        "item": pa.int64(),
        "kind": pa.string(),
        "right": pa.float64(),
        "margin": pa.float64(),
    }
)
PROBE_ITEMS = pa.schema(
    {
        "property": pa.string(),
        "document": pa.int64(),
        "token": pa.int64(),
        "fold": pa.int64(),
        "label": pa.string(),
        "target": pa.float64(),
        "control": pa.float64(),
    }
)
PROBES = pa.schema(
    INTERVENTION
    | {
        "property": pa.string(),
        "layer": pa.int64(),
        "document": pa.int64(),
        "items": pa.int64(),
        "score": pa.float64(),
        "score_of": pa.float64(),
        "control": pa.float64(),
        "control_of": pa.float64(),
    }
)
REFERENCE_TEXTS = pa.schema(
    {
        "kind": pa.string(),
        "source": pa.int64(),
        "held_out": pa.bool_(),
        "prompt": pa.int64(),
        "share": pa.float64(),
        "tokens": pa.list_(pa.int32()),
        "nlls": pa.list_(pa.float64()),
    }
)
LABELS = pa.schema(
    OF_BACKEND
    | {
        "prompt": pa.int64(),
        "sample_seed": pa.int64(),
        "text_hash": pa.int64(),
        "label": pa.string(),
        "local": pa.float64(),
        "local_low": pa.float64(),
        "local_high": pa.float64(),
        "contextual": pa.float64(),
        "contextual_low": pa.float64(),
        "contextual_high": pa.float64(),
        "repetition": pa.float64(),
        "repetition_low": pa.float64(),
        "repetition_high": pa.float64(),
    }
)
DIVERGENCE = pa.schema(
    {
        "left": pa.string(),
        "right": pa.string(),
        "sweep": pa.string(),
        "intervention": pa.string(),
        "block": pa.int64(),
        "blocks_replaced": pa.int64(),
        "noise_seed": pa.int64(),
        "prompt": pa.int64(),
        "sample_seed": pa.int64(),
        "text_hash": pa.int64(),
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

LEDGER = pa.schema([("corner", pa.string()), ("distinct_text", pa.int64()), *DIVERGENCE])
