"""With which attention kernels transformers computes a family."""

from collections.abc import Mapping

from needq.backup.layout import Architecture
from needq.common.backends import Backend
from needq.common.errors import UserError


def check_kernels(architecture: Architecture, backends: Mapping[str, Backend]) -> None:
    """UserError if backends ask for attention kernels that do not compute all of a model."""
    wrong = [
        name
        for name, backend in backends.items()
        if architecture.eager_only and backend.arithmetic == "native" and backend.kernels != "eager"
    ]
    if wrong:
        keys = ", ".join(f"{name}: {{kernels: eager}}" for name in wrong)
        raise UserError(
            f"model: transformers computes {architecture.name} with eager attention kernels alone; "
            f"set divergence.backends: {{{keys}}}"
        )
