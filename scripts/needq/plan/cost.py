"""What a job costs: seconds of one core and MB of memory, by the model's shape and the work.

The constants are those of one core of an AMD EPYC with AVX-512 (2026-11-26, torch 2.13, MKL), by
`python benchmarks/cost.py` and `python benchmarks/draws.py`; with AVX2 alone, products take about
twice as long. Amounts are what a job computes with stacks and shared prefixes.
"""

from collections.abc import Iterable, Sequence
from errno import ENOENT
from itertools import groupby
from os import strerror
from pathlib import Path
from typing import NamedTuple

from needq.common.backends import Backend
from needq.common.keys import MLPS
from needq.plan.interventions import Intervention
from needq.plan.sizes import Sizes, read_sizes

MB = 1e6
HEAD_WIDTH = 64  # of most models


class Shape(NamedTuple):
    """The sizes of a model that decide what it costs."""

    n_blocks: int
    width: int
    inner: int  # of the MLP
    mlp_matrices: int
    key_value_width: int
    vocabulary: int
    context: int = 1024

    @property
    def block_weights(self) -> int:
        """The weights of the matrices of one block."""
        attention = 2 * self.width * (self.width + self.key_value_width)
        return attention + self.mlp_matrices * self.width * self.inner

    @property
    def block_values(self) -> int:
        """The values per token that one block computes one by one, about."""
        return 6 * self.width + self.mlp_matrices * self.inner

    @property
    def weights(self) -> int:
        """All weights, but for norms and positions; the embedding counts once."""
        return self.n_blocks * self.block_weights + self.width * self.vocabulary


class Rates(NamedTuple):
    """Seconds of one core."""

    decode: float  # per 10^9 operations of products by weights, of few rows
    gflop: float  # the same, of many rows
    weight: float  # per 10^6 weights that a forward pass reads
    call: float  # per block and forward pass
    value: float  # per 10^6 values that are computed one by one: of stream, MLP and logits


class Texts(NamedTuple):
    """Texts that pass through a model together, under each intervention."""

    rows: int
    before: float  # tokens that are given, per row
    new: int  # tokens that are generated after them
    top_k: int  # of how many words they are drawn; 0 for all


class Job(NamedTuple):
    """One job: seconds of a core, and MB of memory at its peak."""

    seconds: float
    memory: float

    @property
    def memory_asked(self) -> float:
        """The MB that a scheduler is asked for: it ends jobs that take more."""
        return 1000 + 2 * self.memory

    @property
    def minutes_asked(self) -> float:
        """The minutes that a scheduler is asked for, also for a slow and busy machine."""
        return 10 + 5 * self.seconds / 60


# benchmarks/cost.py; `decode` of float32 is the mean of its 0.030 and of 0.012 at GPT-2's shape
# (benchmarks/engine.py), and the processor has no instructions for float16
RATES = {
    "float32": Rates(0.021, 0.0043, 2.9e-4, 3.3e-4, 0.0022),
    "float64": Rates(0.04, 0.02, 1.2e-3, 1.1e-4, 0.0054),
    "bfloat16": Rates(0.036, 0.0022, 8.1e-4, 0, 0.0021),
    "float16": Rates(0.33, 0.27, 1.8e-3, 0, 0),
    "baseline": Rates(0.029, 0.0018, 9.5e-4, 0, 0.0046),
    "exact": Rates(0.029, 0.052, 7.1e-4, 5.8e-4, 0.015),
}
# benchmarks/draws.py: seconds per token drawn and 10^6 words, with top_k and without
DRAWS = {"native": (0.02, 0.018), "keyed": (0.009, 0.08), "cuda": (0.006, 0.032)}
# seconds to start, import and load a small model: `benchmarks/cost.py --run`
STARTS = {"native": 2.0, "exact": 1.2}
# n-grams: seconds, and MB, per 10^6 bytes of the text that they are trained on
NGRAMS, NGRAM_MEMORY = 0.5, 48.0
LOAD = 2.0  # seconds per 10^9 bytes of weights
# MB that a process needs before it has a model
BASES = {"native": 440.0, "exact": 330.0}
# bytes per weight: as loaded, as computed with, and copies meanwhile
WEIGHT_BYTES = {
    "float32": 4.5,
    "float64": 12.0,
    "bfloat16": 6.0,
    "float16": 6.0,
    "baseline": 6.0,
    "exact": 15.0,
}
STACK_BYTES = 1 << 30  # of keys and values (needq.inference.stack)
CHUNK_ROWS = 128  # of logits that are scored at once (needq.inference.likelihood)


def shape_of(sizes: Sizes | None) -> Shape | None:
    """The shape of a model of these sizes; None if one of them is not known."""
    if sizes is None:
        return None
    blocks, width, heads, key_value_heads = sizes[:4]
    inner, vocabulary, matrices = sizes.inner, sizes.vocabulary, sizes.mlp_matrices
    if not (blocks and width and heads and inner and vocabulary and matrices):
        return None
    narrow = width * (key_value_heads or heads) // heads
    shape = Shape(blocks, width, inner, matrices, narrow, vocabulary)
    return shape._replace(context=sizes.context) if sizes.context else shape


def backed_up_shape(config: str) -> Shape:
    """The shape of the model of a backup, by its config.json, which has every size."""
    shape = shape_of(read_sizes(str(Path(config).parent))) if Path(config).exists() else None
    if shape is None:
        raise FileNotFoundError(ENOENT, strerror(ENOENT), config)
    return shape


def kind(backend: Backend) -> str:
    """The kind of arithmetic of a backend, among those of RATES."""
    if backend.arithmetic == "exact":
        return "exact"
    if backend.instruction_set == "baseline":
        return "baseline"
    return "float32" if backend.precision == "tf32" else backend.precision


def start_seconds(shape: Shape, backend: Backend) -> float:
    """Seconds until a process has a model."""
    return STARTS[backend.arithmetic] + LOAD * 4 * shape.weights / 1e9


def passed_blocks(interventions: Iterable[Intervention], n_blocks: int) -> int:
    """How many blocks interventions pass through, those before they differ shared."""
    numbers: dict[tuple[int, object], int] = {}  # of each prefix, by the one before and the block
    for one in interventions:
        replaced = (one.matrix, one.method, one.noise_seed, one.noise_fraction, one.bias, one.dose)
        chosen, blocks = (*replaced, one.heads, one.dimensions, one.group), set(one.block_indices)
        before = 0
        for block in range(n_blocks):
            prefix = (before, chosen if block in blocks else block)
            before = numbers.setdefault(prefix, len(numbers) + 1)
    return len(numbers)


def stacks(
    shape: Shape, interventions: Sequence[Intervention], backend: Backend, texts: Texts
) -> list[Sequence[Intervention]]:
    """Interventions as a backend stacks them (needq.inference.stack)."""
    tokens = texts.before + texts.new
    row = 2 * shape.n_blocks * shape.key_value_width * value_bytes(backend) * tokens
    most = max(1, int(STACK_BYTES / (row * min(texts.rows, backend.batch))))
    groups: list[Sequence[Intervention]] = [interventions]
    if backend.arithmetic != "exact":
        steps = groupby(interventions, lambda one: (one.sweep, one.noise_seed))
        groups = [list(group) for _, group in steps]
    most = most if backend.stack else 1
    return [group[first : first + most] for group in groups for first in range(0, len(group), most)]


def generate_seconds(
    shape: Shape, backend: Backend, interventions: Sequence[Intervention], texts: Texts
) -> float:
    """Seconds to generate texts under each intervention."""
    rates, seconds = RATES[kind(backend)], 0.0
    draws = DRAWS[backend.rng][texts.top_k == 0] * shape.vocabulary / 1e6
    head = 2 * shape.width * shape.vocabulary
    batches = -(-texts.rows // backend.batch)
    for stack in stacks(shape, interventions, backend, texts):
        rows = texts.rows * len(stack)
        tokens = texts.rows * texts.before * passed_blocks(stack, shape.n_blocks)
        tokens += rows * (texts.new - 1) * shape.n_blocks
        done = tokens * 2 * shape.block_weights + rows * texts.new * head
        values = tokens * shape.block_values + rows * texts.new * shape.vocabulary
        passes = batches * texts.new
        seconds += rates.decode * done / 1e9 + rates.value * values / 1e6
        seconds += passes * (rates.weight * shape.weights / 1e6 + rates.call * shape.n_blocks)
        seconds += rows * texts.new * draws
    return seconds


def score_seconds(
    shape: Shape,
    backend: Backend,
    blocks: int,
    interventions: int,
    rows: int,
    tokens: float,
    words: float | None = None,
) -> float:
    """Seconds to pass rows of `tokens` through `blocks` blocks, and to score them.

    `blocks` counts all interventions, as `passed_blocks` does. `words` are the tokens of a row
    that are predicted, if not all of them.
    """
    rates = RATES[kind(backend)]
    done = rows * tokens * blocks * 2 * shape.block_weights
    logits = interventions * rows * (tokens if words is None else words)
    done += logits * 2 * shape.width * shape.vocabulary
    calls = -(-rows // backend.batch) * blocks
    values = rows * tokens * blocks * shape.block_values + logits * shape.vocabulary
    head = logits / CHUNK_ROWS * shape.width * shape.vocabulary
    read = calls * shape.block_weights + head
    return (
        rates.gflop * done / 1e9
        + rates.weight * read / 1e6
        + rates.call * calls
        + rates.value * values / 1e6
    )


def ngram_cost(text_bytes: float) -> tuple[float, float]:
    """Seconds and MB to train n-gram models on a text, and to score documents with them."""
    return 1 + NGRAMS * text_bytes / MB, 80 + NGRAM_MEMORY * text_bytes / MB


def value_bytes(backend: Backend) -> int:
    """The bytes of a value that is computed; 16-bit formats are widened here and there."""
    return 8 if backend.arithmetic == "exact" or backend.precision == "float64" else 4


def stored_matrices(shape: Shape, names: Iterable[str]) -> float:
    """How many matrices of attention some stored noise is as large as, by its names."""
    of_mlp = shape.mlp_matrices * shape.inner / shape.width
    return sum(of_mlp if name.startswith(MLPS) else 1 for name in names)


def model_memory(shape: Shape, backend: Backend, noises: float) -> float:
    """MB of a process with a model, and stored noise of so many matrices."""
    noise = noises * shape.n_blocks * shape.width * shape.width
    held = WEIGHT_BYTES[kind(backend)] * shape.weights + (4 + 2 * value_bytes(backend)) * noise
    return BASES[backend.arithmetic] + held / MB


def generate_memory(
    shape: Shape,
    backend: Backend,
    interventions: Sequence[Intervention],
    noises: float,
    texts: Texts,
) -> float:
    """MB to generate texts under each intervention."""
    together = stacks(shape, interventions, backend, texts)
    rows = min(texts.rows, backend.batch) * max(map(len, together), default=1)
    tokens = texts.before + texts.new
    cache = 2 * shape.n_blocks * shape.key_value_width * tokens * rows if texts.new else 0
    stream = rows * texts.before * (shape.inner + 4 * shape.width)
    logits = 6 * rows * shape.vocabulary
    # keys and values have room for more tokens, and rooms that they outgrew stay in the process
    values = value_bytes(backend) * (2.25 * cache + 2 * stream + logits)
    return model_memory(shape, backend, noises) + values / MB


def score_memory(shape: Shape, backend: Backend, noises: float, rows: int, tokens: float) -> float:
    """MB to score rows of `tokens`, so many at once, against the pristine model."""
    kept = 2 * rows * tokens * shape.vocabulary  # what the pristine model says of each token
    chunk = 6 * CHUNK_ROWS * shape.vocabulary
    # the values of one block, and a stream for each block of the tree of prefixes
    stream = rows * tokens * (2 * shape.inner + (8 + shape.n_blocks) * shape.width)
    values = value_bytes(backend) * (kept + chunk + stream)
    return model_memory(shape, backend, noises) + values / MB
