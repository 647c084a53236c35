"""Llama (Touvron et al. 2023) and its kin in exact arithmetic.

RMSNorm, rotary positions, grouped queries; what a kin has besides is read from its config.json and
its tensors: biases, windows, norms of queries and keys, and factors.
"""

from collections.abc import Mapping
from math import sqrt
from typing import ClassVar

import torch
from torch import Tensor

from needq.common.files import ModelConfig
from needq.exact.arithmetic import Rounded, Split, divide, right_bits, rounded
from needq.exact.attention import KeysValues
from needq.exact.layers import (
    ACTIVATIONS,
    Place,
    by_rows,
    capped,
    linear,
    rms_norm,
    split_rows,
)
from needq.exact.model import ExactModel
from needq.exact.rotary import Frequencies, Rotary, frequencies_of

ACTIVATION_KEYS = ("hidden_act", "hidden_activation", "activation_function")
BUFFERS = (".rotary_emb.inv_freq",)  # recomputed here


class ExactLlama(ExactModel):
    """Llama with a language model head, from the tensors of a Hugging Face checkpoint."""

    layers: ClassVar[str] = "model.layers."
    embedding: ClassVar[str] = "model.embed_tokens.weight"
    last_norm: ClassVar[str] = "model.norm"
    untied_head: ClassVar[str] = "lm_head.weight"
    output: ClassVar[str] = "self_attn.o_proj"
    # norms of a block; None where there is none
    before_attention: ClassVar[str | None] = "input_layernorm"
    after_attention: ClassVar[str | None] = None
    before_mlp: str | None = "post_attention_layernorm"
    after_mlp: ClassVar[str | None] = None
    normed: str = ""  # "qk" if queries and keys have norms of their own
    head_norm: ClassVar[str] = "norm"  # what their names end with

    def __init__(
        self,
        config: ModelConfig,
        tensors: Mapping[str, Tensor],
        device: torch.device | str = "cpu",
    ) -> None:
        self.heads = config["num_attention_heads"]
        self.key_heads = config.get("num_key_value_heads", self.heads)
        self.size = config.get("head_dim") or config["hidden_size"] // self.heads
        self.epsilon = config.get("rms_norm_eps", config.get("layer_norm_eps", 1e-5))
        self.activation = ACTIVATIONS[next(config[key] for key in ACTIVATION_KEYS if key in config)]
        self.parallel = config.get("use_parallel_residual", self.parallel)
        if config.get("qk_layernorm"):
            self.normed = "qk"
        # Granite's factors, and what Gemma has in place of the head's size
        self.divisor = sqrt(config.get("query_pre_attn_scalar", self.size))
        if "attention_multiplier" in config:
            self.divisor = 1 / config["attention_multiplier"]
        self.embedding_factor = config.get("embedding_multiplier", 1.0)
        self.residual_factor = config.get("residual_multiplier", 1.0)
        self.logits_divisor = config.get("logits_scaling", 1.0)
        # Gemma's caps
        self.cap = config.get("attn_logit_softcapping")
        self.last_cap = config.get("final_logit_softcapping")
        self.head_name = self.untied_head if self.untied_head in tensors else self.embedding
        frequencies = self._frequencies(config)
        limits = [own.most_positions() for own in frequencies.values()]
        context = min([config["max_position_embeddings"], *limits])
        kept = {name: t for name, t in tensors.items() if not name.endswith(BUFFERS)}
        super().__init__(kept, config["num_hidden_layers"], context, device)
        self.windows = windows(config)
        tables = {kind: Rotary(f, context, self.device) for kind, f in frequencies.items()}
        types = layer_types(config) if len(tables) > 1 else [*tables, ""][:1] * self.n_blocks
        self.rotary = [
            tables.get(kind) if turned else None
            for kind, turned in zip(types, turned_blocks(config), strict=True)
        ]

    def _frequencies(self, config: ModelConfig) -> dict[str, Frequencies]:
        """The frequencies of rotary positions, by the type of blocks if types have their own."""
        rope, context = config["rope_parameters"], config["max_position_embeddings"]
        if "full_attention" not in rope:
            rope = {"every": rope}
        return {kind: frequencies_of(own, self.size, context) for kind, own in rope.items()}

    def output_axis(self, module: str) -> int:
        """The axis of a module's weight, as model.safetensors has it, that its outputs are on."""
        return 0

    def _prepare(self, name: str, weight: Tensor) -> dict[str, Tensor | Rounded]:
        """What is kept for a weight; matrices, [out, in], become [in, out] quantised by column."""
        if weight.dim() == 1:
            return {name: weight}
        matrix = rounded(weight.T, right_bits(weight.shape[1]), 0)
        kept: dict[str, Tensor | Rounded] = {}
        if name == self.head_name:  # often the embedding too
            kept["head"] = matrix
        kept[name] = weight if name == self.embedding else matrix
        return kept

    def _rows(self, block: int, name: str, rows: Split, place: Place) -> Tensor:
        """The outputs of a linear layer of a block, with its bias if it has one."""
        module = f"{self.layers}{block}.{name}"
        return self._linear(module, rows, place, self.bias(module))

    def _normal(self, name: str, rows: Tensor) -> Tensor:
        """Rows after the norm of that name."""
        return rms_norm(rows, self.weight(f"{name}.weight"), self.epsilon)

    def _norm(self, block: int, name: str | None, rows: Tensor) -> Tensor:
        """Rows after a norm of a block, if it has that one."""
        return rows if name is None else self._normal(f"{self.layers}{block}.{name}", rows)

    def _embed(self, ids: Tensor, positions: Tensor) -> Tensor:
        return scaled(self.weight(self.embedding)[ids], self.embedding_factor)

    def _projected(self, block: int, rows: Split, place: Place) -> Tensor:
        """The queries, the keys and the values of all heads of a block, side by side."""
        return torch.cat(
            [
                self._norm_heads(block, m, self._rows(block, f"self_attn.{m}_proj", rows, place))
                for m in "qkv"
            ],
            -1,
        )

    def _norm_heads(self, block: int, matrix: str, rows: Tensor) -> Tensor:
        """Queries or keys after their norm, which is of as many outputs as it has weights."""
        if matrix not in self.normed:
            return rows
        name = f"{self.layers}{block}.self_attn.{matrix}_{self.head_norm}"
        size = len(self.weight(f"{name}.weight"))
        return self._normal(name, rows.unflatten(-1, (-1, size))).flatten(-2)

    def _projections(self, block: int, x: Tensor, positions: Tensor) -> tuple[Tensor, KeysValues]:
        """The query, divided as its scores are to be, and the new keys and values."""

        def fused(rows: Tensor, place: Place) -> Tensor:
            normal = split_rows(self._norm(block, self.before_attention, rows))
            return self._projected(block, normal, place)

        heads = by_rows(fused, x).unflatten(-1, (-1, self.size)).transpose(1, 2)
        both, values = heads.split((self.heads + self.key_heads, self.key_heads), 1)
        rotary = self.rotary[block]
        both = both if rotary is None else rotary.turn(both, positions)
        query, keys = both.split((self.heads, self.key_heads), 1)
        return divide(query, self.divisor), self._keys_values(keys, values)

    def _output(self, block: int, rows: Tensor, place: Place) -> Tensor:
        added = self._rows(block, self.output, split_rows(rows), place)
        return scaled(self._norm(block, self.after_attention, added), self.residual_factor)

    def _mlp(self, block: int, rows: Tensor, place: Place) -> Tensor:
        normal = split_rows(self._norm(block, self.before_mlp, rows))
        added = self._hidden(block, normal, place)
        return scaled(self._norm(block, self.after_mlp, added), self.residual_factor)

    def _hidden(self, block: int, rows: Split, place: Place) -> Tensor:
        """The outputs of the MLP, by way of its hidden layer."""
        hidden = self.activation(self._rows(block, "mlp.gate_proj", rows, place))
        hidden.mul_(self._rows(block, "mlp.up_proj", rows, place))
        return self._rows(block, "mlp.down_proj", split_rows(hidden), place)

    def _last(self, rows: Tensor) -> Tensor:
        """What the head reads of the residual stream."""
        return self._normal(self.last_norm, rows)

    def _head(self, rows: Tensor) -> Tensor:
        last = split_rows(self._last(rows))
        logits = linear(last, self.weight("head"), self.bias("lm_head"))
        if self.logits_divisor != 1.0:
            logits = divide(logits, self.logits_divisor)
        return logits if self.last_cap is None else capped(logits, self.last_cap)


def scaled(x: Tensor, factor: float) -> Tensor:
    """x times a number, which is 1 for most families."""
    return x if factor == 1.0 else x * factor


def turned_blocks(config: ModelConfig) -> list[bool]:
    """Of each block, whether its rotary positions turn anything; those of SmolLM3 may not."""
    blocks = range(config["num_hidden_layers"])
    if "no_rope_layers" in config:
        return [bool(turned) for turned in config["no_rope_layers"]]
    interval = config.get("no_rope_layer_interval")
    return [interval is None or (block + 1) % interval != 0 for block in blocks]


def layer_types(config: ModelConfig) -> list[str]:
    """Of each block, whether it sees everything or a window, as transformers decides it."""
    if "layer_types" in config:
        return list(config["layer_types"])
    blocks = range(config["num_hidden_layers"])
    if "max_window_layers" in config:  # Qwen
        windowed = [block >= config["max_window_layers"] for block in blocks]
    elif "no_rope_layer_interval" in config:  # SmolLM3
        windowed = [not turned for turned in turned_blocks(config)]
    elif "query_pre_attn_scalar" in config:  # Gemma 2 and 3
        pattern = config.get("sliding_window_pattern", 2)
        windowed = [(block + 1) % pattern != 0 for block in blocks]
    else:
        windowed = [True for _ in blocks]
    return ["sliding_attention" if of_block else "full_attention" for of_block in windowed]


def windows(config: ModelConfig) -> list[int | None]:
    """How many tokens each block sees, None where it sees all."""
    window = config.get("sliding_window")
    if not config.get("use_sliding_window", True):
        window = None
    return [window if kind == "sliding_attention" else None for kind in layer_types(config)]
