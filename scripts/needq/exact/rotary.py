"""Rotary positions (Su et al. 2021) of every kind whose angles a position alone decides."""

from math import ceil, floor, pi
from typing import NamedTuple

import numpy
import torch
from torch import Tensor

from needq.common.files import ModelConfig
from needq.exact.arithmetic import divide
from needq.exact.elementary import ANGLE_LIMIT, cos, exp, log, sin


class Frequencies(NamedTuple):
    """By how much each pair of dimensions turns per position, and by which factor it grows."""

    turns: Tensor  # [pairs], in radians
    factor: float = 1.0

    def most_positions(self) -> int:
        """How many positions there are with angles for which sin and cos are exact."""
        return int(ANGLE_LIMIT / max(1.0, float(self.turns.max())))


class Rotary:
    """cos and sin [context, pairs] of position * frequency, for the first 2 pairs of each head."""

    def __init__(self, frequencies: Frequencies, context: int, device: torch.device) -> None:
        angles = torch.arange(context, dtype=torch.float64)[:, None] * frequencies.turns
        tables = (cos(angles), sin(angles))
        if frequencies.factor != 1.0:
            tables = (tables[0] * frequencies.factor, tables[1] * frequencies.factor)
        self.cosine, self.sine = (table.to(device) for table in tables)

    def turn(self, x: Tensor, positions: Tensor) -> Tensor:
        """x [batch, heads, tokens, size] turned by its positions [batch, tokens]."""
        cosine, sine = self.cosine[positions].unsqueeze(1), self.sine[positions].unsqueeze(1)
        turned, rest = x.tensor_split([2 * cosine.shape[-1]], -1)
        turned = rotate(turned, cosine, sine)
        return torch.cat((turned, rest), -1) if rest.shape[-1] else turned


def rotate(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Dimension i of a head is paired with i + size / 2, as transformers does."""
    first, second = x.chunk(2, -1)
    return torch.cat((first * cosine - second * sine, second * cosine + first * sine), -1)


def frequencies_of(rope: ModelConfig, size: int, context: int) -> Frequencies:
    """theta^(-2i / size), changed as the kind of positions in a checked config.json says.

    The kind `dynamic` changes nothing within the model's context.
    """
    size = int(size * rope.get("partial_rotary_factor", 1.0))
    base = torch.tensor([rope.get("rope_theta", 10000.0)], dtype=torch.float64)
    exponents = divide(torch.arange(0, size, 2, dtype=torch.float64), size)
    plain = exp(-exponents * log(base))
    kind = rope.get("rope_type", "default")
    if kind == "linear":
        return Frequencies(divide(plain, rope["factor"]))
    if kind == "llama3":
        return Frequencies(_llama3(plain, rope, context))
    return _yarn(plain, rope, context) if kind == "yarn" else Frequencies(plain)


def _llama3(plain: Tensor, rope: ModelConfig, context: int) -> Tensor:
    """Waves longer than the first context are stretched, short ones kept, others blended."""
    first = rope.get("original_max_position_embeddings", context)
    low, high, factor = (rope[k] for k in ("low_freq_factor", "high_freq_factor", "factor"))
    turns = divide(plain * first, 2 * pi)  # in the first context
    stretched = divide(plain, factor)
    share = divide(turns - low, high - low)
    blended = (1.0 - share) * stretched + share * plain
    outer = torch.where(turns < low, stretched, plain)
    return torch.where((turns >= low) & (turns <= high), blended, outer)


def _yarn(plain: Tensor, rope: ModelConfig, context: int) -> Frequencies:
    """YaRN (Peng et al. 2023): fast pairs are kept, slow ones stretched, others blended."""
    pairs, first = len(plain), rope.get("original_max_position_embeddings", context)

    def pair(turns: float) -> float:
        """Which pair, as a fraction, turns so often in the first context."""
        return 2 * pairs * _log(first / (turns * 2 * pi)) / (2 * _log(rope["rope_theta"]))

    low, high = pair(rope.get("beta_fast", 32)), pair(rope.get("beta_slow", 1))
    if rope.get("truncate", True):
        low, high = floor(low), ceil(high)
    low, high = max(low, 0), min(high, 2 * pairs - 1)
    span = high - low if high != low else 0.001
    ramp = divide(torch.arange(pairs, dtype=torch.float64) - low, span).clamp(0.0, 1.0)
    blended = divide(plain, rope["factor"]) * ramp + plain * (1.0 - ramp)
    return Frequencies(blended, _yarn_factor(rope))


def _yarn_factor(rope: ModelConfig) -> float:
    """By which queries and keys grow, since more tokens make attention flatter."""
    if "attention_factor" in rope:
        return float(rope["attention_factor"])
    growth = 0.1 * _log(rope["factor"]) if rope["factor"] > 1 else 0.0
    if "mscale" in rope and "mscale_all_dim" in rope:
        return (growth * rope["mscale"] + 1.0) / (growth * rope["mscale_all_dim"] + 1.0)
    return growth + 1.0


def _log(x: float) -> float:
    """The logarithm of a number, with the same bits on every machine."""
    return float(log(numpy.array(float(x))))
