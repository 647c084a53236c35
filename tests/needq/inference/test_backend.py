"""Backends: threads, determinism and the record of them."""

import os

import pytest
import torch
from needq.common.backends import Backend
from needq.common.errors import UserError
from needq.inference.backend import batches, load, prepare, record

BACKEND = Backend()


pytestmark = pytest.mark.usefixtures("restored")


def test_preparing_sets_threads_and_determinism(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")
    prepare(Backend(threads=2))
    assert torch.get_num_threads() == 2
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.utils.deterministic.fill_uninitialized_memory
    assert os.environ["HF_HUB_OFFLINE"] == "1"
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    process = record(Backend(threads=2))
    flags = [process[name] for name in ("threads", "deterministic_algorithms", "tf32")]
    assert flags == [2, True, False]
    assert process["backend"] == Backend(threads=2).model_dump()
    assert process["backend"]["threads"] == 2
    assert process["versions"]["torch"] == torch.__version__
    assert process["cpu"]
    assert "gpu" not in process
    assert "float64_integers" not in process
    exact = Backend(arithmetic="exact", precision="float64")
    assert record(exact)["float64_integers"] == "exact up to 2^53"


def test_cuda_without_a_device_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="needs a CUDA device"):
        prepare(Backend(device="cuda"))


def test_a_backup_that_is_not_there_is_not_looked_for_elsewhere(tmp_path):
    with pytest.raises(OSError, match="nothing"):
        load(tmp_path / "nothing", BACKEND)


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (4, [2, 2]), (5, [2, 2, 1]), (1, [1])])
def test_batches(count, sizes):
    parts = batches(list(range(count)), 2)
    assert [len(part) for part in parts] == sizes
    assert [row for part in parts for row in part] == list(range(count))
