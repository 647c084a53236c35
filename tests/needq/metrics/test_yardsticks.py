"""How a model compares with n-gram models."""

import numpy as np
import pandas
import pytest
from needq.metrics import yardsticks


@pytest.mark.parametrize(
    ("rise", "half", "better", "worse"),
    [
        (0.02, 0.01, [], [1, 2, 3]),
        (1.5, 0.2, [3], [1]),  # its interval and the bigram's overlap
        (1.5, 0.05, [3], [1, 2]),
        (2.0, 0.1, [2, 3], [1]),
        (9.0, 0.1, [1, 2, 3], []),
    ],
)
def test_a_model_is_worse_where_intervals_are_apart(rise, half, better, worse):
    table = pandas.DataFrame({"n": [1, 2, 3], "rise": [4.0, 1.7, 1.0]})
    table["rise_low"], table["rise_high"] = table["rise"] - 0.1, table["rise"] + 0.1
    row = pandas.Series({"blocks_replaced": 3, "rise": rise})
    row["rise_low"], row["rise_high"] = rise - half, rise + half
    assert yardsticks.compare(row, table) == (better, worse)
    # without an interval there is nothing to say
    row["rise_low"] = row["rise_high"] = np.nan
    assert yardsticks.compare(row, table) == ([], [])
    assert yardsticks.compare(row, None) == ([], [])
    pristine = row.copy()
    pristine[["blocks_replaced", "rise"]] = 0
    assert yardsticks.compare(pristine, table) == ([], [1, 2, 3])
