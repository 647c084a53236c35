"""The families of models that are known, by the name under `architectures` in config.json."""

from typing import NamedTuple

from needq.backup import family_fused as fused
from needq.backup import family_gemma as gemma
from needq.backup import family_gpt as gpt
from needq.backup import family_llama as llama
from needq.backup import family_opt as opt
from needq.backup import family_phi as phi
from needq.backup.keys import Keys
from needq.backup.layout import Architecture


class Family(NamedTuple):
    """A family: its model_type, the keys that it computes with, and its layout."""

    model_type: str
    keys: type[Keys]
    architecture: type[Architecture]


FAMILIES = {
    "GPT2LMHeadModel": Family("gpt2", gpt.GPT2Keys, gpt.GPT2),
    "GPTNeoForCausalLM": Family("gpt_neo", gpt.GPTNeoKeys, gpt.GPTNeo),
    "GPTJForCausalLM": Family("gptj", gpt.GPTJKeys, gpt.GPTJ),
    "GPTNeoXForCausalLM": Family("gpt_neox", fused.GPTNeoXKeys, fused.GPTNeoX),
    "BloomForCausalLM": Family("bloom", fused.BloomKeys, fused.Bloom),
    "FalconForCausalLM": Family("falcon", fused.FalconKeys, fused.Falcon),
    "OPTForCausalLM": Family("opt", opt.OPTKeys, opt.OPT),
    "LlamaForCausalLM": Family("llama", llama.LlamaKeys, llama.Llama),
    "MistralForCausalLM": Family("mistral", llama.MistralKeys, llama.Llama),
    "MixtralForCausalLM": Family("mixtral", llama.MixtralKeys, llama.Mixtral),
    "Qwen2ForCausalLM": Family("qwen2", llama.Qwen2Keys, llama.Qwen2),
    "Qwen3ForCausalLM": Family("qwen3", llama.Qwen3Keys, llama.Qwen3),
    "SmolLM3ForCausalLM": Family("smollm3", llama.SmolLM3Keys, llama.Llama),
    "GraniteForCausalLM": Family("granite", llama.GraniteKeys, llama.Llama),
    "Olmo2ForCausalLM": Family("olmo2", llama.Olmo2Keys, llama.Olmo2),
    "GemmaForCausalLM": Family("gemma", gemma.GemmaKeys, llama.Llama),
    "Gemma2ForCausalLM": Family("gemma2", gemma.Gemma2Keys, gemma.Gemma2),
    "Gemma3ForCausalLM": Family("gemma3_text", gemma.Gemma3Keys, gemma.Gemma3),
    "PhiForCausalLM": Family("phi", phi.PhiKeys, phi.Phi),
    "Phi3ForCausalLM": Family("phi3", phi.Phi3Keys, phi.Phi3),
    "StableLmForCausalLM": Family("stablelm", phi.StableLMKeys, phi.StableLM),
}
