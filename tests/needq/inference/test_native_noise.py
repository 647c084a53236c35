"""Native noise: the notebook's formula on torch's stream, and why keyed noise replaces it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from needq.common.backends import Backend
from needq.inference.cuda_stream import CudaStreams
from needq.inference.native import NativeModel
from needq.inference.native_noise import NativeNoise, native_gaussian
from needq.inference.patcher import make_patcher
from needq.inference.sampling import seeded_stream, stream_seed

PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from needq.inference.session import choose_instruction_set
from needq.common.backends import Backend
choose_instruction_set(Backend(instruction_set=sys.argv[2]))
import torch
from needq.common.files import sha256
from needq.inference.native_noise import native_gaussian
from needq.inference.sampling import seeded_stream
drawn = native_gaussian(torch.ones(64, 64).cumsum(1), seeded_stream("cpu", "test"))
print(torch.backends.cpu.get_cpu_capability(), sha256(drawn.numpy().data))
"""


def native(model):
    return NativeNoise(model.backup / "model.safetensors", model.architecture, torch.device("cpu"))


def test_noise_has_the_moments_of_its_matrix(small):
    noise = native(small)["q-gaussian-3"]
    biases = [small.architecture.bias("q", 0)] if small.architecture.bias("q", 0) else []
    assert len(noise) == 4 * (1 + len(biases))
    for block in range(4):
        place = small.architecture.matrix("q", block)
        pristine = place.of(small.tensors)
        drawn = noise[f"{block}.weight"]
        assert drawn.shape == pristine.shape
        assert drawn.dtype == np.float32
        standard = (drawn - pristine.mean()) / pristine.std(ddof=1)
        assert abs(standard.mean()) < 4 / 24
        assert abs(standard.std() - 1) < 0.15
        assert abs(np.corrcoef(drawn.ravel(), pristine.ravel())[0, 1]) < 0.2


def test_matrices_of_the_mlp_have_noise_of_their_own(small):
    noise = native(small)["mlp-gaussian-3"]
    for one in small.architecture.singles("mlp"):
        pristine = small.architecture.matrix(one, 1).of(small.tensors)
        drawn = noise[f"1.{one}.weight"]
        assert drawn.shape == pristine.shape
        assert abs(drawn.std() / pristine.std(ddof=1) - 1) < 0.15
    values = [tensor.ravel()[:20].tobytes() for tensor in noise.values()]
    assert len(set(values)) == len(values)


def test_noise_is_the_notebooks_formula():
    matrix = torch.arange(12.0).reshape(3, 4)
    normal = torch.randn(3, 4, generator=seeded_stream("cpu", "a"))
    drawn = native_gaussian(matrix, seeded_stream("cpu", "a"))
    assert torch.equal(drawn, normal * matrix.std() + matrix.mean())


def test_noise_may_be_what_a_gpu_would_draw(small):
    backend = Backend(noise="cuda", gpu="T4")
    weights = small.backup / "model.safetensors"
    patcher = make_patcher(NativeModel(small.load()), weights, backend, [])
    assert not patcher.recorded
    place = small.architecture.matrix("q", 2)
    pristine = torch.from_numpy(place.of(small.tensors))
    stream = CudaStreams([stream_seed("native noise", 5, "q", 2, "weight")], "T4")
    normal = torch.from_numpy(stream.normal(pristine.numel())).reshape(pristine.shape)
    drawn = torch.from_numpy(patcher.noise["q-gaussian-5"]["2.weight"])
    assert torch.equal(drawn, normal * pristine.std() + pristine.mean())
    assert not torch.equal(drawn, torch.from_numpy(native(small)["q-gaussian-5"]["2.weight"]))


def test_each_seed_and_block_has_a_stream_of_its_own(gpt2):
    first, again, second = (native(gpt2)[f"q-gaussian-{seed}"] for seed in (0, 0, 1))
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])
        assert not np.array_equal(first[name], second[name])
    assert not np.array_equal(first["0.weight"], first["1.weight"])


@pytest.fixture(scope="module")
def digests():
    """What each instruction set draws from one seed, in a process of its own."""
    scripts = Path(__file__).parents[3] / "scripts"
    drawn = {}
    for name in ("native", "baseline"):
        result = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(scripts), name],
            capture_output=True,
            text=True,
            check=True,
            env={k: v for k, v in os.environ.items() if k != "ATEN_CPU_CAPABILITY"},
        )
        drawn[name] = result.stdout.split()
    return drawn


def test_instruction_sets_draw_other_noise_from_one_seed(digests):
    assert digests["baseline"][0] == "DEFAULT"
    if digests["native"][0] == "DEFAULT":
        pytest.skip("this processor has the baseline instruction set only")
    assert digests["native"][1] != digests["baseline"][1]
