"""A made-up table of attention."""

import itertools

import pandas
from needq.common import columns


def attention(blocks=3, heads=2, methods=("gaussian", "matched_scores", "zero")):
    """`attention.tsv`, where Gaussian noise halves the spread of scores in block 1 and on."""
    places = [("pristine", "pristine")]
    places += itertools.product(methods, ("this block", "all blocks"))
    rows = []
    for (method, replaced), block, head in itertools.product(places, range(blocks), range(heads)):
        spread = (2 + block + head / 10) / (1 + block if method == "gaussian" else 1)
        spread += (replaced == "this block") * 100  # which no figure shows
        row = {"method": method, "replaced": replaced, "block": block, "head": head}
        row |= {"noise_seeds": 0 if method in ("pristine", "zero") else 5}
        row |= {"score_spread": spread, "entropy": 1 / (1 + spread)}
        rows.append(row | {"self": 0.1, "previous": 0.2, "first": 0.3})
    return pandas.DataFrame(rows, columns=list(columns.ATTENTION))
