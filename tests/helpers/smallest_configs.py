"""A config.json of every family, as small as it may be."""

from needq.backup.families import FAMILIES

# a value for every key that some family cannot do without
SMALL = {
    "vocab_size": 257,
    **dict.fromkeys(["n_positions", "max_position_embeddings"], 64),
    **dict.fromkeys(["n_embd", "hidden_size"], 384),
    **dict.fromkeys(["n_head", "num_heads", "num_attention_heads"], 2),
    **dict.fromkeys(["n_layer", "num_hidden_layers"], 4),
    "num_layers": 24,  # as many as the attention_types that GPT-Neo has by default
    **dict.fromkeys(["intermediate_size", "ffn_dim"], 32),
    "num_key_value_heads": 2,
    "num_kv_heads": 2,
}


def smallest(name):
    """A config.json of a family that names what it has to."""
    family = FAMILIES[name]
    needed = {k for k, f in family.keys.model_fields.items() if f.is_required()}
    sizes = {key: SMALL[key] for key in sorted(needed - {"rope_parameters"})}
    return {"architectures": [name], "model_type": family.model_type} | sizes
