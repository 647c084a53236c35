"""CUDA's random numbers on a CPU: known answers, a naive kernel, and what cards have drawn."""

from functools import partial
from pathlib import Path
from typing import get_args

import cuda_kernel
import hypothesis
import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from default_config import DEFAULT
from hypothesis import given
from hypothesis import strategies as st
from needq.common.backends import Backend, Gpu
from needq.common.errors import UserError
from needq.common.settings import Generation
from needq.common.values import GpuName
from needq.inference import cuda_stream
from needq.inference.backend import load
from needq.inference.cuda_stream import GPUS, CudaStreams, philox, wave_size
from needq.inference.generate import generate_all, prompt_rows
from needq.inference.native import NativeModel
from needq.inference.padding import padded
from needq.inference.patcher import Patcher, make_patcher
from needq.inference.sampling import CudaSampler
from small import ROOT
from tokenizers import Tokenizer

KINDS = ("uniform", "exponential", "normal")
TINY = Gpu(multiprocessors=2, threads_per_multiprocessor=600)  # a wave of 1024 threads
T4, A100, H100, H200 = (GPUS[name] for name in ("T4", "A100", "H100", "H200"))


def card(multiprocessors, threads):
    return Gpu(multiprocessors=multiprocessors, threads_per_multiprocessor=threads)


# -- the generator


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ((0, 0, 0, 0), (0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ((2**32 - 1,) * 4, (2**32 - 1,) * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_philox_gives_the_known_answers_of_random123(counter, key, words):
    """github.com/DEShawResearch/random123, tests/kat_vectors: philox4x32 with 10 rounds."""
    halves = (counter[0] | counter[1] << 32, counter[2] | counter[3] << 32)
    found = philox(*(np.array([[part]], np.uint64) for part in (*halves, *key)))
    assert " ".join(f"{word:08x}" for word in found.ravel().tolist()) == words
    assert " ".join(f"{word:08x}" for word in cuda_kernel.philox(counter, key)) == words


@hypothesis.settings(deadline=None)
@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(1, 100),
    st.booleans(),
    st.integers(0, 2**63 - 1),
)
def test_chunks_do_not_matter(rows, columns, chunk, shared, seed):
    random = np.random.default_rng(seed)
    shapes = ((1, 1), (1 if shared else rows, columns), (rows, 1), (rows, 1))
    parts = [random.integers(0, 2**32, shape, dtype=np.uint64) for shape in shapes]
    whole = philox(*parts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cuda_stream, "CHUNK", chunk)
        assert np.array_equal(philox(*parts), whole)


# -- a naive loop over threads, below and above one wave


def in_format(values, precision):
    """Numbers rounded to a format by torch."""
    dtype = torch.float64 if precision == "float64" else torch.float32
    return torch.tensor(np.array(values), dtype=dtype).to(getattr(torch, precision)).double()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("precision", ["float64", "float32", "bfloat16", "float16"])
@pytest.mark.parametrize("count", [1, 256, 257, 1024, 1025, 2049, 4097, 8193, 9500])
def test_numbers_are_those_of_a_loop_over_threads(kind, precision, count):
    seed, streams = 2**62 + 12345, CudaStreams([2**62 + 12345], TINY)
    double, offset = precision == "float64", 0
    for _ in range(2):
        values, offset = cuda_kernel.fill(seed, offset, count, kind, double, 2, 600)
        found = torch.from_numpy(getattr(streams, kind)(count, precision)[0]).double()
        wanted = in_format(values, precision)
        if kind == "uniform":
            wanted[wanted == 1] = 0
        assert streams.offset == offset
        if precision in ("float64", "float32"):
            bits = 51 if double else 23
            assert ((found - wanted).abs() <= wanted.abs().clamp_min(0.25) * 2.0**-bits).all()
            assert (found == wanted).double().mean() > 0.99
        else:
            assert (found == wanted).double().mean() > 0.999
        if kind == "uniform":
            assert torch.equal(found, wanted)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("precision", ["float64", "float32", "bfloat16", "float16"])
def test_some_elements_are_those_of_the_whole_and_rows_do_not_matter(kind, precision):
    seeds, count = [0, 7, 2**63 - 1], 7000
    draw = partial(CudaStreams, gpu=TINY)
    whole = np.concatenate([getattr(draw([seed]), kind)(count, precision) for seed in seeds])
    assert np.array_equal(getattr(draw(seeds), kind)(count, precision), whole)
    shared = np.array([6999, 3, 1024])
    found = getattr(draw(seeds), kind)(count, precision, shared)
    assert np.array_equal(found, whole[:, shared])
    own = np.array([[5, 2000], [1, 6000], [4096, 0]])
    streams = draw(seeds)
    found = getattr(streams, kind)(count, precision, own)
    assert np.array_equal(found, np.take_along_axis(whole, own, -1))
    again = draw(seeds)
    getattr(again, kind)(count, precision)
    assert streams.offset == again.offset > 0


def test_bounds_are_torchs(monkeypatch):
    """uniform is never 1, exponential never 0: here are the words that come nearest."""
    for precision, least, low in (
        ("float64", 2**-53, 2**21 - 1),  # 53 bits: these, and all bits of the second word
        ("float32", 2**-24, 2**32 - 1),
        ("bfloat16", 2**-24, 2**32 - 1),
        ("float16", 2**-24, 2**32 - 1),
    ):
        words = np.array([low, 2**32 - 1, 0, 0], np.uint64)[:, None, None]
        monkeypatch.setattr(cuda_stream, "philox", lambda *inputs, words=words: words)
        assert CudaStreams([0], H200).uniform(1, precision).item() == 0
        assert CudaStreams([0], H200).exponential(1, precision).item() == least


@pytest.mark.parametrize(("precision", "size"), [("float64", 8), ("float32", 4), ("float16", 2)])
def test_a_tensor_that_torch_fills_in_parts_is_refused(precision, size):
    streams, largest = CudaStreams([0], H200), (2**31 - 1) // size
    assert streams.uniform(largest, precision, np.array([0])).shape == (1, 1)
    with pytest.raises(ValueError, match=f"{largest + 1} elements of {precision}"):
        streams.uniform(largest + 1, precision, np.array([0]))


def test_a_gpu_has_to_be_named():
    with pytest.raises(UserError, match="its gpu is null"):
        CudaStreams([0], None)


# -- cards


def test_each_card_has_its_wave_in_the_documentation():
    text = (ROOT / "docs/cuda.md").read_text(encoding="utf-8")
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ")]
    table = {row[0].strip(): [cell.strip() for cell in row[1:4]] for row in rows}
    for name, gpu in GPUS.items():
        numbers = (gpu.multiprocessors, gpu.threads_per_multiprocessor, wave_size(gpu))
        assert table[name] == [f"{number:,}" for number in numbers]
        assert wave_size(name) == wave_size(gpu)
    assert tuple(GPUS) == get_args(GpuName)


def test_cards_draw_the_same_up_to_the_smaller_wave():
    """Where they part is what pytorch/pytorch#194676 and #176584 measured on cards."""
    for one, other, smaller in (
        (T4, GPUS["L4"], 40_960),
        (card(114, 1536), card(78, 2048), 159_744),  # RTX 4090 D and H20
    ):
        for count, same in ((smaller, True), (smaller + 1, False)):
            drawn = [CudaStreams([123], gpu).normal(count) for gpu in (one, other)]
            assert np.array_equal(*drawn) == same


CORNERS = np.array([0, 1, 2, -3, -2, -1])


def corners(rows, columns):
    """The elements that torch prints of a large matrix."""
    return ((CORNERS % rows)[:, None] * columns + CORNERS % columns).ravel()


# (what, seed, its elements, which of them, the card) -> what torch printed, to four decimals
PRINTED = [
    pytest.param(
        ("uniform", "float32"), 0, 10, None, H200,
        [0.3990, 0.5167, 0.0249, 0.9401, 0.9459, 0.7967, 0.4150, 0.8203, 0.2290, 0.9096],
        id="torch.rand(10), any card",
    ),
    pytest.param(
        ("uniform", "bfloat16"), 0, 10, None, H200,
        [0.3984, 0.5156, 0.0249, 0.9414, 0.9453, 0.7969, 0.4141, 0.8203, 0.2295, 0.9102],
        id="torch.rand(10, dtype=torch.bfloat16), any card",
    ),
    pytest.param(
        ("normal", "float32"), 42, 10, None, H200,
        [0.1940, 2.1614, -0.1721, 0.8491, -1.9244, 0.6530, -0.6494, -0.8175, 0.5280, -1.2753],
        id="torch.randn(10), any card: FlashInfer's documentation",
    ),
    pytest.param(
        ("normal", "float16"), 0, 45, None, H200,
        [-0.9248, -0.4253, -2.6445, 0.1451, -0.1208, -0.5796, -0.6230, -0.3284, -1.0742, -0.3630,
         -1.6709, 2.2656, 0.3118, -0.1842, 1.2871, 1.1816, -0.1271, 1.2168, 1.4355, 1.0605,
         -0.4941, -1.4248, -0.7246, -1.2969, 0.0697, -0.0074, 1.8965, 0.6880, -0.0779, -0.8374,
         1.3506, -0.2878, -0.5967, -0.3284, -0.9087, -0.8062, -0.7407, -0.0504, 0.5435, 1.5146,
         0.0141, 0.4531, 1.6348, 0.7124, -0.1805],
        id="torch.randn(3, 3, 5, dtype=torch.half), any card",
    ),
    pytest.param(
        ("normal", "float64"), 0, 64, None, H200,
        [-0.3104, -0.0343, 0.1756, -2.2804, 0.5039, 0.5596, -0.0750, 0.9691, -0.2357, -0.4582,
         0.5661, 1.2851, -1.8667, -0.0312, 1.2433, 1.3689, -1.0753, -0.0158, -1.4481, -1.3089,
         0.6980, -0.3300, -0.7708, -0.4946, 3.1702, 0.0387, -1.5728, 1.2985, -0.4419, -0.6965,
         -1.4002, -0.0884, -0.2369, -0.5956, -0.0263, 0.0546, -0.7082, 0.0642, 1.2830, -1.8728,
         0.7562, -0.6345, 1.1176, 1.3382, 0.1994, 0.0671, -0.4159, 0.1468, -0.2672, -0.7882,
         0.5857, -1.0649, 1.0950, 0.2490, -0.3271, -0.8691, 0.5576, -0.1883, -0.5894, -1.0192,
         -1.4553, -0.8599, -1.3645, -0.0069],
        id="torch.randn(8, 8, dtype=torch.float64), any card",
    ),
    pytest.param(
        ("normal", "float32"), 1, 9_483_264, [0, 1, 2, -3, -2, -1], H100,
        [-0.2963, 2.6764, -0.1408, -0.6970, -0.7780, 0.3267],
        id="H100: pytorch/pytorch#143086",
    ),
    pytest.param(
        ("normal", "float32"), 1, 9_483_264, [0, 1, 2, -3, -2, -1], A100,
        [-0.2963, 2.6764, -0.1408, 0.1549, -0.6797, -0.1656],
        id="A100: pytorch/pytorch#143086",
    ),
    pytest.param(
        ("normal", "float32"), 42, 64 * 2048, corners(64, 2048), card(28, 1536),
        [0.1940, 2.1614, -0.1721, 1.4540, -2.7733, -0.8932, -0.4574, 0.8063, 0.1580, 0.1124,
         0.2769, -1.2535, 1.1346, -0.6329, -0.9147, -1.0001, -1.1552, -0.6955, -0.4861, 0.3358,
         1.0578, -0.7282, 0.5087, 0.1318, 0.7881, 0.8339, -1.1424, -0.6297, -1.1112, -0.4091,
         -1.2356, -0.4083, -0.4695, -0.4841, 1.2850, -0.0282],
        id="a card with a wave of 43,008 (not named): pytorch/pytorch#158398",
    ),
    pytest.param(
        ("uniform", "float32"), 0, 10**8, corners(10**4, 10**4), T4,
        [0.3990, 0.5167, 0.0249, 0.9971, 0.8137, 0.0429, 0.1117, 0.5124, 0.6413, 0.2033, 0.4244,
         0.7405, 0.7685, 0.7422, 0.4577, 0.5380, 0.1010, 0.4636, 0.5471, 0.9743, 0.9763, 0.6386,
         0.4802, 0.0591, 0.4013, 0.6963, 0.8307, 0.6674, 0.3551, 0.0153, 0.2846, 0.1924, 0.9891,
         0.1611, 0.7280, 0.1510],
        id="a card with a wave of 40,960, as a T4 has (not named): torch.rand(10000, 10000)",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("what", "seed", "count", "which", "gpu", "printed"), PRINTED)
def test_numbers_are_those_that_people_have_published(what, seed, count, which, gpu, printed):
    elements = None if which is None else np.array(which) % count
    (kind, precision), streams = what, CudaStreams([seed], gpu)
    found = getattr(streams, kind)(count, precision, elements)[0].astype(float)
    assert np.abs(found - printed).max() < 0.51e-4


def test_a_published_matrix_of_an_rtx_a4000():
    """pytorch/pytorch#97097: torch.cuda.FloatTensor(1000, 100).normal_(5, 5**.5)."""
    streams = CudaStreams([14], card(48, 1536))
    found = streams.normal(100_000, elements=corners(1000, 100))[0] * np.sqrt(5) + 5
    printed = [
        [2.8731, 5.2727, 2.9889, 1.6853, 9.6331, 6.6319],
        [3.9968, 3.8097, 5.7328, 4.4029, 3.9804, 7.4698],
        [6.5552, 4.0857, 4.2315, 2.7704, 3.5479, 3.3063],
        [8.6297, 2.3137, 6.2596, 7.9358, 4.4697, 2.7475],
        [7.0551, 7.8583, 3.9990, 4.1139, 8.9315, 4.2042],
        [2.7337, 2.2106, 7.7815, 8.2207, 6.5395, 4.2604],
    ]
    assert np.abs(found.reshape(6, 6) - printed).max() < 0.51e-4


# -- the texts that an H200 wrote


@pytest.fixture(scope="module")
def settings():
    """Those of the run on the H200: the default ones, but for the length of texts."""
    return Generation(**DEFAULT["generation"]).changed(max_new_tokens=32)


@pytest.fixture(scope="module")
def tokens(settings):
    """What the default run's tokenize stage makes of its prompts."""
    tokenizer = Tokenizer.from_file(str(ROOT / "resources/pocket-gpt2/tokenizer.json"))
    end = tokenizer.token_to_id(settings.end)
    prompts = [[end, *tokenizer.encode(prompt).ids] for prompt in settings.prompts]
    return {"prompts": prompts, "end": end}


@pytest.fixture(scope="module")
def written():
    """The texts of the H200 by where their noise was drawn, then by intervention and noise seed."""
    texts = {"keyed": {}, "native": {}}
    for row in pq.read_table(Path(__file__).parents[2] / "data/h200_texts.parquet").to_pylist():
        key = (row["intervention"], row["noise_seed"])
        texts[row["noise"]].setdefault(key, []).append(row)
    return texts


def draws_along(logits, rows, settings, steps):
    """What the sampler draws at each step, if all before was drawn as it was."""
    sampler = CudaSampler(Backend(rng="cuda", gpu="H200"), rows, settings)
    return [sampler.choose(torch.empty(0), logits[:, step], step) for step in range(steps)]


def compare(model, rows, texts, tokens, settings):
    """The texts that are drawn token for token, and the differences of all margins.

    Each token is drawn after the tokens that the GPU wrote, so that one pass serves all of a text.
    A text that is drawn so is the one that is generated.
    """
    longest = max(len(text["tokens"]) for text in texts)
    whole = [[*tokens["prompts"][text["prompt"]], *text["tokens"]] for text in texts]
    first = [len(tokens["prompts"][text["prompt"]]) - 1 for text in texts]
    logits = torch.zeros(len(texts), longest, model.model.config.vocab_size)
    ids, mask = padded(whole)
    for number, values in enumerate(model.logits(ids, mask=mask)[0]):
        new = values[first[number] : len(whole[number]) - 1]
        logits[number, : len(new)] = new
    steps = draws_along(logits, rows, settings, longest)
    same, differences = 0, []
    for number, text in enumerate(texts):
        drawn = steps[: len(text["tokens"])]
        same += [int(one.tokens[number]) for one in drawn] == text["tokens"]
        differences += np.abs(
            np.array([float(one.margins[number]) for one in drawn]) - text["margins"]
        ).tolist()
    return same, differences


@pytest.mark.parametrize("noise", ["keyed", "native"])
@torch.inference_mode()
def test_float32_on_the_cpu_draws_each_text_that_the_h200_wrote(
    pocket, corrupted, tokens, written, settings, noise
):
    """366 of 366 where the noise is the same, 24 of 24 where the GPU drew its noise itself."""
    patches, stored = corrupted(pocket, noise_seeds=range(5))
    backend = Backend(rng="cuda", noise="cuda" if noise == "native" else "keyed", gpu="H200")
    model = NativeModel(pocket.load())
    weights = pocket.backup / "model.safetensors"
    patcher = Patcher(model, weights, stored)
    if noise == "native":
        patcher = make_patcher(model, weights, backend, [])
    rows, same, differences = prompt_rows(tokens, settings), 0, []
    for patch in patches:
        key = (patch.intervention.replace("/test/", "/cumulative/"), patch.noise_seed)
        if key in written[noise]:
            with patcher.applied(patch.slices):
                found = compare(model, rows, written[noise].pop(key), tokens, settings)
            same += found[0]
            differences += found[1]
    assert not written[noise]
    assert same == (366 if noise == "keyed" else 24)
    # 2.5e-6 and 0.020 measured; the largest ones come from the device's logarithm
    assert np.median(differences) < 1e-5
    assert max(differences) < 0.03


def test_generation_writes_the_h200s_texts(pocket, corrupted, tokens, written, settings):
    patches, stored = corrupted(pocket, noise_seeds=[1])
    backend = Backend(rng="cuda", gpu="H200")
    model = load(pocket.backup, backend)
    patcher = Patcher(model, pocket.backup / "model.safetensors", stored)
    some = [patches[0], patches[1], patches[6], patches[12]]
    texts = generate_all(model, patcher, some, tokens, settings, backend)
    table = pq.read_table(Path(__file__).parents[2] / "data/h200_texts.parquet").to_pylist()
    wanted = {
        (row["intervention"], row["noise_seed"], row["prompt"]): row["tokens"]
        for row in table
        if row["noise"] == "keyed"
    }
    for text in texts:
        name = text["intervention"].replace("/test/", "/cumulative/")
        assert text["tokens"] == wanted[name, text["noise_seed"], text["prompt"]]
    assert len(texts) == 24
