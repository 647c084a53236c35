"""What is taken from a config.json, and what is refused in one line."""

import contextlib
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from needq.backup.families import FAMILIES
from needq.backup.model_config import checked, computed_with, left_out, read_model_config
from needq.common.errors import UserError
from needq.common.files import read_json
from smallest_configs import smallest

GPT2 = {
    "architectures": ["GPT2LMHeadModel"],
    "model_type": "gpt2",
    "vocab_size": 257,
    "n_positions": 64,
    "n_embd": 24,
    "n_layer": 4,
    "n_head": 3,
}
LLAMA = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "vocab_size": 257,
    "hidden_size": 24,
    "intermediate_size": 32,
    "num_hidden_layers": 4,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
}


def refused(config):
    with pytest.raises(UserError) as error:
        checked(config)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("config", [GPT2, LLAMA], ids=["gpt2", "llama"])
def test_only_what_is_computed_with_is_taken(config):
    used = checked(config | {"initializer_range": 0.5, "use_cache": False, "whatever": {"a": 1}})
    assert used.items() >= config.items()
    assert not used.keys() & {"initializer_range", "use_cache", "whatever"}
    assert checked(used) == used
    assert left_out(used) == []


@pytest.mark.parametrize("name", FAMILIES)
def test_defaults_are_those_of_transformers(name):
    """A config.json that names sizes alone means the same to transformers and here."""
    from transformers import CONFIG_MAPPING

    config = smallest(name)
    used, theirs = checked(config), CONFIG_MAPPING[config["model_type"]](**config).to_dict()
    left_alone = {"architectures", "model_type", "seq_length", "pad_token_id"}
    for key in used.keys() - left_alone - {"sliding_window_pattern", "sliding_window"}:
        assert used[key] == theirs[key], key
    # Qwen 2 and 3 say so apart that no block has a window
    if "sliding_window" in used and "use_sliding_window" not in used:
        assert used["sliding_window"] == theirs["sliding_window"]
    assert used.get("pad_token_id") is None


@pytest.mark.parametrize("name", FAMILIES)
def test_transformers_reads_what_is_kept(name):
    from transformers import CONFIG_MAPPING

    used = checked(smallest(name))
    assert checked(used) == used
    again = CONFIG_MAPPING[used["model_type"]](**used).to_dict()
    if "use_sliding_window" in used:  # no block has a window, so transformers forgets its size
        again["sliding_window"] = used["sliding_window"]
    assert checked({key: again[key] for key in used if key in again}) == used


NULL_IS_A_VALUE = [
    ("MistralForCausalLM", "sliding_window", 4096),
    ("Gemma2ForCausalLM", "final_logit_softcapping", 30.0),
    ("Gemma2ForCausalLM", "attn_logit_softcapping", 50.0),
    ("Qwen2ForCausalLM", "sliding_window", 4096),
]


@pytest.mark.parametrize(("name", "key", "default"), NULL_IS_A_VALUE)
def test_null_stays_null_where_transformers_would_take_a_number(name, key, default):
    config = smallest(name)
    assert checked(config)[key] == default
    used = checked(config | {key: None})
    assert used[key] is None
    assert checked(used) == used
    assert computed_with(config | {key: None})[key] is None


FAMILY_KEYS = [
    ("GPTNeoXForCausalLM", {"rotary_pct": 0.5, "rotary_emb_base": 500}, "rope_parameters"),
    ("PhiForCausalLM", {"partial_rotary_factor": 0.4, "rope_theta": 500.0}, "rope_parameters"),
    ("BloomForCausalLM", {"n_embed": 384}, "hidden_size"),
    ("Gemma3ForCausalLM", {"rope_theta": 5e5, "rope_local_base_freq": 500.0}, "rope_parameters"),
    (
        "Gemma3ForCausalLM",
        {"rope_scaling": {"rope_type": "linear", "factor": 8.0}},
        "rope_parameters",
    ),
]


@pytest.mark.parametrize(("name", "own", "key"), FAMILY_KEYS)
def test_keys_of_transformers_4_mean_the_same(name, own, key):
    from transformers import CONFIG_MAPPING

    config = {k: v for k, v in smallest(name).items() if k != key} | own
    used, theirs = checked(config), CONFIG_MAPPING[FAMILIES[name].model_type](**config)
    assert used[key] == getattr(theirs, key)


DO_NOT_FIT = [
    ("GPTNeoForCausalLM", {"attention_types": [[["global"], 3]]}, "attention_types"),
    ("GPTNeoForCausalLM", {"attention_types": [["global"]]}, "attention_types"),
    ("GPTNeoForCausalLM", {"attention_layers": ["local"] * 24}, "attention_layers"),
    ("GPTJForCausalLM", {"rotary_dim": 7}, "rotary_dim"),
    ("GPTJForCausalLM", {"rotary_dim": 500}, "rotary_dim"),
    ("GPTNeoXForCausalLM", {"rotary_pct": 0.005}, "turn 0 dimensions"),
    ("GPTNeoXForCausalLM", {"num_attention_heads": 5}, "num_attention_heads"),
    (
        "GPTNeoXForCausalLM",
        {"rotary_pct": 0.25, "rope_parameters": {"partial_rotary_factor": 0.5}},
        "do not agree",
    ),
    (
        "PhiForCausalLM",
        {"partial_rotary_factor": 0.3, "rope_parameters": {"partial_rotary_factor": 0.4}},
        "do not agree",
    ),
    ("BloomForCausalLM", {"slow_but_exact": True}, "slow_but_exact"),
    ("FalconForCausalLM", {"num_kv_heads": 2, "num_attention_heads": 3}, "num_kv_heads"),
    (
        "FalconForCausalLM",
        {"new_decoder_architecture": True, "parallel_attn": False},
        "parallel_attn",
    ),
    ("FalconForCausalLM", {"num_ln_in_parallel_attn": 2}, "new_decoder_architecture"),
    ("FalconForCausalLM", {"multi_query": False, "num_kv_heads": 1}, "multi_query"),
    ("Phi3ForCausalLM", {"rope_scaling": {"type": "longrope", "factor": 2.0}}, "rope_type"),
    ("Phi3ForCausalLM", {"rope_scaling": {"type": "yarn", "factor": 2.0}}, "rope_type"),
    ("Qwen2ForCausalLM", {"layer_types": ["full_attention"]}, "layer_types"),
    ("Qwen2ForCausalLM", {"layer_types": ["linear_attention"] * 4}, "layer_types"),
    ("Gemma3ForCausalLM", {"use_bidirectional_attention": True}, "use_bidirectional_attention"),
    ("Gemma3ForCausalLM", {"rope_parameters": {"rope_type": "default"}}, "rope_parameters"),
    ("StableLmForCausalLM", {"head_dim": 8}, "head_dim"),
    ("MistralForCausalLM", {"attention_multiplier": 2.0}, "attention_multiplier"),
]


@pytest.mark.parametrize(("name", "own", "message"), DO_NOT_FIT)
def test_settings_of_a_family_that_do_not_fit_together_are_refused(name, own, message):
    checked(smallest(name))
    assert message in refused(smallest(name) | own)


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_nothing_that_changes_the_computation_is_left_out(name, request):
    """Of what transformers saves, only keys of training, of tokens and of other heads are."""
    model = request.getfixturevalue(name)
    own = read_json(model.source / "config.json")
    known = "_dropout _pdrop use_cache initializer_range dtype version token_id summary_".split()
    known += ["pretraining_tp", "add_cross_attention"]
    for key in left_out(own):
        assert any(part in key for part in known), key


def test_left_out_keys_are_named():
    assert left_out(GPT2 | {"resid_pdrop": 0.1, "n_ctx": 64}) == ["n_ctx", "resid_pdrop"]
    assert left_out(LLAMA | {"rope_theta": 1.0, "rope_scaling": None, "pretraining_tp": 1}) == [
        "pretraining_tp"
    ]


REFUSED = {
    "quantization_config": {"quant_method": "fp8"},
    "compression_config": {"format": "x"},
    "auto_map": {"AutoModelForCausalLM": "modeling_x.X"},
    "pruned_heads": {"0": [1]},
    "is_encoder_decoder": True,
    "add_cross_attention": True,
    "sliding_window": 8,
    "clip_qkv": 8.0,
    "use_qk_norm": True,
}


@pytest.mark.parametrize("key", REFUSED)
@pytest.mark.parametrize("config", [GPT2, LLAMA], ids=["gpt2", "llama"])
def test_keys_that_make_it_another_model_are_refused_by_name(config, key):
    assert f"its config.json sets {key}: " in refused(config | {key: REFUSED[key]})
    assert checked(config | {key: None}) == checked(config)


def test_what_chooses_kernels_is_left_out():
    for key in ("attn_implementation", "_attn_implementation", "_attn_implementation_internal"):
        assert checked(GPT2 | {key: "evil/kernels"}) == checked(GPT2)


WRONG = {
    "n_layer": [0, -1, "3", 3.0, True, None, [3], 1000, 10**9, 10**30],
    "n_head": [0, -3, "3", 2.5, 5, 10**9],
    "n_embd": [0, -24, "24", 25, 10**9],
    "vocab_size": [0, -1, "257", 1e3, 10**9],
    "n_positions": [0, -1, "64", {}, 10**12],
    "n_inner": [0, -1, "96", 1.5],
    "layer_norm_epsilon": [0, -1e-5, "1e-5", float("nan"), float("inf")],
    "activation_function": ["evil", 3, ["gelu"]],
    "tie_word_embeddings": ["yes", 1],
    "scale_attn_weights": ["no", 0],
}


@pytest.mark.parametrize(("key", "value"), [(k, v) for k, values in WRONG.items() for v in values])
def test_a_wrong_value_is_one_line_that_names_its_key(key, value):
    assert key in refused(GPT2 | {key: value})


LLAMA_WRONG = {
    "num_attention_heads": [0, "6", 7, None],
    "num_key_value_heads": [4, -2, "2", 2.0, 12],
    "hidden_size": [0, 25, "24"],
    "head_dim": [0, 3, "4"],
    "rms_norm_eps": [0, -1, "x"],
    "hidden_act": ["evil"],
    "attention_bias": ["no"],
    "rope_parameters": ["default", 3, [1]],
}


@pytest.mark.parametrize(
    ("key", "value"), [(k, v) for k, values in LLAMA_WRONG.items() for v in values]
)
def test_a_wrong_value_of_llama_is_one_line(key, value):
    line = refused(LLAMA | {key: value})
    assert key in line or "width of a head is odd" in line


DISAGREEING = {
    "two groups": {
        "rope_scaling": {"type": "linear", "factor": 4.0},
        "rope_parameters": {"rope_type": "default"},
    },
    "theta outside and inside": {"rope_theta": 5e5, "rope_parameters": {"rope_theta": 1e4}},
    "two kinds": {"rope_scaling": {"type": "linear", "rope_type": "default", "factor": 4.0}},
}


@pytest.mark.parametrize("name", DISAGREEING)
def test_two_rotary_values_that_do_not_agree_are_refused(name):
    assert "do not agree" in refused(LLAMA | DISAGREEING[name])


def test_null_is_what_is_not_set():
    config = LLAMA | {"tie_word_embeddings": None, "head_dim": None, "rope_scaling": None}
    assert checked(config | {"attention_bias": None}) == checked(LLAMA)


def test_the_other_names_of_gpt2s_keys_are_known():
    renamed = {"num_hidden_layers": "n_layer", "num_attention_heads": "n_head"}
    config = {key: value for key, value in GPT2.items() if key not in renamed.values()}
    other = config | {alias: GPT2[own] for alias, own in renamed.items()}
    assert checked(other) == checked(GPT2)
    assert left_out(other) == []
    assert "n_head 3 is 6 by its other name" in refused(GPT2 | {"num_attention_heads": 6})


@pytest.mark.parametrize("factor", ["embedding_multiplier", "logit_scale"])
def test_numbers_by_which_other_models_multiply_are_refused(factor):
    assert f"sets {factor}" in refused(LLAMA | {factor: 12.0})
    assert checked(LLAMA | {factor: 1.0}) == checked(LLAMA)


ROPES = {
    "evil": {"rope_type": "evil"},
    "unknown key": {"rope_type": "default", "beta": 3},
    "linear without factor": {"rope_type": "linear"},
    "llama3 without factors": {"rope_type": "llama3", "factor": 8.0},
    "frequencies by the longest row": {
        **{"rope_type": "longrope", "short_factor": [1.0, 1.0], "long_factor": [2.0, 3.0]},
    },
    "a part of a head": {"partial_rotary_factor": 0.5},
    "factor of text": {"rope_type": "linear", "factor": "4"},
    "factor 0": {"rope_type": "linear", "factor": 0.0},
    "theta 0": {"rope_type": "default", "rope_theta": 0},
    "theta nan": {"rope_type": "default", "rope_theta": float("nan")},
}


@pytest.mark.parametrize("name", ROPES)
def test_wrong_rotary_positions_are_refused(name):
    assert "config.json" in refused(LLAMA | {"rope_parameters": ROPES[name]})
    assert "config.json" in refused(LLAMA | {"rope_scaling": ROPES[name]})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"rope_theta": 500000.0}, {"rope_type": "default", "rope_theta": 500000.0}),
        (
            {"rope_theta": 10000.0, "rope_scaling": {"type": "linear", "factor": 4.0}},
            {"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0},
        ),
        ({"rope_scaling": None}, {"rope_type": "default", "rope_theta": 10000.0}),
    ],
)
def test_rotary_positions_of_transformers_4_mean_the_same(old, new):
    from transformers import LlamaConfig

    used = checked(LLAMA | old)
    assert used["rope_parameters"] == new
    assert {k: v for k, v in LlamaConfig(**LLAMA | old).rope_parameters.items() if k in new} == new


def test_a_model_that_names_no_architecture_is_known_by_its_model_type():
    """transformers#27923"""
    for nothing in (None, []):
        assert checked(GPT2 | {"architectures": nothing}) == checked(GPT2)
    assert checked({k: v for k, v in LLAMA.items() if k != "architectures"}) == checked(LLAMA)
    for kind in (None, "bert", 3, ["gpt2"]):
        assert "names no architecture" in refused(
            GPT2 | {"architectures": None, "model_type": kind}
        )


def test_an_architecture_of_another_model_type_is_refused():
    """Mistral's window and Qwen's biases are not those of Llama, whatever the name says."""
    for kind in ("mistral", "qwen2"):
        assert f"its model_type is '{kind}'" in refused(LLAMA | {"model_type": kind})
    assert checked(LLAMA | {"model_type": None}) == checked(LLAMA)


def test_several_architectures_are_refused():
    names = ["GPT2LMHeadModel", "EvilModel"]
    assert "names several architectures" in refused(GPT2 | {"architectures": names})


@pytest.mark.parametrize(
    "names", [["BertForMaskedLM"], ["GPT2Model"], "GPT2", [3], [None], {"a": 1}]
)
def test_another_architecture_is_refused_by_name(names):
    assert "is not supported" in refused(GPT2 | {"architectures": names})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ('{"n_layer": ' + "1" * 9999 + "}", "is not JSON"),
        ('{"n_layer": 1, "n_layer": 2}', "gives the key n_layer twice"),
        ("[]", "holds no JSON object"),
        ("null", "holds no JSON object"),
        ('"text"', "holds no JSON object"),
    ],
    ids=["brace", "empty", "deep", "number", "twice", "list", "null", "text"],
)
def test_a_file_that_is_no_config_is_refused(tmp_path, text, message):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(UserError) as error:
        read_model_config(tmp_path / "config.json")
    assert message in str(error.value)


TEXT = st.text(max_size=5)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
KEYS = sorted(set(REFUSED).union(*(family.keys.names() for family in FAMILIES.values())))


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)  # on a busy machine
@given(name=st.sampled_from(sorted(FAMILIES)), changes=st.data())
def test_any_config_is_taken_or_refused_in_one_line(name, changes):
    config = smallest(name) | changes.draw(
        st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=3)
    )
    with contextlib.suppress(UserError):
        used = checked(config)
        assert checked(json.loads(json.dumps(used))) == used
