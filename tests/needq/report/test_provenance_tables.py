"""The record of a run as a reader sees it."""

from needq.common.backends import Backend
from needq.common.settings import Config
from needq.report import provenance_tables as records

CPU = Backend()
FLAGS = {"cpu_capability": "AVX2", "threads": 1, "deterministic_algorithms": True, "tf32": False}
RECORD = {
    "needq": "0.1",
    "platform": "Linux",
    "versions": {"python": "3.11", "numpy": "2"},
    "processes": [
        {
            "backend": CPU.changed(threads=2).model_dump(),
            "cpu": "A",
            "versions": {"torch": "2"},
            **FLAGS,
        },
        {
            "backend": CPU.model_dump(),
            "cpu": "B",
            "versions": {"torch": "3", "python": "3.11"},
            **FLAGS,
        },
    ],
}


def test_hardware_and_software_are_those_of_all_processes():
    assert records.hardware(RECORD) == {"CPU": "A, B", "GPU": records.NO_GPU, "platform": "Linux"}
    software = {"needq": "0.1", "python": "3.11", "numpy": "2", "torch": "2, 3"}
    assert records.software(RECORD) == software
    gpu = {"backend": CPU.model_dump(), "cpu": "A", "gpu": "H100", "cuda": "12.8"}
    with_gpu = RECORD | {"processes": [gpu]}
    assert records.hardware(with_gpu)["GPU"] == "H100"
    assert records.software(with_gpu)["CUDA"] == "12.8"


def test_where_arithmetic_was_exact():
    exact = CPU.changed(arithmetic="exact", precision="float64")
    found = {"float64_integers": "exact up to 2^53"}
    on_cpu = {"backend": exact.model_dump(), "cpu": "A"} | found
    on_gpu = {"backend": exact.changed(device="cuda").model_dump(), "cpu": "A", "gpu": "H100"}
    record = RECORD | {"processes": [*RECORD["processes"], on_cpu, on_cpu, on_gpu | found]}
    assert records.hardware(record)["exact arithmetic"] == (
        "A (integers in float64: exact up to 2^53), H100 (integers in float64: exact up to 2^53)"
    )
    heads, rows = records.backends(record, {"exact": exact})
    assert heads[-1] == "integers in float64"
    assert sorted(row[-1] for row in rows) == [*["exact up to 2^53"] * 3, "–", "–"]


def test_processes_have_the_names_of_their_backends():
    heads, rows = records.backends(RECORD, {"cpu": CPU, "same": CPU})
    assert heads[:5] == ["backend", "device", "arithmetic", "precision", "rng"]
    settings = ["cpu", "native", "float32", "native", "sdpa", "keyed", "–", "native", "1"]
    settings += ["32", "yes", "yes"]
    assert rows[0] == ["cpu, same", *settings, "AVX2", "1", "yes", "no", "–", "–"]
    assert rows[1][:2] == [records.UNNAMED, "cpu"]
    assert rows[1][heads.index("threads")] == "2"


def test_settings_are_spelled_as_in_the_config():
    config = Config(
        run="r",
        model={"location": "a-model", "n_blocks": 1},
        sweeps={"cumulative": {}},
        noise_seeds=[1],
        generation={"prompts": ["Once upon"]},
        evaluation={"text": "a.txt", "begin": "<s>"},
        tasks={"grammar": "grammar.jsonl", "cloze": "cloze.jsonl"},
        divergence={"backends": {"a": {}, "b": {}}, "reference": "a", "pairs": [["a", "b"]]},
    )
    found = dict(records.settings(config))
    assert list(found)[:2] == ["run", "model"]
    assert found["run"] == [("run", "r")]
    assert ("revision", "–") in found["model"]
    assert ("n_blocks", "1") in found["model"]
    assert found["noise_seeds"] == [("noise_seeds", "[1]")]
    assert ("pairs", "[[a, b]]") in found["divergence"]
