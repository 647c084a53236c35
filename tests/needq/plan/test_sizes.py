"""Sizes in a model's config.json: what they rule out is refused, and what is odd is left alone."""

import json
import shutil
from pathlib import Path

import pytest
from default_config import with_changes
from needq.backup.architectures import find_architecture
from needq.backup.families import FAMILIES
from needq.plan.config import read_config
from needq.plan.sizes import Sizes, read_sizes
from planning import refusal
from smallest_configs import smallest

LLAMA = {
    "model_type": "llama",
    "num_hidden_layers": 12,
    "hidden_size": 48,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "intermediate_size": 96,
    "vocab_size": 99,
}


@pytest.fixture
def folder(tmp_path):
    """A copy of the bundled model's folder."""
    return Path(shutil.copytree("resources/pocket-gpt2", tmp_path / "model"))


def config_of(folder, *changes):
    """The default config with this model and with texts that fit its context."""
    shorter = (("generation.max_new_tokens", 32), ("divergence.positions", [0]))
    return with_changes(("model.location", str(folder)), *shorter, *changes)


def test_the_sizes_of_the_bundled_model(folder):
    assert read_sizes("resources/pocket-gpt2") == Sizes(12, 128, 4, 4, 256, 512, 4000, 2)
    (folder / "config.json").write_text(json.dumps(LLAMA))
    assert read_sizes(str(folder)) == Sizes(12, 48, 6, 2, 64, 96, 99, 3)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_sizes_of_every_family(name, folder):
    config = smallest(name)
    own = find_architecture(config)
    (folder / "config.json").write_text(json.dumps(config))
    sizes = read_sizes(str(folder))
    for size in ("n_blocks", "width", "heads", "key_value_heads", "context"):
        assert getattr(sizes, size) in (getattr(own, size), None)
    assert (None in sizes) == (config["model_type"] in ("bloom", "falcon"))


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("model.n_blocks", 6, "model.n_blocks: says 6, but {} has 12"),
        (
            "sweeps.cumulative.heads",
            [0, 6],
            "sweeps.cumulative.heads: there is no head 6; W_Q of the model has heads 0 to 5",
        ),
        (
            "sweeps.keys.heads",
            [2],
            "sweeps.keys.heads: there is no head 2; W_K of the model has heads 0 to 1",
        ),
        (
            "sweeps.zero.dimensions",
            [48],
            "sweeps.zero.dimensions: there is no dimension 48; W_Q of the model has dimensions 0",
        ),
        (
            "generation.max_new_tokens",
            64,
            "generation.max_new_tokens: 64 and a prompt exceed the model's context of 64",
        ),
        (
            "evaluation.tokens_per_document",
            64,
            "evaluation.tokens_per_document: 64 and the begin token exceed the model's context of",
        ),
    ],
)
def test_what_the_model_cannot_do_is_refused(folder, key, value, line):
    (folder / "config.json").write_text(json.dumps(LLAMA))
    assert read_config(config_of(folder))
    message = refusal(config_of(folder, (key, value)))
    assert message.startswith(f"config: {line.format(folder)}")


@pytest.mark.parametrize(
    "content",
    [
        *(
            "",
            "null",
            "[]",
            "{}",
            "{",
            "[" * 100_000,
            "\xe9",
            "9" * 5000,
            '{"model_type": ["gpt2"]}',
        ),
        '{"model_type": "gpt2", "n_layer": "12", "n_embd": null, "n_head": -1, "n_positions": 1.5}',
        '{"model_type": "gpt2", "n_layer": true}',
        '{"model_type": "mamba", "n_layer": 3}',
    ],
)
def test_what_is_odd_is_left_to_the_backup(folder, content):
    (folder / "config.json").write_bytes(content.encode("latin-1"))
    sizes = read_sizes(str(folder))
    assert sizes is None or set(sizes) == {None}
    assert read_config(config_of(folder, ("sweeps.cumulative.heads", [99])))


def test_a_config_json_of_many_megabytes_is_left_to_the_backup(folder):
    (folder / "config.json").write_bytes(b" " * (1 << 24) + json.dumps(LLAMA).encode())
    assert read_sizes(str(folder)) is None
