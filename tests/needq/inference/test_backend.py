"""Backends: precision, kernels, determinism and the record of them."""

import os

import pytest
import torch
from needq.common.errors import UserError
from needq.inference.backend import batches, load, prepare, record

BACKEND = {"device": "cpu", "arithmetic": "native", "precision": "float32"}
BACKEND |= {"kernels": "sdpa", "threads": 1}


@pytest.fixture(autouse=True)
def restored(monkeypatch):
    """What `prepare` sets in this process, set back."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")
    deterministic, threads = torch.are_deterministic_algorithms_enabled(), torch.get_num_threads()
    yield
    torch.use_deterministic_algorithms(deterministic)
    torch.set_num_threads(threads)


@pytest.mark.parametrize("precision", ["float64", "float32", "bfloat16", "float16"])
@pytest.mark.parametrize("kernels", ["sdpa", "eager"])
def test_a_model_is_loaded_as_the_backend_says(small, precision, kernels):
    model = small.load(precision, kernels)
    assert {p.dtype for p in model.parameters()} == {getattr(torch, precision)}
    assert model.config._attn_implementation == kernels
    assert not model.training and not any(p.requires_grad for p in model.parameters())
    for name, parameter in model.named_parameters():
        pristine = torch.from_numpy(small.tensors[name])
        assert torch.equal(parameter, pristine.to(parameter.dtype))


def test_precisions_and_kernels_agree_within_rounding(small):
    ids = torch.arange(12)[None]
    wanted = small.load("float64")(ids).logits
    # transformers' eager softmax of Llama is float32 in every precision
    eager = 1e-5 if small.adapter.architecture == "LlamaForCausalLM" else 1e-10
    for precision, kernels, error in (
        ("float64", "eager", eager),
        ("float32", "sdpa", 1e-3),
        ("float32", "eager", 1e-3),
    ):
        found = small.load(precision, kernels)(ids).logits.double()
        assert 0 < (found - wanted).abs().max() < error


def test_preparing_sets_threads_and_determinism():
    prepare(BACKEND | {"threads": 2})
    assert torch.get_num_threads() == 2
    assert torch.are_deterministic_algorithms_enabled()
    assert os.environ["HF_HUB_OFFLINE"] == "1"
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    found = record(BACKEND | {"threads": 2})
    assert (found["threads"], found["deterministic_algorithms"], found["tf32"]) == (2, True, False)
    assert found["backend"]["threads"] == 2 and found["versions"]["torch"] == torch.__version__
    assert found["cpu"] and "gpu" not in found


def test_cuda_without_a_device_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="needs a CUDA device"):
        prepare(BACKEND | {"device": "cuda"})


def test_a_backup_that_is_not_there_is_not_looked_for_elsewhere(tmp_path):
    with pytest.raises(OSError):
        load(tmp_path / "nothing", BACKEND)


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (4, [2, 2]), (5, [2, 2, 1]), (1, [1])])
def test_batches(count, sizes):
    found = batches(list(range(count)), 2)
    assert [len(part) for part in found] == sizes
    assert [row for part in found for row in part] == list(range(count))
