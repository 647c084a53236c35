"""Values as a command line gives them, which is not always as YAML does."""

import pytest
from default_config import DEFAULT, overlaid
from needq.common.errors import UserError
from needq.common.settings import Backend
from needq.plan.config import read_config
from planning import plan, read
from snakemake.cli import parse_config


def on_the_command_line(*entries):
    """The default config under --config ENTRIES, as Snakemake reads them."""
    return read_config(overlaid(parse_config(entries)))


def test_a_command_line_gives_numbers_lists_and_groups():
    config = on_the_command_line(
        "noise_seeds=[0,1]",
        "run=7",
        "cuda=no",
        "generation={temperature: 0.5, top_k: 40, begin: null, max_new_tokens: 40}",
        "model={n_blocks: 6}",
        "sweeps={keys: {counts: [1, 2]}, zero: {run: off}, cumulative: {exact: yes, heads: [0]}}",
        "evaluation={tokens_per_document: 20}",
        "divergence={causes: {blocks_replaced: [2, all], noise_seeds: [1]}, "
        "backends: {cpu: {cache: false, threads: 2}}}",
    )
    assert (config.noise_seeds, config.run, config.cuda) == ([0, 1], "7", False)
    generation = config.generation
    assert (generation.temperature, generation.top_k, generation.begin) == (0.5, 40, None)
    assert (config.model.n_blocks, generation.max_new_tokens) == (6, 40)
    assert (config.sweeps["keys"].counts, config.sweeps["keys"].matrix) == ([1, 2], "k")
    assert (config.sweeps["zero"].run, config.sweeps["cumulative"].exact) == ("off", True)
    assert config.sweeps["cumulative"].heads == [0]
    assert config.evaluation.tokens_per_document == 20
    assert config.evaluation.text == DEFAULT["evaluation"]["text"]
    causes = config.divergence.causes
    assert (causes.blocks_replaced, causes.noise_seeds) == ([2, "all"], [1])
    assert config.divergence.backends["cpu"] == Backend(cache=False, threads=2)
    plan(config)


@pytest.mark.parametrize("text", ["yes", "no", "auto", "True", "False", "true", "on", "off"])
def test_a_command_line_decides_on_cuda(text):
    meant = {"yes": True, "True": True, "true": True, "on": True, "auto": "auto"}.get(text, False)
    assert on_the_command_line(f"cuda={text}").cuda is meant


def test_a_command_line_is_read_alike_by_the_jobs_of_a_run():
    from snakemake.common import dict_to_key_value_args

    entries = ["noise_seeds=[0,1]", "cuda=no", "generation={top_k: 5, end: null}", "run=7"]
    again = dict_to_key_value_args(parse_config(entries), repr_obj=True)
    assert on_the_command_line(*again) == on_the_command_line(*entries)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("noise_seeds=7", "noise_seeds: 7 is not a list"),
        ("noise_seeds=[0, x]", "noise_seeds.1: 'x' is not a whole number"),
        ("noise_seeds=0,1", "noise_seeds: '0,1' is not a list"),
        ("noise_seeds=", "noise_seeds: None is not a list"),
        ("generation={top_k: }", "generation.top_k: '' is not a whole number"),
        ("model=gpt2", "model: 'gpt2' is not a group of keys"),
        ("sweeps={keys: {counts: [1, 2.5]}}", "sweeps.keys.counts.1: '2.5' is not a whole number"),
    ],
)
def test_a_mistake_on_a_command_line_names_its_key(entry, message):
    with pytest.raises(UserError, match=message.replace("[", r"\[")):
        on_the_command_line(entry)


@pytest.mark.parametrize("value", [1, "1", 1.0, "1.0"])
def test_a_number_is_the_same_with_and_without_a_point(value):
    assert repr(read(("generation.temperature", value)).generation.temperature) == "1.0"
