"""What stands in for parts of a model of transformers, and where."""

from typing import Any

from torch import Tensor
from torch.nn import Module
from transformers.activations import NewGELUActivation


class Given(Module):
    """A block whose output is known already."""

    def __init__(self, output: Any) -> None:
        super().__init__()
        self.output = output

    def forward(self, *inputs: Any, **settings: Any) -> Any:
        """The output, whatever the inputs."""
        return self.output


class Hidden:
    """What a model's head asks of all that is before it: the hidden states, and nothing else."""

    def __init__(self, last_hidden_state: Tensor) -> None:
        self.last_hidden_state = last_hidden_state

    def __getitem__(self, index: int) -> Tensor:
        return (self.last_hidden_state,)[index]

    def __getattr__(self, name: str) -> None:
        return None


def tanh_gelus(model: Module) -> list[tuple[Module, str, Module]]:
    """Each module that computes the tanh form of GELU: what it is in, by which name, and itself."""
    return [
        (module, name, child)
        for module in model.modules()
        for name, child in module.named_children()
        if isinstance(child, NewGELUActivation)
    ]
