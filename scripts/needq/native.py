"""Native arithmetic: transformers' own models in a floating-point format, on their own kernels."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
import transformers
from torch import Tensor
from transformers import AutoModelForCausalLM, DynamicCache, PreTrainedModel

# TF32 is float32 whose products CUDA rounds to fewer bits
FORMATS = {"tf32": torch.float32} | {
    name: getattr(torch, name) for name in ("float64", "float32", "bfloat16", "float16")
}


class NativeCache(NamedTuple):
    """What earlier tokens leave for later ones."""

    past: DynamicCache
    real: Tensor  # [batch, tokens] bool: False for padding


class NativeModel:
    """A model of transformers, with the interface of needq.exact.model.ExactModel."""

    def __init__(self, model: PreTrainedModel) -> None:
        self.model = model
        self.device = model.device
        self._parameters = {name: p.detach() for name, p in model.named_parameters()}
        self._pristine: dict[str, Tensor] = {}

    @torch.inference_mode()
    def logits(
        self,
        ids: Tensor,
        cache: NativeCache | None = None,
        mask: Tensor | None = None,
        last: bool = False,
    ) -> tuple[Tensor, NativeCache]:
        """Logits of the next token after each of ids (or the `last` alone), and the new cache.

        ids: [batch, new] int64. mask: [batch, new] bool, False for padding, on whichever side;
        all True if None. Returns [batch, new or 1, vocabulary]. The given cache is used up.
        """
        ids = ids.to(self.device)
        real = torch.ones_like(ids, dtype=torch.bool) if mask is None else mask.to(self.device)
        past = DynamicCache(config=self.model.config)
        if cache is not None:
            past, real = cache.past, torch.cat((cache.real, real), 1)
        positions = (real.cumsum(1) - 1).clamp_min(0)[:, -ids.shape[1] :]
        found = self.model(
            input_ids=ids,
            attention_mask=real.long(),
            position_ids=positions,
            past_key_values=past,
            use_cache=True,
            logits_to_keep=int(last),
        )
        return found.logits, NativeCache(past, real)

    def replace(self, name: str, tensor: Tensor) -> None:
        """Use `tensor` in place of the weight of that name, until `restore`."""
        parameter = self._parameters[name]
        self._pristine.setdefault(name, parameter.clone())
        parameter.copy_(tensor)

    def restore(self) -> None:
        """Undo every `replace`, bit for bit."""
        for name, pristine in self._pristine.items():
            self._parameters[name].copy_(pristine)
        self._pristine.clear()


def load_transformers(backup: Path, backend: Mapping[str, Any]) -> PreTrainedModel:
    """The backed-up model in the backend's precision, on its device, for inference."""
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    model = AutoModelForCausalLM.from_pretrained(
        backup,
        dtype=FORMATS[backend["precision"]],
        attn_implementation=backend["kernels"],
        local_files_only=True,
        use_safetensors=True,
        trust_remote_code=False,
    )
    return model.to(backend["device"]).eval().requires_grad_(False)
