"""The formats of numbers that a computation meets."""

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class Formats(TorchDispatchMode):
    """The floating-point formats of the results of all operations."""

    def __init__(self):
        super().__init__()
        self.seen = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        tensors = torch.utils._pytree.tree_leaves((args, kwargs, result))
        tensors = [t for t in tensors if isinstance(t, torch.Tensor)]
        self.seen |= {t.dtype for t in tensors if t.is_floating_point()}
        return result
