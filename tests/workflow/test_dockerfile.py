"""The Dockerfile is what Snakemake makes of the environments. It was built by nobody."""

import sys
from pathlib import Path

from project import ROOT

sys.path.insert(0, str(Path(__file__).parent / "conda"))

import containerize


def test_the_dockerfile_is_as_snakemake_makes_it():
    assert (ROOT / "Dockerfile").read_text(encoding="utf-8") == containerize.dockerfile()


def test_every_environment_is_in_it():
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    for file in (ROOT / "envs").glob("*.yaml"):
        assert f"COPY envs/{file.name} " in text
    assert text.startswith("# Every environment of the workflow in one image")
    assert "Nobody has built it yet." in text
