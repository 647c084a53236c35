"""Exact models by architecture."""

import pytest
import torch
from needq.common.backends import Backend
from needq.exact.load import load_exact
from needq.exact.model import UnsupportedModelError
from needq.inference.backend import load


def test_a_backup_loads_by_its_architecture(small):
    model = load(small.backup, Backend(arithmetic="exact", precision="float64"))
    ids = torch.arange(2, 14)[None]
    logits = model.logits(ids)[0]
    with torch.inference_mode():
        wanted = small.load("float64")(ids).logits
    eager = 1e-3 if small.architecture.name == "LlamaForCausalLM" else 1e-6
    assert (logits - wanted).abs().max() < eager


def test_another_architecture_is_refused():
    with pytest.raises(UnsupportedModelError, match="does not have MambaForCausalLM"):
        load_exact({"architectures": ["MambaForCausalLM"]}, {})
