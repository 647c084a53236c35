"""What tests share: small models of both architectures, saved as anybody's would be."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from needq.backup.architectures import Adapter, adapter
from needq.backup.model import back_up
from needq.common.files import read_json
from needq.corrupt.methods import noise_tensors
from needq.corrupt.patches import patches
from needq.plan.interventions import noise_name, sweep_interventions
from safetensors.numpy import load_file
from small import BLOCKS, ROOT, config_of
from sweeps import SWEEP

END = 256  # the id of <|endoftext|>; ids below are bytes
SIZES = {"vocab_size": 257, "bos_token_id": END, "eos_token_id": END, "pad_token_id": END}


@dataclass(frozen=True)
class Model:
    """A model's folder as save_pretrained leaves it, and its backup."""

    source: Path
    backup: Path
    adapter: Adapter
    manifest: dict[str, Any]
    tensors: dict[str, np.ndarray]

    def load(self, precision="float32", kernels="sdpa"):
        """transformers' model of the backup; NativeModel(it) is what needq computes with."""
        from needq.inference.native import load_transformers

        backend = {"device": "cpu", "precision": precision, "kernels": kernels}
        return load_transformers(self.backup, backend)


def backed_up(source, target):
    back_up(config_of(source), target)
    return Model(
        source,
        target,
        adapter(read_json(target / "config.json")),
        read_json(target / "manifest.json"),
        load_file(target / "model.safetensors"),
    )


def save_small(model, folder):
    """Give a model weights that make it choose, and save it with a byte-level tokenizer."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(0.3 * noise + (0.02 if parameter.dim() > 1 else 0.5))
    model.save_pretrained(folder)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|endoftext|>"])
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<|endoftext|>", eos_token="<|endoftext|>"
    ).save_pretrained(folder)


@pytest.fixture(scope="session")
def gpt2(tmp_path_factory):
    """GPT2LMHeadModel: 4 blocks, width 24, 3 heads."""
    from transformers import GPT2Config, GPT2LMHeadModel

    folder = tmp_path_factory.mktemp("gpt2")
    sizes = GPT2Config(n_positions=64, n_embd=24, n_layer=BLOCKS, n_head=3, **SIZES)
    save_small(GPT2LMHeadModel(sizes), folder / "source")
    return backed_up(folder / "source", folder / "backup")


@pytest.fixture(scope="session")
def llama(tmp_path_factory):
    """LlamaForCausalLM: 4 blocks, width 24, 6 heads of width 4 that share 2 of keys and values."""
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("llama")
    sizes = LlamaConfig(
        hidden_size=24,
        intermediate_size=32,
        num_hidden_layers=BLOCKS,
        num_attention_heads=6,
        num_key_value_heads=2,
        max_position_embeddings=64,
        **SIZES,
    )
    save_small(LlamaForCausalLM(sizes), folder / "source")
    return backed_up(folder / "source", folder / "backup")


@pytest.fixture(scope="session")
def pocket(tmp_path_factory):
    """The bundled model."""
    return backed_up(ROOT / "resources/pocket-gpt2", tmp_path_factory.mktemp("pocket") / "backup")


@pytest.fixture(params=["gpt2", "llama"])
def small(request):
    """Each of the two small models."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def corrupted():
    """A function that makes the recipes of a sweep over a model, and the noise they draw on."""

    def make(model, noise_seeds=(0,), **changes):
        sweep = SWEEP | changes
        members = sweep_interventions("test", sweep, model.adapter.blocks, noise_seeds)
        matrix, method = sweep["matrix"], sweep["method"]
        noise = {
            noise_name(matrix, method, seed): noise_tensors(
                model.tensors, model.adapter, matrix, method, seed
            )
            for seed in noise_seeds
        }
        return patches(members, model.adapter, model.tensors, noise), noise

    return make


@pytest.fixture
def setting(small, corrupted):
    """A model in float64, its patcher, and recipes: pristine, then one to four blocks."""
    from needq.inference.native import NativeModel
    from needq.inference.patcher import Patcher

    recipes, noise = corrupted(small)
    model = NativeModel(small.load("float64"))
    return model, Patcher(model, small.backup / "model.safetensors", noise), recipes
