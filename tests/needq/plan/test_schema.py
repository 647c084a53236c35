"""The schema of the config: made from the settings, and good documentation."""

import os
import subprocess
import sys

import pytest
import yaml
from default_config import DEFAULT, OVERLAYS, ROOT, SCHEMA_FILE, at_hand, overlaid, with_changes
from jsonschema import Draft202012Validator
from needq.common.values import TAGS
from needq.plan.config import read_config
from needq.plan.schema import schema_text

SCHEMA = yaml.safe_load(SCHEMA_FILE.read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)


def keys_of(schema, path=""):
    """Every key that a schema describes, whether it has to be there, and what is said of it.

    NAME stands for a name that the user gives, 0 for the items of a list.
    """
    required = schema.get("required", [])
    for name, inner in schema.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        yield here, name in required, inner
        yield from keys_of(inner, here)
    for inner in schema.get("patternProperties", {}).values():
        yield f"{path}.NAME", True, inner
        yield from keys_of(inner, f"{path}.NAME")
    if "items" in schema:
        yield from keys_of(schema["items"], f"{path}.0")


KEYS = {key: (required, said) for key, required, said in keys_of(SCHEMA)}


def test_the_schema_is_that_of_the_settings():
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text(), "run: make schema"


def test_make_schema_writes_it(tmp_path):
    rule = (ROOT / "Makefile").read_text(encoding="utf-8").split("\nschema:")[1].split("\n\n")[0]
    command = rule.split("\n\t")[1].replace(".venv/bin/python", sys.executable)
    command = command.replace("PYTHONPATH=scripts", f"PYTHONPATH={ROOT / 'scripts'}")
    subprocess.run(command, shell=True, check=True, cwd=tmp_path, env=os.environ)
    assert (tmp_path / "schemas/config.schema.yaml").read_bytes() == SCHEMA_FILE.read_bytes()


def test_the_first_line_says_that_it_is_generated():
    first = SCHEMA_FILE.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("# Generated from scripts/needq/common/settings.py by `make schema`")


def test_it_has_every_key():
    assert len(KEYS) > 65
    wanted = "sweeps.NAME.noise_fraction divergence.backends.NAME.instruction_set cuda"
    wanted += " divergence.causes.blocks_replaced model.digests.0.sha256 jobs.interventions_per_job"
    assert set(wanted.split()) < set(KEYS)


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_described(key):
    required, said = KEYS[key]
    description = said["description"]
    assert len(description) > 20
    assert description[0].isupper()
    assert description[-1] == "."
    assert "<" not in description
    assert "  " not in description
    # the values that the key may have, and the one that it has if it is left out
    assert {"enum", "type", "oneOf", "anyOf"} & set(said)
    assert ("default" in said) is not (required or "properties" in said)


def test_nothing_in_it_is_noise():
    text = SCHEMA_FILE.read_text(encoding="utf-8")
    assert text.count("title:") == 1
    assert "$ref" not in text
    assert "$defs" not in text
    for tag in TAGS:
        assert tag not in text
    assert max(map(len, text.splitlines())) <= 100


def test_it_is_a_schema():
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == Draft202012Validator.META_SCHEMA["$id"]


@pytest.mark.parametrize("overlay", [None, *OVERLAYS], ids=lambda path: path.stem if path else "")
def test_it_accepts_the_configs_of_the_project(overlay, tmp_path):
    content = yaml.safe_load(overlay.read_text(encoding="utf-8")) if overlay else {}
    config = overlaid(at_hand(content, tmp_path) if content.get("model") else content)
    for sweep in config["sweeps"].values():
        if sweep.get("run") is False:  # YAML 1.1, which Snakemake reads, takes off for false
            sweep["run"] = "off"
    VALIDATOR.validate(config)
    VALIDATOR.validate(read_config(config).model_dump())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("colour", "red"),
        ("run", "../up"),
        ("noise_seeds", [0, 0]),
        ("noise_seeds", [-1]),
        ("noise_seeds", []),
        ("sweeps.Bad Name", {}),
        ("sweeps.keys.counts", "third"),
        ("sweeps.keys.noise_fraction", 0),
        ("sweeps.keys.run", "always"),
        ("model.n_blocks", 1000),
        ("model.revision", "main"),
        ("model.digests", [{"file": "x"}]),
        ("generation.begin", 3),
        ("cuda", "maybe"),
        ("divergence.pairs", [["cpu", "cpu"]]),
        ("divergence.pairs", [["cpu"]]),
        ("divergence.causes.blocks_replaced", ["some"]),
        ("divergence.causes.noise_seeds", 0),
        ("divergence.backends.cpu.precision", "int8"),
    ],
)
def test_it_refuses_what_the_settings_refuse(key, value):
    assert VALIDATOR.is_valid(DEFAULT)
    assert not VALIDATOR.is_valid(with_changes((key, value)))
