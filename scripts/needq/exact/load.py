"""Which exact model computes which architecture."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from needq.common.files import ModelConfig
from needq.exact.gpt2 import ExactGPT2
from needq.exact.kin import ExactGemma, ExactGemma2, ExactGemma3, ExactOlmo2, ExactPhi3, ExactQwen3
from needq.exact.layer_normed import ExactGPTNeoX, ExactOPT, ExactPhi, ExactStableLM
from needq.exact.llama import ExactLlama
from needq.exact.model import ExactModel, UnsupportedModelError
from needq.exact.supported import lacking

Device = torch.device | str

KINDS: Mapping[str, Callable[[ModelConfig, Mapping[str, Tensor], Device], ExactModel]] = {
    "GPT2LMHeadModel": ExactGPT2,
    "LlamaForCausalLM": ExactLlama,
    "MistralForCausalLM": ExactLlama,
    "Qwen2ForCausalLM": ExactLlama,
    "Qwen3ForCausalLM": ExactQwen3,
    "SmolLM3ForCausalLM": ExactLlama,
    "GraniteForCausalLM": ExactLlama,
    "Olmo2ForCausalLM": ExactOlmo2,
    "GemmaForCausalLM": ExactGemma,
    "Gemma2ForCausalLM": ExactGemma2,
    "Gemma3ForCausalLM": ExactGemma3,
    "Phi3ForCausalLM": ExactPhi3,
    "PhiForCausalLM": ExactPhi,
    "StableLmForCausalLM": ExactStableLM,
    "GPTNeoXForCausalLM": ExactGPTNeoX,
    "OPTForCausalLM": ExactOPT,
}


def load_exact(
    config: ModelConfig, tensors: Mapping[str, Tensor], device: Device = "cpu"
) -> ExactModel:
    """The exact model of a checked config.json and the tensors of its model.safetensors."""
    missing = lacking(config)
    if missing:
        raise UnsupportedModelError(f"exact arithmetic does not have {missing}")
    return KINDS[config["architectures"][0]](config, tensors, device)
