"""Values as a command line gives them, which is not always as YAML does."""

import pytest
from default_config import DEFAULT, overlaid, with_changes
from needq.common.backends import Backend
from needq.common.errors import UserError
from needq.plan.config import read_config
from planning import plan, read, refusal
from snakemake.cli import parse_config


def on_the_command_line(*entries):
    """The default config under --config ENTRIES, as Snakemake reads them."""
    return read_config(overlaid(parse_config(entries)))


def test_a_command_line_gives_numbers_lists_and_groups():
    config = on_the_command_line(
        "noise_seeds=[0,1]",
        "run=7",
        "cuda=no",
        "generation={temperature: 0.5, top_k: 40, begin: null, max_new_tokens: 140}",
        f"model={{n_blocks: 6, source: hub, location: a/b, revision: '{'0' * 40}'}}",
        "sweeps={keys: {counts: [1, 2]}, zero: {run: off}, cumulative: {exact: yes, heads: [0]}}",
        "evaluation={tokens_per_document: 20}",
        "divergence={causes: {blocks_replaced: [2, all], noise_seeds: [1]}, "
        "backends: {cpu: {cache: false, threads: 2}}}",
    )
    assert (config.noise_seeds, config.run, config.cuda) == ([0, 1], "7", False)
    generation = config.generation
    assert (generation.temperature, generation.top_k, generation.begin) == (0.5, 40, None)
    assert (config.model.n_blocks, generation.max_new_tokens) == (6, 140)
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


# the ends of ranges: a value that is accepted, and the next one
ENDS = [
    ("generation.max_new_tokens", 255, 1_000_001),
    ("generation.top_k", 9_999_999, 10**7),
    ("generation.temperature", 100, 100.1),
    ("generation.temperature", 0.01, 0.0099),
    ("generation.temperature", 0, 1e-300),
    ("generation.top_p", 1e-300, 1.0001),
    ("evaluation.tokens_per_document", 255, 1_000_001),
    ("tasks.pairs", 10**6, 10**6 + 1),
    ("tasks.passages", 10**6, 10**9),
    ("labels.texts_per_prompt", 10_000, 10**9),
    ("divergence.backends.cpu.threads", 1024, 1025),
    ("divergence.backends.cpu.batch", 65_536, 10**30),
    ("jobs.interventions_per_job", 10**6, 10**30),
    ("noise_seeds", list(range(600)), list(range(1001))),
    ("generation.sample_seeds", list(range(1000)), list(range(1001))),
    ("generation.prompts", [str(n) for n in range(10_000)], [str(n) for n in range(10_001)]),
    ("generation.prompts", ["a" * 100_000], ["a" * 100_001]),
    ("divergence.positions", [31], list(range(10_001))),
    ("run", "a" * 64, "a" * 65),
]


@pytest.mark.parametrize(("key", "last", "beyond"), ENDS)
def test_every_range_has_an_end(key, last, beyond):
    assert read((key, last))
    message = refusal(with_changes((key, beyond)))
    assert message.startswith(f"config: {key}")
    assert len(message) < 500


@pytest.mark.parametrize("group", ["sweeps", "divergence.backends"])
def test_a_name_has_64_characters_at_most_and_no_newline_at_its_end(group):
    first = {"run": "texts", "exact": True} if group == "sweeps" else {}
    assert read((f"{group}.{'a' * 64}", first))
    for name in ("a" * 65, "a\n", "a" * 300, "a\u0663", "a "):
        assert "a name must match ^" in refusal(with_changes((f"{group}.{name}", first)))


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("run", ["a\n", "a\r", "a\x85", "a\u2028", "a\n\n"]),
        ("model.revision", ["0" * 40 + "\n", "0" * 39 + "\n"]),
        ("model.digests", [[{"file": "x", "sha256": "0" * 64 + "\n"}]]),
    ],
)
def test_no_pattern_takes_a_newline_for_the_end(key, values):
    for value in values:
        assert "does not match ^" in refusal(with_changes((key, value)))


@pytest.mark.parametrize("key", ["generation.prompts", "generation.begin", "evaluation.text"])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a\ud800", "holds half a character (a surrogate by itself), which is no text"),
        ("a\0b", "holds the character '\\x00', which no"),
    ],
)
def test_what_no_file_can_hold_is_no_text(key, text, words):
    value = [text] if key.endswith("prompts") else text
    assert words in refusal(with_changes((key, value)))


@pytest.mark.parametrize("digits", ["9" * 5000, "-" + "9" * 5000])
def test_a_number_of_thousands_of_digits_is_none(digits):
    assert "is not a whole number" in refusal(with_changes(("noise_seeds", [digits])))


@pytest.mark.parametrize("value", [1, "1", 1.0, "1.0"])
def test_a_number_is_the_same_with_and_without_a_point(value):
    assert repr(read(("generation.temperature", value)).generation.temperature) == "1.0"
