"""Estimates: rows of a table become cells of noise seeds and items."""

import numpy
import pandas
from needq.metrics import estimates, statistics


def test_sample_seeds_are_averaged_within_their_cell():
    rows = pandas.DataFrame(
        {
            "noise_seed": [0, 0, 0, 1, 1],
            "prompt": [0, 0, 1, 0, 1],
            "value": [1.0, 3.0, 5.0, 7.0, 9.0],
        }
    )
    expected = statistics.mean_of_crossed(numpy.array([[2.0, 5.0], [7.0, 9.0]]))
    assert estimates.mean(rows, "value", "prompt") == expected


def test_the_pristine_model_has_one_random_factor():
    rows = pandas.DataFrame(
        {"noise_seed": pandas.array([None] * 4, "Int64"), "prompt": [0, 0, 1, 2]}
    )
    rows["value"] = [1.0, 3.0, 5.0, 7.0]
    expected = statistics.mean_of_items(numpy.array([2.0, 5.0, 7.0]))
    assert estimates.mean(rows, "value", "prompt") == expected
