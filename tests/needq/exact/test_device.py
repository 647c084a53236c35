"""Devices that do not multiply integers in float64 exactly are refused."""

import pytest
import torch
from needq.exact.arithmetic import DeviceError
from needq.exact.device import check_device


def test_a_device_that_rounds_is_refused(monkeypatch):
    check_device(torch.device("cpu"))
    check_device.cache_clear()
    monkeypatch.setattr("needq.exact.device.INTEGER_BITS", 61)
    with pytest.raises(DeviceError, match="cpu"):
        check_device(torch.device("cpu"))


def test_emulated_float64_is_refused(monkeypatch):
    monkeypatch.setenv("CUBLAS_EMULATE_DOUBLE_PRECISION", "1")
    with pytest.raises(DeviceError, match="CUBLAS_EMULATE_DOUBLE_PRECISION"):
        check_device(torch.device("cuda", 7))
