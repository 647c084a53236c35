"""Cells: numbers and intervals as a reader sees them."""

import pandas
import pytest
from needq.report import cells


@pytest.mark.parametrize(
    ("value", "spelling"),
    [
        (float("nan"), "–"),
        (float("inf"), "∞"),
        (None, "–"),
        (0.0, "0"),
        (1.0, "1"),
        (12345, "12,345"),
        (3.14159, "3.14"),
        (0.5, "0.500"),
        (130.4, "130"),
        (43210.9, "43,211"),
        (1.25e-12, "1.25e-12"),
        ("q/cumulative/01", "q/cumulative/01"),
    ],
)
def test_numbers_for_reading(value, spelling):
    assert cells.number(value) == spelling


def test_pairs_stand_in_the_order_of_the_config_and_rows_of_a_pair_stay():
    names = [("cpu", "cpu"), ("cpu", "exact"), ("cpu", "predicted"), ("other", "pair")]
    rows = [(left, right, row) for left, right in names for row in (2, 1)]
    table = pandas.DataFrame(rows, columns=["left", "right", "row"])
    ordered = cells.in_order(table, [["cpu", "predicted"], ["cpu", "absent"], ["cpu", "exact"]])
    wanted = [("cpu", "predicted"), ("cpu", "exact"), ("cpu", "cpu"), ("other", "pair")]
    assert list(ordered.itertuples(index=False, name=None)) == [
        (*pair, row) for pair in wanted for row in (2, 1)
    ]
    assert cells.in_order(table[:0], [["cpu", "exact"]]).empty
