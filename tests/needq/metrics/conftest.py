"""Reference texts of a small vocabulary, for the tests of them and of the labels."""

import numpy as np
import pytest
from made_up_texts import VOCABULARY
from needq.metrics import calibration


@pytest.fixture(scope="module")
def own():
    """Made-up texts of 40 tokens of a small vocabulary, the last of them of 5."""
    rng = np.random.default_rng(0)
    rows = [([1, 2, 3], (rng.integers(0, 12, 40) ** 2 % 31).tolist()) for _ in range(40)]
    return [*rows[:-1], ([1, 2, 3], rows[-1][1][:5])]


@pytest.fixture(scope="module")
def made(own):
    return calibration.make_reference_texts(own, VOCABULARY)
