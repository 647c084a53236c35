"""Rows of probes: each stream is probed once, at the places of its items."""

import numpy as np
import pytest
from needq.corrupt.patches import Patch
from needq.metrics import probe_rows as module
from needq.metrics.probe_rows import probe_rows

LENGTHS = [3, 5]
PLACES = [(0, 1), (0, 2), (1, 1), (1, 4)]
ITEMS = [
    {"property": name, "document": document, "token": token, "fold": document}
    | {"label": "", "target": 0.0, "control": 0.0}
    for name in ("last name", "position")
    for document, token in PLACES
]
PATCHES = [Patch("s", f"q/s/{n:02d}", None, n, None if n == 0 else 7, []) for n in range(3)]


@pytest.fixture
def probed(monkeypatch):
    """What is probed: (property, activations) in order; rows say how often that was."""
    calls = []

    def fake(task, x):
        calls.append((task.name, x[:, 0].tolist()))
        yield {"property": task.name, "document": 0, "items": len(calls)}

    monkeypatch.setattr(module, "probe", fake)
    return calls


def test_items_are_found_in_the_stream(probed):
    stream = np.arange(8.0)[:, None]  # the place of a token among those of all documents
    rows = list(probe_rows(ITEMS, PATCHES, LENGTHS, [([0], 0, stream)]))
    assert probed == [(name, [1, 2, 4, 7]) for name in ("last name", "position")]
    assert [row["property"] for row in rows] == ["last name", "position"]


def test_a_stream_of_several_patches_is_probed_once(probed):
    stream = np.zeros((8, 1))
    rows = list(probe_rows(ITEMS, PATCHES, LENGTHS, [([0, 2], 3, stream), ([1], 4, stream)]))
    assert len(probed) == 4
    found = [(row["intervention"], row["noise_seed"], row["layer"], row["items"]) for row in rows]
    assert found == [
        *[("q/s/00", None, 3, 1), ("q/s/02", 7, 3, 1)],
        *[("q/s/00", None, 3, 2), ("q/s/02", 7, 3, 2)],
        *[("q/s/01", 7, 4, 3), ("q/s/01", 7, 4, 4)],
    ]
