"""The record of a run."""

import platform

import numpy
from needq import __version__
from needq.provenance.record import join_records


def test_processes_that_ran_alike_are_one_entry():
    alike, different = {"cpu": "a", "threads": 1}, {"cpu": "b", "threads": 1}
    manifest = {"files": {"config.json": "0f"}, "tensors": []}
    record = join_records({"run": "r"}, False, manifest, "ab", [different, alike, dict(alike)])
    assert record["processes"] == [alike, different]
    assert record["inputs"] == {"model": {"config.json": "0f"}, "evaluation_text": "ab"}
    assert (record["config"], record["cuda"]) == ({"run": "r"}, "no")
    assert record["needq"] == __version__
    assert record["versions"]["numpy"] == numpy.__version__
    assert record["versions"]["python"] == platform.python_version()
    assert join_records({}, True, manifest, "ab", [])["cuda"] == "yes"
    assert join_records({}, True, manifest, "", [alike, different]) == join_records(
        {}, True, manifest, "", [different, alike]
    )
