"""The names of units."""

import math

from needq.common.units import name_matrices, name_replaced, name_sweep, name_unit


def test_units_are_named_by_what_is_cut():
    assert name_unit(3, 2, math.nan) == "block 3, head 2"
    assert name_unit(0.0, math.nan, 5.0) == "block 0, group 5"
    assert name_unit(11, None, None) == "block 11"


def test_sweeps_are_named_by_their_matrices_and_units():
    assert name_matrices("qkv") == "W_Q and W_K and W_V"
    assert name_sweep("mlp", "single") == "the MLP, one block at a time"
    assert name_sweep("o", "heads") == "W_O, one head at a time"
    assert name_sweep("qk", "dimensions") == "W_Q and W_K, one group of dimensions at a time"
    assert name_sweep("q", "single") == "W_Q, one block at a time"


def test_what_replaces_the_mlp_is_named():
    assert name_replaced("mlp", "matched_outputs") == "the MLP, at equal change"
    assert name_replaced("mlp_in", "gaussian") == "the MLP's input weights, all noise"
    assert name_replaced("mlp_out", "zero") == "the MLP's output weights, zero"
    assert name_replaced("q", "gaussian") == "W_Q, all noise"
