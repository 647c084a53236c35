"""What tests of scores share."""

import pytest
from needq.native import NativeModel
from needq.patch import Patcher


@pytest.fixture
def setting(small, corrupted):
    """A model in float64, its patcher, and recipes: pristine, then one to four blocks."""
    recipes, noise = corrupted(small)
    model = NativeModel(small.load("float64"))
    return model, Patcher(model, small.backup / "model.safetensors", noise), recipes
