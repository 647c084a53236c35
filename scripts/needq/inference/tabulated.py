"""Activations in 16 bits, looked up: the format has 65,536 values, and so has a function of one.

The tables are made by transformers' own kernels, so no bit changes.
"""

import torch
from torch import Tensor
from torch.nn import Module

from needq.backup.model_classes import PreTrainedModel
from needq.inference.stand_ins import tanh_gelus


class Tabulated(Module):
    """A function of one value, by its results for all values of a 16-bit format."""

    def __init__(self, own: Module, table: Tensor) -> None:
        super().__init__()
        self.own, self.table = own, table

    def forward(self, x: Tensor) -> Tensor:
        """The function of each value of x, of any shape, on a CPU."""
        if x.requires_grad:  # a table has no gradient
            return self.own(x)
        places = x.flatten().view(torch.uint16).int()
        return self.table.index_select(0, places).view(x.shape)


def tabulate_gelu(model: PreTrainedModel) -> None:
    """Let a model in 16 bits on a CPU look the tanh form of GELU up, which takes eight passes.

    Without AVX2 or AVX-512, that takes up to 30 times as long as looking it up.
    """
    parameter = next(model.parameters())
    if parameter.itemsize != 2 or parameter.device.type != "cpu":
        return
    places = tanh_gelus(model)
    made = table(places[0][2], parameter.dtype) if places else None
    if made is not None:
        for module, name, own in places:
            setattr(module, name, Tabulated(own, made))


@torch.no_grad()
def table(function: Module, dtype: torch.dtype) -> Tensor | None:
    """The function of all values of a 16-bit format, by their bits [65536].

    None if it depends on where a value stands: kernels take values in groups if they lie side by
    side, and one by one if not.
    """
    values = torch.arange(1 << 16).to(torch.uint16).view(dtype)
    apart = torch.stack([values, values], 1)[:, 0]
    together, alone = function(values), function(apart)
    same = together.view(torch.int16) == alone.contiguous().view(torch.int16)
    return together if bool((same | together.isnan() & alone.isnan()).all()) else None
