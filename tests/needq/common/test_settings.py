"""The settings: defaults, and what is written down of them."""

import copy

import pytest
import yaml
from default_config import DEFAULT, group_of
from needq.common.backends import Backend
from needq.plan.config import read_config
from planning import plan, read, refusal


def test_the_default_config_says_every_value():
    off = {"run": False}  # an analysis that is off says no more
    given = {
        key: values
        for key, values in DEFAULT.items()
        if key not in ("sweeps", "divergence") and values != off
    }
    values = read_config(DEFAULT).model_dump()
    assert {key: values[key] for key in given} == given
    divergence = DEFAULT["divergence"]
    assert values["divergence"] == divergence | {"backends": values["divergence"]["backends"]}


def test_a_config_that_is_written_down_can_be_read_again():
    config = read_config(DEFAULT)
    written = yaml.safe_dump(config.model_dump())
    assert read_config(yaml.safe_load(written)) == config


def test_an_analysis_that_is_off_is_not_written_down():
    assert not {"subsets", "healing"} & set(read_config(DEFAULT).model_dump())
    on = read(("subsets", {"run": True, "documents": 3}), ("healing", {"run": True, "steps": 3}))
    assert on.model_dump()["subsets"]["documents"] == 3
    assert on.model_dump()["healing"]["steps"] == 3
    assert read_config(on.model_dump()) == on


REQUIRED = ["run", "model", "model.location", "model.n_blocks", "sweeps", "generation"]
REQUIRED += ["generation.prompts", "evaluation", "evaluation.text", "evaluation.begin"]
REQUIRED += ["tasks", "tasks.grammar", "tasks.cloze", "divergence", "divergence.backends"]


@pytest.mark.parametrize("key", REQUIRED)
def test_a_missing_key_is_named(key):
    config = copy.deepcopy(DEFAULT)
    del group_of(config, key)[key.rpartition(".")[2]]
    assert refusal(config) == f"config: {key}: the key is missing"


@pytest.mark.parametrize(
    "key", "noise_seeds labels subsets healing cuda jobs model.revision".split()
)
def test_other_keys_have_defaults(key):
    config = copy.deepcopy(DEFAULT)
    del group_of(config, key)[key.rpartition(".")[2]]
    assert read_config(config) == read_config(DEFAULT)


def test_defaults_are_filled_in():
    config = read(
        ("sweeps", {"s": {"run": "texts"}}),
        ("tasks.backends", []),
        ("divergence", {"backends": {"cpu": {}}}),
    )
    assert config.sweeps["s"].model_dump() == {
        "run": "texts",
        "exact": False,
        "matrix": "q",
        "block_order": "forward",
        "steps": "cumulative",
        "counts": "all",
        "heads": "all",
        "dimensions": "all",
        "groups": 8,
        "doses": [],
        "method": "gaussian",
        "noise_fraction": 1.0,
        "bias": "keep",
    }
    assert config.divergence.backends["cpu"].model_dump() == {
        "device": "cpu",
        "arithmetic": "native",
        "precision": "float32",
        "rng": "native",
        "kernels": "sdpa",
        "noise": "keyed",
        "gpu": None,
        "instruction_set": "native",
        "threads": 1,
        "batch": 32,
        "stack": True,
        "cache": True,
    }
    assert config.divergence.reference == "cpu"
    assert config.divergence.pairs == []
    plan(config)


def test_settings_are_never_changed():
    with pytest.raises(ValueError, match="frozen"):
        Backend().batch = 3
    assert Backend().changed(batch=3) == Backend(batch=3) != Backend()
