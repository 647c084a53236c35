"""N-gram models as baselines: what the evaluation text costs a model that knows 0 to 4 tokens.

A damaged model that predicts worse than a bigram makes less of all tokens before than a table makes
of the last one.
"""

import numpy as np
from pandas import DataFrame

from needq.common import columns
from needq.common.positions import BANDS
from needq.metrics.estimates import as_columns
from needq.metrics.statistics import mean_of_items


def baselines_table(ngrams: DataFrame, pristine: DataFrame) -> DataFrame:
    """`baselines.tsv`: one row per order, beside the pristine model on the same documents.

    `ngrams` has the columns of schemas.NGRAMS; `pristine` those of schemas.EVALUATION, of the
    pristine model, one row per document.
    """
    before = pristine.set_index("document")
    rows = []
    for order, part in ngrams.groupby("order"):
        own = part.set_index("document")
        row: dict[str, object] = {"n": order, "documents": len(own)}
        row |= as_columns("nll", mean_of_items(own["nll"].to_numpy(float)).clipped(0))
        bits = own["nll"] * own["tokens"] / np.log(2) / own["bytes"]
        row["bits_per_byte"] = float(bits.mean())
        for band in ("", *(f"_{name}" for name in BANDS)):
            rise = (own[f"nll{band}"] - before[f"nll{band}"]).to_numpy(float)
            row |= as_columns(f"rise{band}", mean_of_items(rise))
            row[f"nll{band}"] = float(own[f"nll{band}"].mean())
        rows.append(row)
    return DataFrame(rows, columns=list(columns.BASELINES))
