"""Which exact model computes which architecture."""

from collections.abc import Mapping

import torch
from torch import Tensor

from needq.common.files import ModelConfig
from needq.exact.gpt2 import ExactGPT2
from needq.exact.llama import ExactLlama
from needq.exact.model import ExactModel, UnsupportedModelError

KINDS: dict[str, type[ExactModel]] = {
    "GPT2LMHeadModel": ExactGPT2,
    "LlamaForCausalLM": ExactLlama,
}


def load_exact(
    config: ModelConfig, tensors: Mapping[str, Tensor], device: torch.device | str = "cpu"
) -> ExactModel:
    """The exact model of a config.json and the tensors of its model.safetensors."""
    architecture = config["architectures"][0]
    if architecture not in KINDS:
        raise UnsupportedModelError(f"exact arithmetic has {', '.join(KINDS)}, not {architecture}")
    return KINDS[architecture].from_tensors(config, tensors, device)
