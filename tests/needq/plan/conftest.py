"""What the tests of plans share."""

import pytest
from default_config import ROOT


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch):
    """Locations in the config are relative to the root."""
    monkeypatch.chdir(ROOT)
