"""Models of every family with random weights and sizes, and what their attention sees.

Nothing here knows what needq knows of the families: sizes and settings are those of transformers'
configs, and where W_Q is in a layer is written down from transformers' forward passes.
"""

from contextlib import contextmanager

import torch
import transformers
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from saved import SIZES
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, sdpa_mask
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

WINDOW = 5  # tokens that a block with a window sees: fewer than the texts of the tests have
FEW = settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
SWITCH = st.booleans()


def gpt(draw, **own):
    heads = draw(st.integers(2, 4))
    sizes = {"n_layer": draw(st.integers(2, 3)), "n_head": heads}
    return sizes | {"n_embd": heads * draw(st.sampled_from([4, 6])), "n_positions": 64} | own


def plain(draw, **own):
    """Sizes by the names of most families; every head has keys and values of its own."""
    heads = draw(st.integers(2, 4))
    return {
        "hidden_size": heads * draw(st.sampled_from([4, 8])),
        "intermediate_size": draw(st.integers(5, 30)),
        "num_hidden_layers": draw(st.integers(2, 3)),
        "num_attention_heads": heads,
        "max_position_embeddings": 64,
    } | own


def kin(draw, **own):
    """Sizes of Llama's kin, whose heads share keys and values and have a width of their own."""
    shared, times = draw(st.integers(1, 3)), draw(st.integers(2, 3))
    heads = {"num_attention_heads": shared * times, "num_key_value_heads": shared}
    width = {"hidden_size": shared * times * draw(st.sampled_from([4, 6]))}
    return plain(draw, **heads, **width, **own)


def ropes(draw):
    """Rotary positions of every kind that does not depend on the longest row of a batch."""
    return draw(
        st.sampled_from(
            [
                {"rope_type": "default", "rope_theta": 5e5},
                {"rope_type": "linear", "rope_theta": 1e4, "factor": 4.0},
                {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0},
                {
                    "rope_type": "yarn",
                    "rope_theta": 1e4,
                    "factor": 4.0,
                    "original_max_position_embeddings": 16,
                },
                {
                    "rope_type": "llama3",
                    "rope_theta": 1e4,
                    "factor": 8.0,
                    "low_freq_factor": 1.0,
                    "high_freq_factor": 4.0,
                    "original_max_position_embeddings": 16,
                },
            ]
        )
    )


def own_width(draw):
    return {"head_dim": draw(st.sampled_from([4, 8, 10]))}


def turns(draw):
    return {"use_sliding_window": draw(SWITCH), "sliding_window": WINDOW, "max_window_layers": 1}


def gpt2(draw):
    keys = gpt(draw, n_inner=draw(st.none() | st.integers(5, 40)))
    keys["activation_function"] = draw(st.sampled_from(["gelu_new", "gelu", "relu", "silu"]))
    names = ("scale_attn_weights", "scale_attn_by_inverse_layer_idx", "reorder_and_upcast_attn")
    return keys | {name: draw(SWITCH) for name in names}


def gpt_neo(draw):
    keys = plain(draw)
    types = [[["global", "local"], 1]] + (
        [[["local"], 1]] if keys["num_hidden_layers"] == 3 else []
    )
    keys = keys | {"num_layers": keys.pop("num_hidden_layers"), "window_size": WINDOW}
    return keys | {"num_heads": keys.pop("num_attention_heads"), "attention_types": types}


def neox(draw):
    rope = {"rope_type": "default", "partial_rotary_factor": draw(st.sampled_from([0.5, 1.0]))}
    keys = plain(draw, rope_parameters=rope | {"rope_theta": 1e4})
    return keys | {n: draw(SWITCH) for n in ("use_parallel_residual", "attention_bias")}


def bloom(draw):
    keys = plain(draw, apply_residual_connection_post_layernorm=draw(SWITCH))
    names = {"n_layer": "num_hidden_layers", "n_head": "num_attention_heads"}
    return {"hidden_size": keys["hidden_size"]} | {n: keys[own] for n, own in names.items()}


def falcon(draw):
    keys = plain(draw, bias=draw(SWITCH), alibi=draw(SWITCH), parallel_attn=draw(SWITCH))
    return keys | {"multi_query": draw(SWITCH), "ffn_hidden_size": keys["intermediate_size"]}


def new_falcon(draw):
    keys = kin(draw, new_decoder_architecture=True, bias=draw(SWITCH))
    keys["num_ln_in_parallel_attn"] = draw(st.sampled_from([None, 1, 2]))
    return keys | {"num_kv_heads": keys.pop("num_key_value_heads")}


def opt(draw):
    keys = plain(draw, word_embed_proj_dim=draw(st.sampled_from([None, 6])))
    keys["ffn_dim"] = keys.pop("intermediate_size")
    names = ("do_layer_norm_before", "enable_bias", "layer_norm_elementwise_affine")
    return keys | {name: draw(SWITCH) for name in names}


def phi(draw):
    keys = kin(draw, qk_layernorm=draw(SWITCH))
    keys["hidden_size"] = 4 * draw(st.integers(1, 2)) * keys["num_attention_heads"]
    return keys


def phi3(draw):
    return phi(draw) | {"sliding_window": draw(st.sampled_from([None, WINDOW]))}


def stablelm(draw):
    rope = {"rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": 0.5}
    names = ("use_qkv_bias", "qk_layernorm", "use_parallel_residual")
    return phi(draw) | {name: draw(SWITCH) for name in names} | {"rope_parameters": rope}


def llama(draw):
    biases = {name: draw(SWITCH) for name in ("attention_bias", "mlp_bias")}
    return kin(draw, rope_parameters=ropes(draw), **own_width(draw), **biases)


def gemma2(draw):
    cap = st.sampled_from([None, 5.0])
    caps = {"final_logit_softcapping": draw(cap), "attn_logit_softcapping": draw(cap)}
    scale = {"query_pre_attn_scalar": draw(st.integers(1, 20))}
    return kin(draw, sliding_window=WINDOW, **caps, **scale, **own_width(draw))


def gemma3(draw):
    types = {"layer_types": ["full_attention", "sliding_attention", "full_attention"]}
    cap = {"final_logit_softcapping": draw(st.sampled_from([None, 5.0]))}
    keys = kin(draw, sliding_window=WINDOW, **own_width(draw), **cap)
    return keys | {"layer_types": types["layer_types"][: keys["num_hidden_layers"]]}


def granite(draw):
    names = ("embedding_multiplier", "residual_multiplier", "logits_scaling")
    return kin(draw, **{name: draw(st.floats(0.5, 4)) for name in names})


def mixtral(draw):
    experts = {"num_local_experts": draw(st.integers(2, 3)), "num_experts_per_tok": 2}
    return kin(draw, **own_width(draw)) | experts


def smollm3(draw):
    keys = kin(draw, use_sliding_window=draw(SWITCH), sliding_window=WINDOW)
    return keys | {"no_rope_layers": [0, 1, 0][: keys["num_hidden_layers"]]}


# by the names of transformers' classes, without what these end in
CASES = {
    "GPT2": gpt2,
    "GPTNeo": gpt_neo,
    "GPTJ": lambda draw: gpt(draw, rotary_dim=draw(st.sampled_from([2, 4]))),
    "GPTNeoX": neox,
    "Bloom": bloom,
    "Falcon": falcon,
    "Falcon (new)": new_falcon,
    "OPT": opt,
    "Phi": phi,
    "Phi3": phi3,
    "StableLm": stablelm,
    "Llama": llama,
    "Mistral": lambda draw: kin(
        draw, sliding_window=draw(st.sampled_from([None, WINDOW])), **own_width(draw)
    ),
    "Mixtral": mixtral,
    "Qwen2": lambda draw: kin(draw, **turns(draw)),
    "Qwen3": lambda draw: kin(draw, attention_bias=draw(SWITCH), **turns(draw), **own_width(draw)),
    "SmolLM3": smollm3,
    "Granite": granite,
    "Olmo2": lambda draw: kin(draw, attention_bias=draw(SWITCH)),
    "Gemma": lambda draw: kin(draw, **own_width(draw)),
    "Gemma2": gemma2,
    "Gemma3": gemma3,
}
FAMILIES = sorted(CASES)


@st.composite
def models(draw, family):
    """A model of a family, in float32 or in bfloat16, its head the embedding or not."""
    name = family.split()[0]
    config = getattr(transformers, "Gemma3TextConfig" if name == "Gemma3" else f"{name}Config")
    ending = "LMHeadModel" if name == "GPT2" else "ForCausalLM"
    keys = CASES[family](draw) | SIZES | {"tie_word_embeddings": draw(SWITCH)}
    model = getattr(transformers, f"{name}{ending}")(config(**keys))
    if name == "Mixtral":
        model.set_experts_implementation("eager")  # the other one wants certain widths
    return model.to(draw(st.sampled_from([torch.float32, torch.bfloat16])))


def eager(source):
    """transformers' model of a folder in float32, with attention kernels that give weights."""
    return transformers.AutoModelForCausalLM.from_pretrained(
        source, dtype=torch.float32, attn_implementation="eager", experts_implementation="eager"
    ).eval()


def by_hand(model, matrix, block):
    """The layer that holds a matrix of a block, and where in its flat weight the matrix is.

    The places are [heads, head width, inputs]; for W_O, [heads, outputs, head width].
    """
    config, kind = model.config, model.config.model_type
    base = model.base_model
    blocks = base.h if hasattr(base, "h") else getattr(base, "decoder", base).layers
    names = {"attn", "self_attn", "attention", "self_attention"}
    at = next(m for n, m in blocks[block].named_children() if n in names)
    at = getattr(at, "attention", at)
    heads = config.num_attention_heads
    width = config.hidden_size // heads
    shared = getattr(config, "num_key_value_heads", None) or heads
    number = "qkv".find(matrix)
    names = ("o_proj", "out_proj", "dense", "c_proj") if matrix == "o" else (f"{matrix}_proj",)
    for name in (*names, "c_attn", "qkv_proj", "query_key_value"):
        if hasattr(at, name):
            layer = getattr(at, name)
            break
    places = torch.arange(layer.weight.numel()).view(layer.weight.shape)
    if kind == "gpt2":
        places = places.T
    if matrix == "o":
        return layer, places.unflatten(1, (heads, -1)).transpose(0, 1)
    if name == "c_attn":
        return layer, places.chunk(3)[number].unflatten(0, (heads, width))
    if name == "qkv_proj":
        return layer, places.unflatten(0, (-1, width)).split((heads, shared, shared))[number]
    if name == "query_key_value":
        groups = heads
        if kind == "falcon" and config.new_decoder_architecture:
            groups = config.num_kv_heads
        elif kind == "falcon" and config.multi_query:
            groups = 1
        of_group = places.unflatten(0, (groups, -1, width))
        queries = of_group.shape[1] - 2
        parts = of_group.split((queries, 1, 1), 1)
        return layer, parts[number].flatten(0, 1)
    return layer, places.unflatten(0, (heads if matrix == "q" else shared, -1))


def put_by_hand(model, noise, matrix, block, heads=None):
    """Put the noise of some heads into a model, weight and bias, as its own layers have them."""
    layer, places = by_hand(model, matrix, block)
    turned = model.config.model_type == "gpt2"  # its layers store [inputs, outputs]
    drawn = torch.from_numpy(noise[f"{block}.weight"])
    drawn = drawn.T if turned else drawn
    axis = 1 if matrix == "o" else 0
    drawn = drawn.unflatten(axis, (len(places), -1))
    drawn = drawn.transpose(0, 1) if matrix == "o" else drawn
    chosen = list(range(len(places)) if heads is None else heads)
    with torch.no_grad():
        layer.weight.view(-1)[places[chosen]] = drawn[chosen]
        if layer.bias is None:
            return
        bias = torch.from_numpy(noise[f"{block}.bias"])
        if matrix == "o":
            layer.bias.copy_(bias)
            return
        rows = places[..., 0] if turned else places[..., 0] // layer.weight.shape[1]
        layer.bias[rows[chosen]] = bias.view(rows.shape)[chosen]


def mlp_by_hand(model, block):
    """The matrices of a block's MLP: the layer of each, and which of the layer's outputs it is."""
    base = model.base_model
    blocks = base.h if hasattr(base, "h") else getattr(base, "decoder", base).layers
    own = getattr(blocks[block], "mlp", blocks[block])
    if hasattr(own, "gate_up_proj"):
        rows = torch.arange(own.gate_up_proj.out_features).chunk(2)
        found = {"mlp_in.gate": (own.gate_up_proj, rows[0])}
        found |= {"mlp_in.up": (own.gate_up_proj, rows[1])}
        return found | {"mlp_out": (own.down_proj, slice(None))}
    names = {"mlp_in.gate": "gate_proj", "mlp_in.up": "up_proj", "mlp_out": "down_proj"}
    if not hasattr(own, "gate_proj"):
        first = next(n for n in ("c_fc", "fc_in", "fc1", "dense_h_to_4h") if hasattr(own, n))
        last = next(n for n in ("c_proj", "fc_out", "fc2", "dense_4h_to_h") if hasattr(own, n))
        names = {"mlp_in": first, "mlp_out": last}
    return {matrix: (getattr(own, name), slice(None)) for matrix, name in names.items()}


def put_mlp_by_hand(model, noise, block, bias=False):
    """Put the noise of the MLP, or of a part of it, into a model; that of its biases, too."""
    turned = model.config.model_type == "gpt2"  # its layers store [inputs, outputs]
    with torch.no_grad():
        for matrix, (layer, rows) in mlp_by_hand(model, block).items():
            drawn = noise.get(f"{block}.{matrix}.weight")
            if drawn is not None:
                weight = layer.weight.T if turned else layer.weight
                weight[rows] = torch.from_numpy(drawn.T if turned else drawn)
            if drawn is not None and bias and layer.bias is not None:
                layer.bias[rows] = torch.from_numpy(noise[f"{block}.{matrix}.bias"])


@contextmanager
def watched(model):
    """While it is on, the queries, keys and values of every block, each [batch, heads, ...].

    They are taken where attention takes them, after norms and rotary positions. Olmo 2 has norms of
    all heads together, so there they are taken before.
    """
    seen, hooks = [], []
    attentions = [by_hand(model, "o", n)[0] for n in range(model.config.num_hidden_layers)]
    modules = dict(model.named_modules())
    owners = [modules[n.rpartition(".")[0]] for n, m in modules.items() if m in attentions]
    kind = model.config.model_type
    if kind in ("gpt_neo", "gptj"):
        for at in owners:
            at._attn = _recording(at._attn, seen, lambda inputs, _: inputs[:3])
    elif kind in ("bloom", "falcon"):
        for at in owners:
            name = "_reshape" if kind == "bloom" else "_split_heads"
            setattr(at, name, _recording(getattr(at, name), seen, lambda _, output: output))
    elif kind == "olmo2":
        for at in owners:
            parts = [getattr(at, f"{matrix}_proj") for matrix in "qkv"]
            hooks += [p.register_forward_hook(lambda _, i, o: seen.append(o)) for p in parts]
    else:
        model.set_attn_implementation("watched")
    WATCHING.append(seen)
    try:
        yield lambda: _in_heads(seen, model)
    finally:
        WATCHING.pop()
        for hook in hooks:
            hook.remove()
        for at in owners:
            for name in ("_attn", "_reshape", "_split_heads"):
                at.__dict__.pop(name, None)
        if model.config._attn_implementation == "watched":
            model.set_attn_implementation("sdpa")


WATCHING = []


def _watched(module, query, key, value, mask, **settings):
    WATCHING[-1].append((query.clone(), key.clone(), value.clone()))
    return sdpa_attention_forward(module, query, key, value, mask, **settings)


ALL_ATTENTION_FUNCTIONS.register("watched", _watched)
ALL_MASK_ATTENTION_FUNCTIONS.register("watched", sdpa_mask)


def _recording(function, seen, chosen):
    def call(*inputs, **settings):
        output = function(*inputs, **settings)
        seen.append(tuple(part.clone() for part in chosen(inputs, output)))
        return output

    return call


def _in_heads(seen, model):
    """For each block, by matrix, what was seen, one head after the other."""
    kind = model.config.model_type
    if kind == "olmo2":
        size = model.config.hidden_size // model.config.num_attention_heads
        triples = [seen[n : n + 3] for n in range(0, len(seen), 3)]
        triples = [[p.unflatten(-1, (-1, size)).transpose(1, 2) for p in t] for t in triples]
    else:
        triples = seen
    if kind == "falcon":  # [batch, tokens, heads, width]; keys and values once for each query
        triples = [[part.transpose(1, 2) for part in triple] for triple in triples]
        shared = model.config.num_kv_heads if model.config.new_decoder_architecture else None
        if shared:
            step = model.config.num_attention_heads // shared
            triples = [[q, k[:, ::step], v[:, ::step]] for q, k, v in triples]
    return [dict(zip("qkv", triple, strict=True)) for triple in triples]
