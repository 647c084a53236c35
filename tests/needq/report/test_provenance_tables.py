"""A run's record as a reader sees it."""

from needq.report import provenance_tables as records

CPU = {"device": "cpu", "threads": 1, "cache": True, "revision": None}
FLAGS = {"cpu_capability": "AVX2", "threads": 1, "deterministic_algorithms": True, "tf32": False}
RECORD = {
    "needq": "0.1",
    "platform": "Linux",
    "versions": {"python": "3.11", "numpy": "2"},
    "processes": [
        {"backend": CPU | {"threads": 2}, "cpu": "A", "versions": {"torch": "2"}, **FLAGS},
        {"backend": CPU, "cpu": "B", "versions": {"torch": "3", "python": "3.11"}, **FLAGS},
    ],
}


def test_hardware_and_software_are_those_of_all_processes():
    assert records.hardware(RECORD) == {"CPU": "A, B", "GPU": records.NO_GPU, "platform": "Linux"}
    software = {"needq": "0.1", "python": "3.11", "numpy": "2", "torch": "2, 3"}
    assert records.software(RECORD) == software
    gpu = {"backend": CPU, "cpu": "A", "gpu": "H100", "cuda": "12.8"}
    with_gpu = RECORD | {"processes": [gpu]}
    assert records.hardware(with_gpu)["GPU"] == "H100"
    assert records.software(with_gpu)["CUDA"] == "12.8"


def test_processes_have_the_names_of_their_backends():
    heads, rows = records.backends(RECORD, {"cpu": CPU, "same": CPU})
    assert heads[:5] == ["backend", "device", "threads", "cache", "revision"]
    assert rows[0] == ["cpu, same", "cpu", "1", "yes", "–", "AVX2", "1", "yes", "no", "–"]
    assert rows[1][:3] == [records.LEDGER, "cpu", "2"]


def test_settings_are_spelled_as_in_the_config():
    found = records.settings(
        {"run": "r", "model": {"location": None, "pairs": [["a", "b"]], "n": [1]}}
    )
    assert found[0] == ("run", [("run", "r")])
    assert found[1][1] == [("location", "–"), ("pairs", "[[a, b]]"), ("n", "[1]")]
