"""The record of a run."""

import platform

import numpy
from needq import __version__
from needq.provenance.record import joined


def test_processes_that_ran_alike_are_one_entry():
    alike, other = {"cpu": "a", "threads": 1}, {"cpu": "b", "threads": 1}
    manifest = {"files": {"config.json": "0f"}, "tensors": []}
    found = joined({"run": "r"}, False, manifest, "ab", [other, alike, dict(alike)])
    assert found["processes"] == [alike, other]
    assert found["inputs"] == {"model": {"config.json": "0f"}, "evaluation_text": "ab"}
    assert (found["config"], found["cuda"]) == ({"run": "r"}, "no")
    assert found["needq"] == __version__
    assert found["versions"]["numpy"] == numpy.__version__
    assert found["versions"]["python"] == platform.python_version()
    assert joined({}, True, manifest, "ab", [])["cuda"] == "yes"
    assert joined({}, True, manifest, "", [alike, other]) == joined(
        {}, True, manifest, "", [other, alike]
    )
