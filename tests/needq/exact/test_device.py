"""Devices that do not multiply integers in float64 exactly are refused."""

import pytest
import torch
from needq.exact.arithmetic import DeviceError
from needq.exact.device import check_device


@pytest.fixture(autouse=True)
def forgotten():
    """What was found before a test, forgotten: it counts for the life of a process."""
    check_device.cache_clear()
    yield
    check_device.cache_clear()


def test_it_says_what_it_found():
    assert check_device(torch.device("cpu")) == "exact up to 2^53"


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_it_finds_the_same_on_cuda():
    assert check_device(torch.device("cuda")) == "exact up to 2^53"


def test_a_device_that_rounds_is_refused(monkeypatch):
    monkeypatch.setattr("needq.exact.device.INTEGER_BITS", 61)
    with pytest.raises(DeviceError) as refused:
        check_device(torch.device("cpu"))
    assert str(refused.value) == (
        "cpu does not multiply integers in float64 exactly; compute on another device, for example "
        "the CPU (device: cpu, or verify_device: cpu)"
    )


def test_the_product_that_exact_arithmetic_uses_is_the_one_that_is_tried(monkeypatch):
    monkeypatch.setattr(
        "needq.exact.device.multiply", lambda x, w: (x.float() @ w.float()).double()
    )
    with pytest.raises(DeviceError, match="cpu does not multiply integers in float64 exactly"):
        check_device(torch.device("cpu"))


def test_a_device_that_cannot_multiply_is_named_with_the_reason():
    """No machine of these tests has a 65th device."""
    with pytest.raises(DeviceError) as refused:
        check_device(torch.device("cuda", 64))
    assert str(refused.value).startswith("cuda:64 multiplies no float64 (")
    assert str(refused.value).endswith("for example the CPU (device: cpu, or verify_device: cpu)")
    assert "\n" not in str(refused.value)


def test_emulated_float64_is_refused(monkeypatch):
    monkeypatch.setenv("CUBLAS_EMULATE_DOUBLE_PRECISION", "1")
    with pytest.raises(DeviceError, match="CUBLAS_EMULATE_DOUBLE_PRECISION"):
        check_device(torch.device("cuda", 7))
