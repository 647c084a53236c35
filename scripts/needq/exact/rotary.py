"""Rotary positions (Su et al. 2021) of the kinds that a position alone decides."""

from math import pi

import torch
from torch import Tensor

from needq.common.files import ModelConfig
from needq.exact.arithmetic import divide
from needq.exact.elementary import ANGLE_LIMIT, cos, exp, log, sin


class Rotary:
    """cos and sin [context, pairs] of position * frequency, for the first 2 pairs of each head."""

    def __init__(self, frequencies: Tensor, context: int, device: torch.device) -> None:
        angles = torch.arange(context, dtype=torch.float64)[:, None] * frequencies
        self.cosine, self.sine = cos(angles).to(device), sin(angles).to(device)

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


def most_positions(frequencies: Tensor) -> int:
    """How many positions there are with angles for which sin and cos are exact."""
    return int(ANGLE_LIMIT / max(1.0, float(frequencies.max())))


def frequencies_of(rope: ModelConfig, size: int, context: int) -> Tensor:
    """theta^(-2i / size), changed as the kind of positions in a checked config.json says.

    The kind `dynamic` changes nothing within the model's context.
    """
    size = int(size * rope.get("partial_rotary_factor", 1.0))
    base = torch.tensor([rope.get("rope_theta", 10000.0)], dtype=torch.float64)
    exponents = divide(torch.arange(0, size, 2, dtype=torch.float64), size)
    plain = exp(-exponents * log(base))
    kind = rope.get("rope_type", "default")
    if kind == "linear":
        return divide(plain, rope["factor"])
    return _llama3(plain, rope, context) if kind == "llama3" else plain


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
