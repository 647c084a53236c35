"""Bands of position: every token is in one band."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from needq.common import schemas
from needq.common.positions import BAND_NAMES, BANDS, by_band, mean
from needq.common.rows import Nlls

NLLS = st.lists(st.floats(0, 20), min_size=1, max_size=140)


@given(NLLS)
def test_bands_are_the_tokens_at_their_positions(nlls):
    found = by_band(nlls)
    for name, inside in (
        ("0_39", [n for i, n in enumerate(nlls) if i <= 39]),
        ("40_99", [n for i, n in enumerate(nlls) if 40 <= i <= 99]),
        ("from_100", [n for i, n in enumerate(nlls) if i >= 100]),
    ):
        if inside:
            assert found[f"nll_{name}"] == pytest.approx(sum(inside) / len(inside), abs=1e-12)
        else:
            assert found[f"nll_{name}"] is None


@given(NLLS)
def test_bands_add_up_to_the_whole(nlls):
    found = by_band(nlls)
    sizes = {name: len(nlls[band]) for name, band in BANDS.items()}
    assert sum(sizes.values()) == len(nlls)
    total = math.fsum((found[f"nll_{name}"] or 0) * size for name, size in sizes.items())
    assert total == pytest.approx(mean(nlls) * len(nlls), rel=1e-12, abs=1e-12)


def test_every_file_has_a_column_for_each_band():
    assert set(BAND_NAMES) == set(BANDS)
    columns = {f"nll_{name}" for name in BANDS}
    assert columns < set(schemas.EVALUATION.names)
    assert columns < set(schemas.NGRAMS.names)
    assert columns < set(Nlls.__annotations__)
