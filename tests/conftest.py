"""What tests share: small models of both architectures, saved as anybody's would be."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fake_run
import numpy as np
import process_state
import pytest
from needq.backup.architectures import find_architecture
from needq.backup.layout import Architecture
from needq.backup.model import back_up
from needq.common.backends import Backend
from needq.common.files import read_json
from needq.common.keys import noise_parts
from needq.corrupt.methods import noise_tensors
from needq.corrupt.patches import make_patches
from needq.plan.interventions import sweep_interventions
from needq.plan.selection import noise_names
from safetensors.numpy import load_file
from saved import SIZES, save_small, small_gpt2, small_llama
from small import BLOCKS, ROOT, config_of
from sweeps import SWEEP


@dataclass(frozen=True)
class Model:
    """A model's folder as save_pretrained leaves it, and its backup."""

    source: Path
    backup: Path
    architecture: Architecture
    manifest: dict[str, Any]
    tensors: dict[str, np.ndarray]

    def load(self, precision="float32", kernels="sdpa"):
        """transformers' model of the backup; NativeModel(it) is what needq computes with."""
        from needq.inference.native import load_transformers

        return load_transformers(self.backup, Backend(precision=precision, kernels=kernels))


def backed_up(source, target):
    back_up(config_of(source), target)
    return Model(
        source,
        target,
        find_architecture(read_json(target / "config.json")),
        read_json(target / "manifest.json"),
        load_file(target / "model.safetensors"),
    )


@pytest.fixture(scope="session")
def gpt2(tmp_path_factory):
    """GPT2LMHeadModel: 4 blocks, width 24, 3 heads."""
    folder = tmp_path_factory.mktemp("gpt2")
    save_small(small_gpt2(BLOCKS), folder / "source")
    return backed_up(folder / "source", folder / "backup")


@pytest.fixture(scope="session")
def llama(tmp_path_factory):
    """LlamaForCausalLM: 4 blocks, width 24, 6 heads of width 4 that share 2 of keys and values."""
    folder = tmp_path_factory.mktemp("llama")
    save_small(small_llama(BLOCKS), folder / "source")
    return backed_up(folder / "source", folder / "backup")


@pytest.fixture(scope="session")
def llama3(tmp_path_factory):
    """Llama with scaled rotary frequencies: some kept, some blended, some slowed down."""
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("llama3")
    sizes = LlamaConfig(
        hidden_size=48,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=3,
        num_key_value_heads=1,
        rope_parameters={
            "rope_type": "llama3",
            "rope_theta": 10000.0,
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 256,
        },
        **SIZES,
    )
    save_small(LlamaForCausalLM(sizes), folder / "source")
    return backed_up(folder / "source", folder / "backup")


@pytest.fixture(scope="session")
def pocket(tmp_path_factory):
    """The bundled model."""
    return backed_up(ROOT / "resources/pocket-gpt2", tmp_path_factory.mktemp("pocket") / "backup")


@pytest.fixture(scope="session")
def fake_folder(tmp_path_factory):
    """The folder of a made-up run, which tests only read."""
    folder = tmp_path_factory.mktemp("fake")
    fake_run.write(folder)
    return folder


@pytest.fixture
def restored():
    """What a job sets in its process, set back after the test."""
    with process_state.restored():
        yield


@pytest.fixture(params=["gpt2", "llama"])
def small(request):
    """Each of the two small models."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def corrupted():
    """A function that makes the patches of a sweep over a model, and the noise they draw on."""

    def make(model, noise_seeds=(0,), **changes):
        sweep, architecture = SWEEP.changed(**changes), model.architecture
        interventions = sweep_interventions("test", sweep, architecture.n_blocks, noise_seeds)
        noise = {
            name: noise_tensors(model.tensors, architecture, *noise_parts(name))
            for name in noise_names(interventions)
        }
        return make_patches(interventions, architecture, model.tensors, noise), noise

    return make


@pytest.fixture
def setting(small, corrupted):
    """A model in float64, its patcher, and patches: pristine, then one to four blocks."""
    from needq.inference.native import NativeModel
    from needq.inference.patcher import Patcher

    patches, noise = corrupted(small)
    model = NativeModel(small.load("float64"))
    return model, Patcher(model, small.backup / "model.safetensors", noise), patches
