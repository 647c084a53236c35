"""The config: every mistake is one line that names its key, and what is accepted can be planned."""

import copy

import pytest
from default_config import DEFAULT, overlaid, with_changes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from needq.common.backends import Backend
from needq.common.errors import UserError
from needq.common.settings import Sweep
from needq.plan.config import read_config, without_other_models_values
from planning import plan, refusal

# a key, a wrong value, and how the line goes on after "config: "
MISTAKES = [
    ("generation.topk", 5, "generation.topk: no such key; did you mean top_k?"),
    ("colour", "red", "colour: no such key; known are run, "),
    ("[key]", "red", "[key]: no such key; known are run, "),
    ("<word>", "red", "<word>: no such key; known are run, "),
    ("model.adress", "x", "model.adress: no such key"),
    ("model.[key]", "x", "model.[key]: no such key"),
    (
        "sweeps.cumulative.block",
        "all",
        "sweeps.cumulative.block: no such key; did you mean block_order",
    ),
    ("sweeps.cumulative.dose", 1.0, "sweeps.cumulative.dose: no such key; did you mean doses?"),
    ("full_sweeps", ["cumulative"], "full_sweeps: no such key; did you mean sweeps?"),
    ("divergence.backends.cpu.dtype", "x", "divergence.backends.cpu.dtype: no such key"),
    (
        "divergence.backends.cpu.thread",
        1,
        "backends.cpu.thread: no such key; did you mean threads?",
    ),
    (
        "generation.top_k",
        "many",
        "generation.top_k: 'many' is not a whole number (Tokens are drawn",
    ),
    ("generation.top_k", True, "generation.top_k: True is not a whole number"),
    ("generation.top_k", [50], "generation.top_k: [50] is not a whole number"),
    ("model.n_blocks", 12.0, "model.n_blocks: 12.0 is not a whole number (The number of blocks"),
    ("model.n_blocks", "12.0", "model.n_blocks: '12.0' is not a whole number"),
    ("generation.temperature", float("nan"), "generation.temperature: nan is not a number"),
    ("generation.temperature", float("inf"), "generation.temperature: inf is not a number"),
    ("generation.temperature", "nan", "generation.temperature: 'nan' is not a number"),
    ("generation.temperature", 10**400, "generation.temperature: 1000"),
    ("generation.temperature", True, "generation.temperature: True is not a number"),
    ("generation.temperature", -1, "generation.temperature: -1 is less than 0"),
    ("generation.top_p", 0, "generation.top_p: 0 is not more than 0"),
    ("generation.top_p", 1.1, "generation.top_p: 1.1 is more than 1"),
    (
        "generation.prompts",
        "one",
        "generation.prompts: 'one' is not a list (The texts to continue)",
    ),
    ("generation.prompts", [], "generation.prompts: is empty"),
    ("generation.prompts", [""], "generation.prompts.0: is empty"),
    ("generation.prompts", ["a", " \n"], "generation.prompts.1: is empty"),
    ("generation.prompts", ["a", "a"], "generation.prompts: 'a' is given twice"),
    ("generation.prompts", ["a", True], "generation.prompts.1: True is not text; put it in quotes"),
    ("generation.max_new_tokens", 0, "generation.max_new_tokens: 0 is less than 1"),
    ("generation", None, "generation: None is not a group of keys (The texts that every backend"),
    ("generation.begin", "", "generation.begin: is empty"),
    ("generation.end", [], "generation.end: [] is not text"),
    ("noise_seeds", [], "noise_seeds: is empty"),
    ("noise_seeds", 7, "noise_seeds: 7 is not a list (The seeds of the noise)"),
    ("noise_seeds", [0, 0], "noise_seeds: 0 is given twice (The seeds of the noise)"),
    ("noise_seeds", [0, "0"], "noise_seeds: 0 is given twice"),
    ("noise_seeds", [-1], "noise_seeds.0: -1 is less than 0"),
    ("noise_seeds", [0.0], "noise_seeds.0: 0.0 is not a whole number"),
    ("noise_seeds", [2**32], "noise_seeds.0: 4294967296 is more than 4294967295"),
    ("sweeps.cumulative.block_order", [-1], "sweeps.cumulative.block_order.0: -1 is less than 0"),
    (
        "sweeps.cumulative.block_order",
        "some",
        "sweeps.cumulative.block_order: 'some' is not forward, reversed or random or a list (The",
    ),
    ("sweeps.cumulative.block_order", [1, 1], "sweeps.cumulative.block_order: 1 is given twice"),
    ("sweeps.cumulative.block_order", [], "sweeps.cumulative.block_order: is empty"),
    ("sweeps.cumulative.heads", 3, "sweeps.cumulative.heads: 3 is not all or a list"),
    (
        "sweeps.cumulative.matrix",
        "w",
        "sweeps.cumulative.matrix: 'w' is not q, k, v, o, qk, qv, kv, qkv, mlp_in, mlp_out or mlp",
    ),
    (
        "sweeps.cumulative.noise_fraction",
        0,
        "sweeps.cumulative.noise_fraction: 0 is not more than 0",
    ),
    (
        "sweeps.cumulative.noise_fraction",
        1.5,
        "sweeps.cumulative.noise_fraction: 1.5 is more than 1",
    ),
    (
        "sweeps.cumulative.noise_fraction",
        float("nan"),
        "sweeps.cumulative.noise_fraction: nan is not a number",
    ),
    ("sweeps.cumulative.method", "zeros", "sweeps.cumulative.method: 'zeros' is not gaussian,"),
    (
        "sweeps.cumulative.steps",
        "double",
        "sweeps.cumulative.steps: 'double' is not cumulative, single, heads,",
    ),
    (
        "sweeps.cumulative.run",
        "always",
        "sweeps.cumulative.run: 'always' is not texts, texts_of_reference, tasks, scores or off",
    ),
    (
        "sweeps.cumulative.run",
        True,
        "sweeps.cumulative.run: True is not texts, texts_of_reference, tasks, scores or off",
    ),
    ("sweeps.cumulative.exact", 1, "sweeps.cumulative.exact: 1 is not yes or no"),
    ("sweeps.cumulative.exact", "maybe", "sweeps.cumulative.exact: 'maybe' is not yes or no"),
    ("sweeps", {}, "sweeps: is empty"),
    ("sweeps", {"Bad Name": {}}, "sweeps.Bad Name: a name must match ^[a-z]"),
    ("sweeps", {"[key]": {}}, "a name must match ^[a-z]"),
    ("sweeps", {1: {}}, "sweeps.1: a key must be text; put it in quotes"),
    ("sweeps.cumulative", None, "sweeps.cumulative: None is not a group of keys (A family of"),
    ("sweeps.keys.counts", [0], "sweeps.keys.counts.0: 0 is less than 1"),
    (
        "sweeps.keys.counts",
        "third",
        "sweeps.keys.counts: 'third' is not all, halves or quarters or a",
    ),
    ("sweeps.keys.counts", 3, "sweeps.keys.counts: 3 is not all, halves or quarters or a list"),
    ("sweeps.keys.counts", "3", "sweeps.keys.counts: '3' is not all, halves or quarters or a list"),
    ("model.digests", [{0: None}], "model.digests.0.0: a key must be text"),
    ("jobs", {True: 1, "interventions_per_job": 4}, "jobs.True: a key must be text"),
    ("jobs.interventions_per_job", 0, "jobs.interventions_per_job: 0 is less than 1"),
    ("model.source", "disk", "model.source: 'disk' is not folder, hub, wheel or gguf (Where the"),
    ("model.location", "", "model.location: is empty"),
    ("model.revision", "main", "model.revision: 'main' does not match ^[0-9a-f]{40}$ (The hub's"),
    ("model.digests", [{"file": "x"}], "model.digests.0.sha256: the key is missing"),
    ("model.digests", [{"file": "x", "sha256": "0"}], "model.digests.0.sha256: '0' does not match"),
    ("model.digests", ["x"], "model.digests.0: 'x' is not a group of keys (What one file of"),
    ("model.n_blocks", 0, "model.n_blocks: 0 is less than 1"),
    ("evaluation.tokens_per_document", 0, "evaluation.tokens_per_document: 0 is less than 1"),
    ("divergence.pairs", [["cpu", "cpu"]], "divergence.pairs.0: 'cpu' is given twice"),
    ("divergence.pairs", [["cpu"]], "divergence.pairs.0: ['cpu'] has fewer than 2 items"),
    ("divergence.pairs", [["a", "b", "c"]], "divergence.pairs.0: ['a', 'b', 'c'] has more than 2"),
    ("divergence.pairs", [["cpu", "cuda"]] * 2, "divergence.pairs: ['cpu', 'cuda'] is given twice"),
    ("divergence.backends.cpu.device", "tpu", "backends.cpu.device: 'tpu' is not cpu or cuda"),
    (
        "divergence.backends.cpu.precision",
        "int8",
        "divergence.backends.cpu.precision: 'int8' is not",
    ),
    (
        "divergence.backends.cpu.arithmetic",
        "fuzzy",
        "backends.cpu.arithmetic: 'fuzzy' is not native",
    ),
    ("divergence.backends.cpu.rng", "dice", "divergence.backends.cpu.rng: 'dice' is not native,"),
    (
        "divergence.backends.cpu.gpu",
        "H300",
        "backends.cpu.gpu: 'H300' is not T4, A10G, L4, V100, A100, L40S, RTX 4090, H100, H200 or "
        "B200 or a group of keys (The card whose",
    ),
    ("divergence.backends.cpu.gpu", 132, "divergence.backends.cpu.gpu: 132 is not a group of keys"),
    (
        "divergence.backends.cpu.gpu",
        {"multiprocessors": 4},
        "backends.cpu.gpu.threads_per_multiprocessor: the key is missing",
    ),
    (
        "divergence.backends.cpu.gpu",
        {"multiprocessors": 4, "threads_per_multiprocessor": 255},
        "backends.cpu.gpu.threads_per_multiprocessor: 255 is less than 256 (The largest number",
    ),
    (
        "divergence.backends.cpu.gpu",
        {"multiprocesors": 4, "threads_per_multiprocessor": 1024},
        "backends.cpu.gpu.multiprocesors: no such key; did you mean multiprocessors?",
    ),
    ("divergence.backends.cpu.threads", 0, "divergence.backends.cpu.threads: 0 is less than 1"),
    ("divergence.backends.cpu.cache", "perhaps", "backends.cpu.cache: 'perhaps' is not yes or no"),
    ("divergence.backends", {"CPU": {}}, "divergence.backends.CPU: a name must match ^[a-z]"),
    ("divergence.backends", [], "divergence.backends: [] is not a group of keys (Named ways to"),
    ("divergence.backends", {}, "divergence.backends: is empty"),
    ("divergence.causes.noise_seeds", [], "divergence.causes.noise_seeds: is empty"),
    ("divergence.causes.noise_seeds", 0, "divergence.causes.noise_seeds: 0 is less than 1"),
    ("divergence.causes.noise_seeds", "all", "causes.noise_seeds: 'all' is not a whole number"),
    ("divergence.causes.blocks_replaced", [-1], "causes.blocks_replaced.0: -1 is less than 0"),
    ("divergence.causes.blocks_replaced", 2, "divergence.causes.blocks_replaced: 2 is not a list"),
    ("divergence.causes.blocks_replaced", [2, 2], "causes.blocks_replaced: 2 is given twice"),
    (
        "divergence.causes.blocks_replaced",
        [1, "some"],
        "divergence.causes.blocks_replaced.1: 'some' is not all or a number",
    ),
    ("labels.texts_per_prompt", 1, "labels.texts_per_prompt: 1 is less than 2"),
    ("cuda", "maybe", "cuda: 'maybe' is not auto, yes or no (Whether backends on CUDA are run"),
    ("cuda", 2, "cuda: 2 is not auto, yes or no"),
    ("cuda", 1, "cuda: 1 is not auto, yes or no"),
    ("cuda", 0.0, "cuda: 0.0 is not auto, yes or no"),
    ("generation.top_k", "\u0661", "generation.top_k: '\u0661' is not a whole number"),
    ("generation.top_p", "\u0661", "generation.top_p: '\u0661' is not a number"),
    ("sweeps", {"\ud800": {}}, "a name must match ^[a-z]"),
    ("x" * 5000, 1, "x…: no such key; known are run, "),
    ("evaluation.text", "x" * 5000, "evaluation.text: there is no file xxx"),
    ("model.digests", [{"file": "../x", "sha256": "0" * 64}], "digests.0.file: '../x' is not the"),
    ("model.digests", [{"file": "..", "sha256": "0" * 64}], "digests.0.file: '..' is not the"),
    (
        "model.digests",
        [{"file": "x", "sha256": "0" * 64}],
        "model.digests.0.file: resources/pocket-gpt2 has no file x",
    ),
    ("run", "../up", "run: '../up' does not match"),
    ("run", "a/b", "run: 'a/b' does not match"),
    ("run", "line\n", "run: 'line\\n' does not match"),
    ("run", True, "run: True is not text; put it in quotes (The name of the run)"),
    ("run", "", "run: '' does not match"),
]


@pytest.mark.parametrize(("key", "value", "message"), MISTAKES)
def test_a_mistake_is_one_line_that_names_its_key(key, value, message):
    line = refusal(with_changes((key, value)))
    assert message in line
    assert ("<" in line) is ("<" in key)  # no tag of needq.common.values


@pytest.mark.parametrize("config", [None, [], "text", 3, {}])
def test_what_is_no_config_at_all(config):
    refusal(config)


# -- another model


def noted(overlay, default=DEFAULT):
    """The config under an overlay, and what the user is told of it."""
    return without_other_models_values(overlaid(overlay), overlay, default)


OTHER = {"source": "hub", "location": "owner/name", "revision": "0" * 40}
SUITED = ["generation.prompts", "evaluation.text", "tasks.grammar", "tasks.cloze"]


def test_the_default_model_has_its_own_values():
    assert noted({}) == (DEFAULT, [])
    for overlay in ({"run": "other"}, {"model": {"n_blocks": 6}}, {"model": DEFAULT["model"]}):
        assert noted(overlay) == (overlaid(overlay), [])


NO_NGRAMS = {"ngram_text": None}  # the default model's corpus says nothing of another model


def test_another_model_does_not_inherit_digests_and_each_inherited_value_is_noted():
    values, notes = noted({"model": OTHER})
    assert values == overlaid({"model": OTHER | {"digests": []}, "evaluation": NO_NGRAMS})
    assert [note.partition(": ")[0] for note in notes] == ["model.digests", *SUITED]
    assert notes[0] == (
        "model.digests: not set for owner/name; the files of the model are not checked"
    )
    assert notes[1] == (
        "generation.prompts: not set for owner/name; the value of the default config is used"
    )
    assert read_config(values).model.digests == []


def test_what_an_overlay_sets_is_not_noted():
    overlay = {"model": OTHER | {"digests": DEFAULT["model"]["digests"]}}
    overlay["generation"] = {"prompts": DEFAULT["generation"]["prompts"]}
    overlay["tasks"] = {"cloze": "x"}
    values, notes = noted(overlay)
    assert values == overlaid(overlay, {"evaluation": NO_NGRAMS})
    assert [note.partition(": ")[0] for note in notes] == ["evaluation.text", "tasks.grammar"]
    overlay["evaluation"] = {"text": "x", "ngram_text": "y"}
    overlay["tasks"]["grammar"] = "x"
    assert noted(overlay) == (overlaid(overlay), [])
    overlay["model"]["digests"] = []  # said, too
    assert noted(overlay) == (overlaid(overlay), [])


def test_a_copy_of_the_default_model_counts_as_another():
    values, notes = noted({"model": {"location": "copy"}})
    assert values["model"]["digests"] == []
    assert len(notes) == 5
    # and another spelling of where it is does not
    for location in ("resources/pocket-gpt2/", "./resources/pocket-gpt2"):
        overlay = {"model": {"location": location}}
        assert noted(overlay) == (overlaid(overlay), [])


def test_an_edited_default_config_is_the_default():
    default = overlaid({"model": OTHER})
    del default["model"]["digests"]
    assert without_other_models_values(default, {}, default) == (default, [])


@pytest.mark.parametrize("broken", [None, [], "text", 3])
@pytest.mark.parametrize("key", ["model", "generation", "evaluation", "tasks"])
def test_a_malformed_overlay_is_refused_later_in_one_line(key, broken):
    overlay = {"model": dict(OTHER)} | {key: broken}
    values, _ = noted(overlay)
    assert f"{key}: {broken!r} is not a group of keys" in refusal(values)


@pytest.mark.parametrize("default", [None, {}, {"model": None}, {"model": {}}])
def test_a_malformed_default_is_no_traceback(default):
    values, notes = noted({"model": OTHER}, default)
    assert values["model"]["digests"] == []
    assert len(notes) == 5


def test_what_is_merged_is_left_as_it_was():
    merged = overlaid({"model": OTHER})
    before = copy.deepcopy(merged)
    without_other_models_values(merged, {"model": OTHER}, DEFAULT)
    assert merged == before


# -- every other config


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 20)
    | st.integers()
    | st.floats()
    | st.sampled_from(["all", "cpu", "q", "auto", "folder", "hub", "float32", "", "a\nb", "2"])
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3) | st.integers() | st.booleans(), inner, max_size=3)
    ),
    max_leaves=4,
)


def reachable(config, path):
    """What lies just above the end of a path, if an earlier change has left it there."""
    for key in path[:-1]:
        try:
            config = config[key]
        except (KeyError, IndexError, TypeError):
            return None
    return config


def places(value, path=()):
    """The paths of a config: those of what is in it, and those of every key that it may have."""
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*path, index))


PLACES = {path for path in places(DEFAULT) if path}  # without the whole
PLACES |= {("sweeps", name, key) for name in DEFAULT["sweeps"] for key in Sweep.model_fields}
BACKENDS = DEFAULT["divergence"]["backends"]
PLACES |= {
    ("divergence", "backends", name, key) for name in BACKENDS for key in Backend.model_fields
}


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(PLACES, key=str)),
            st.none() | st.text(max_size=3),
            JSON | st.sampled_from([["cpu"], [["cpu", "exact"]], [1, "all"], "halves", "texts"]),
        ),
        min_size=1,
        max_size=2,
    )
)
def test_no_config_ends_in_a_traceback(mutations):
    config = copy.deepcopy(DEFAULT)
    for path, new_key, value in mutations:
        inner = reachable(config, path)
        if isinstance(inner, dict):
            inner[path[-1] if new_key is None else new_key] = copy.deepcopy(value)
        elif isinstance(inner, list):
            inner.append(copy.deepcopy(value))
    try:
        accepted, said = read_config(config), ""
    except UserError as error:
        accepted, said = None, str(error)
    if accepted is None:
        assert said.startswith("config")
        assert len(said.splitlines()) == 1
        return
    # what is accepted can be planned with, and written down
    plan(accepted)
