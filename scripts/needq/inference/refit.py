"""Refitting: some parameters of a model are trained, and every other bit stays as it is."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.nn.functional import cross_entropy

from needq.backup.layout import Architecture
from needq.backup.parameter_sets import Index, query_parts, trained_parts
from needq.common.healing import RATES, Healing
from needq.inference.native import NativeModel
from needq.inference.padding import padded

BETAS = (0.9, 0.95)  # of AdamW, which has no weight decay here
LARGEST_GRADIENT = 1.0  # its norm over all parameters; a larger one is scaled down
WARM_UP = 10  # steps
NO_TARGET = -100  # torch's mark for a token that is not predicted


class Refit:
    """A training of some parameters of a model, step by step.

    `trained` and `frozen` map names of tensors to indices. What is trained are the values of
    `trained` that are not in `frozen`. The model computes in float32 on the CPU.
    """

    def __init__(
        self,
        model: NativeModel,
        trained: Mapping[str, Sequence[Index]],
        frozen: Mapping[str, Sequence[Index]],
        steps: int,
        learning_rate: float,
    ) -> None:
        self.model, self.steps, self.learning_rate = model, steps, learning_rate
        self.parameters: dict[str, Parameter] = {}
        self.masks: dict[str, Tensor] = {}  # of tensors that are trained in part: what is trained
        self.kept: dict[str, Tensor] = {}  # the values of these tensors that stay
        for name, parameter in model.model.named_parameters():
            mask = _mask(parameter, trained.get(name, ()), frozen.get(name, ()))
            parameter.requires_grad_(bool(mask.any()))
            if mask.any():
                self.parameters[name] = parameter
            if mask.any() and not mask.all():
                self.masks[name], self.kept[name] = mask, parameter.detach()[~mask].clone()
        self.optimizer = torch.optim.AdamW(
            self.parameters.values(), learning_rate, BETAS, weight_decay=0.0, foreach=False
        )

    def step(self, number: int, rows: Sequence[Sequence[int]]) -> float:
        """Train on some rows of token ids, as step `number` (from 0); the loss before it, in nats.

        The loss is the mean nll of all tokens of the rows but the first of each.
        """
        rate = learning_rate(number, self.steps, self.learning_rate)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        loss = mean_nll(self.model, rows)
        loss.backward()
        with torch.no_grad():
            for name, mask in self.masks.items():
                gradient = self.parameters[name].grad
                assert gradient is not None
                gradient.mul_(mask)
            torch.nn.utils.clip_grad_norm_(
                self.parameters.values(), LARGEST_GRADIENT, foreach=False
            )
            self.optimizer.step()
            for name, mask in self.masks.items():
                self.parameters[name][~mask] = self.kept[name]
        return float(loss.detach())

    def state(self) -> dict[str, Tensor]:
        """All that a later process needs to go on, as tensors: parameters and both moments."""
        found = {}
        for name, parameter in self.parameters.items():
            found[f"value/{name}"] = parameter.detach()
            for moment, values in self.optimizer.state[parameter].items():
                found[f"{moment}/{name}"] = values
        return found

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from the `state` of an earlier process."""
        moments = [key.partition("/")[0] for key in state]
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                parameter.copy_(state[f"value/{name}"])
                self.optimizer.state[parameter] = {
                    moment: state[f"{moment}/{name}"].clone()
                    for moment in dict.fromkeys(moments)
                    if moment != "value" and f"{moment}/{name}" in state
                }


def refit(
    model: NativeModel, architecture: Architecture, parameters: str, settings: Healing
) -> Refit:
    """The training of a named set of parameters (`backup.parameter_sets`); W_Q stays."""
    trained, frozen = trained_parts(architecture, parameters), query_parts(architecture)
    rate = settings.learning_rate or RATES[parameters]
    return Refit(model, trained, frozen, settings.steps, rate)


def learning_rate(number: int, steps: int, largest: float) -> float:
    """The learning rate of step `number` (from 0): it rises, then falls to 0 after the last."""
    return largest * min(1.0, (number + 1) / WARM_UP) * (1 - number / steps)


def mean_nll(model: NativeModel, rows: Sequence[Sequence[int]]) -> Tensor:
    """The mean nll (nats, with its gradient) of all tokens of the rows but the first of each."""
    ids, real = padded(rows)
    # nothing before the end of a row sees its padding, so no mask is needed
    logits = model.model(input_ids=ids[:, :-1], use_cache=False).logits
    targets = ids[:, 1:].masked_fill(~real[:, 1:], NO_TARGET)
    return cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=NO_TARGET)


def _mask(parameter: Tensor, trained: Sequence[Index], frozen: Sequence[Index]) -> Tensor:
    mask = torch.zeros(parameter.shape, dtype=torch.bool)
    for index in trained:
        mask[index] = True
    for index in frozen:
        mask[index] = False
    return mask
