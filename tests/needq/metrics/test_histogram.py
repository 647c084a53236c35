"""The table behind the histogram: every weight is counted once."""

import numpy
from needq.common import columns
from needq.corrupt.methods import noise_tensors
from needq.metrics import histogram


def test_histogram_counts_every_weight_once():
    rng = numpy.random.default_rng(0)
    weights = {block: rng.normal(size=(32, 32)).astype("float32") for block in (0, 1)}
    noise = {block: rng.normal(size=(32, 32)).astype("float32") for block in (0, 1)}
    table = histogram.histogram_table(weights, noise, "q-gaussian-3", 3)
    assert list(table) == list(columns.HISTOGRAM)
    assert (table.groupby("block")["weights"].sum() == 1024).all()
    assert (table.groupby("block")["noise"].sum() == 1024).all()
    first = table[table["block"] == 0]
    assert first["bin_low"].iloc[0] == min(weights[0].min(), noise[0].min())
    inside = (weights[0] >= first["bin_low"].iloc[30]) & (weights[0] < first["bin_high"].iloc[30])
    assert first["weights"].iloc[30] == inside.sum()


def test_all_matrices_of_the_mlp_are_counted_together(small):
    noise = noise_tensors(small.tensors, small.architecture, "mlp", "gaussian", 0)
    drawn = {"mlp-gaussian-0": noise}
    table = histogram.histogram_tables(small.architecture, small.tensors, drawn)
    singles = small.architecture.singles("mlp")
    sizes = [small.architecture.matrix(one, 0).of(small.tensors).size for one in singles]
    assert (table.groupby("block")["weights"].sum() == sum(sizes)).all()
    assert (table.groupby("block")["noise"].sum() == sum(sizes)).all()
