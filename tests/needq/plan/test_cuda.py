"""The one decision on CUDA, for every setting, process and machine."""

import os

import pytest
from needq.common.errors import UserError
from needq.plan import cuda

FAILS = "this machine shows no CUDA device"
ELSEWHERE = "jobs run on others"


@pytest.mark.parametrize(
    ("setting", "local", "devices", "wanted"),
    [
        ("auto", True, 0, False),
        ("auto", True, 2, True),
        ("auto", False, 0, ELSEWHERE),
        ("auto", False, 1, ELSEWHERE),
        (True, True, 1, True),
        (True, True, 0, FAILS),
        (True, False, 0, True),  # jobs run elsewhere
        (True, False, 1, True),
        (False, True, 1, False),
        (False, True, 0, False),
        (False, False, 1, False),
    ],
)
def test_the_main_process_decides_and_hands_it_on(monkeypatch, setting, local, devices, wanted):
    monkeypatch.setenv(cuda.VARIABLE, "stale")
    monkeypatch.setattr(cuda, "devices", lambda: devices)
    if isinstance(wanted, str):
        with pytest.raises(UserError, match=wanted):
            cuda.decide(setting, True, local)
        return
    assert cuda.decide(setting, True, local) is wanted
    assert os.environ[cuda.VARIABLE] == ("yes" if wanted else "no")
    # a job on a machine of the other kind sees the same
    monkeypatch.setattr(cuda, "devices", lambda: 0 if wanted else 8)
    for local_job in (True, False):
        assert cuda.decide(setting, False, local_job) is wanted


@pytest.mark.parametrize("setting", [True, False])
def test_a_job_without_the_decision_follows_a_plain_setting(monkeypatch, setting):
    monkeypatch.delenv(cuda.VARIABLE, raising=False)
    monkeypatch.setattr(cuda, "devices", lambda: int(not setting))
    assert cuda.decide(setting, False, True) is setting


def test_a_job_without_the_decision_does_not_decide_itself(monkeypatch):
    monkeypatch.delenv(cuda.VARIABLE, raising=False)
    monkeypatch.setattr(cuda, "devices", lambda: pytest.fail("asked for devices"))
    with pytest.raises(UserError, match=f"{cuda.VARIABLE} did not reach this job"):
        cuda.decide("auto", False, True)


@pytest.mark.parametrize(
    ("device", "targets", "local", "devices", "refused"),
    [
        ("cuda", {"verify"}, True, 0, True),
        ("cuda", {"verify"}, True, 1, False),
        ("cuda", {"verify"}, False, 0, False),  # the job looks for one, on its own machine
        ("cuda", {"all"}, True, 0, False),  # a run does not verify
        ("cuda", set(), True, 0, False),
        ("cpu", {"verify"}, True, 0, False),
    ],
)
def test_verify_on_a_device_that_is_not_there(
    monkeypatch, device, targets, local, devices, refused
):
    monkeypatch.setattr(cuda, "devices", lambda: devices)
    if refused:
        with pytest.raises(UserError, match="verify_device: cuda, but this machine shows no CUDA"):
            cuda.check_verify(device, targets, local)
    else:
        cuda.check_verify(device, targets, local)


class Driver:
    """libcuda as far as it is used."""

    def __init__(self, found, status=0):
        self.found, self.status = found, status

    def cuInit(self, flags):
        return self.status

    def cuDeviceGetCount(self, count):
        count._obj.value = self.found
        return 0


@pytest.mark.parametrize(("driver", "count"), [(Driver(3), 3), (Driver(3, 100), 0), (Driver(0), 0)])
def test_devices_are_counted_by_the_driver(monkeypatch, driver, count):
    monkeypatch.setattr(cuda.ctypes, "CDLL", lambda name: driver)
    assert cuda.devices() == count


def test_no_driver_is_no_device(monkeypatch):
    def missing(name):
        raise OSError(name)

    monkeypatch.setattr(cuda.ctypes, "CDLL", missing)
    assert cuda.devices() == 0
