"""Cells: numbers and intervals as a reader sees them."""

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
