"""Params of rules: the same values again, and nothing in them that is markup or a wildcard."""

import json

import pytest
from default_config import DEFAULT, with_changes
from hypothesis import given
from hypothesis import strategies as st
from needq.common.settings import Config, Generation
from needq.plan.config import read_config
from needq.plan.params import json_text
from snakemake.io import apply_wildcards

HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!--",
    "&lt;",
    "{wildcard}",
    "x\u2028\u2029",
    "a\\",
]


def test_a_config_is_the_same_again():
    config = read_config(with_changes(("generation.prompts", HOSTILE)))
    assert Config.model_validate_json(json_text(config)) == config
    assert json.loads(json_text(config)) == config.model_dump()


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_is_markup_or_a_wildcard(text):
    written = json_text(Generation(prompts=[text]))
    assert Generation.model_validate_json(written).prompts == [text]
    assert not set("<>&\u2028\u2029") & set(written)
    assert apply_wildcards(written, {}) == written


@given(st.recursive(st.text() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(),
                    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))  # fmt: skip
def test_any_values_are_the_same_again(values):
    written = json_text(values)
    assert json.loads(written) == values
    assert written.isascii()
    assert apply_wildcards(written, {}) == written


@given(st.floats(0, 1, exclude_min=True))
def test_every_number_keeps_its_bits(top_p):
    settings = Generation(prompts=["a"], top_p=top_p)
    assert Generation.model_validate_json(json_text(settings)) == settings


def test_the_default_config_is_planned_with_texts_as_they_are():
    prompts = Generation.model_validate_json(json_text(read_config(DEFAULT).generation)).prompts
    assert prompts == DEFAULT["generation"]["prompts"]
