"""The config's group `divergence`: ways to compute, and how they are compared."""

from typing import Annotated, Literal

from pydantic import Field, Tag

from needq.common import values
from needq.common.group import Settings


class Gpu(Settings):
    """A card, as far as its random numbers depend on it."""

    multiprocessors: values.Count
    """The number of its multiprocessors."""
    threads_per_multiprocessor: values.GpuThreads
    """The largest number of threads that a multiprocessor holds at once."""


class Backend(Settings):
    """A named way to compute."""

    device: Literal["cpu", "cuda"] = "cpu"
    """The device that computes."""
    arithmetic: Literal["native", "exact"] = "native"
    """How numbers are computed. native: by the model as transformers has it, on the device's own
    kernels. exact: by integers in float64, which give the same bits on every machine
    (docs/exact.md); this needs precision float64.
    """
    precision: Literal["float64", "float32", "tf32", "bfloat16", "float16"] = "float32"
    """The floating-point format of weights and activations. tf32 exists on CUDA only: float32 whose
    products are rounded to 10 bits. With float64, no part is computed in float32.
    """
    rng: Literal["native", "keyed", "cuda"] = "native"
    """Where the random numbers come from that choose tokens. native: the device's own random
    stream. keyed: computed from sample seed, prompt and position, the same on every machine. cuda:
    the random stream of a GPU, computed on the CPU (docs/cuda.md).
    """
    kernels: Literal["sdpa", "eager"] = "sdpa"
    """How attention is computed, by transformers' names."""
    noise: Literal["keyed", "native", "cuda"] = "keyed"
    """Where noise is drawn. keyed: once, in the corrupt stage, the same on every machine. native:
    by torch on the backend's device, as in the lecture's notebook. cuda: as torch would draw it on
    a GPU, computed on the CPU.
    """
    gpu: Annotated[values.NamedGpu | Annotated[Gpu, Tag(values.GROUP)], values.GPU] = None
    """The card whose random numbers rng: cuda and noise: cuda compute: a name, or two numbers that
    torch.cuda.get_device_properties shows. null if neither is cuda.
    """
    instruction_set: Literal["native", "baseline"] = "native"
    """Which instructions torch's kernels use on a CPU. native: the best that the processor has.
    baseline: those that every x86-64 processor has.
    """
    threads: values.ThreadCount = 1
    """CPU threads of one process. Sums may depend on it; two are slow beside a busy process."""
    batch: values.RowCount = 32
    """The largest number of texts or documents in one forward pass, under each intervention."""
    stack: values.Flag = True
    """Whether the steps of a sweep under one noise seed generate their texts together, as a stack,
    and on faster kernels (docs/performance.md). If not, one after the other, on transformers' own.
    """
    cache: values.Flag = True
    """Whether generation keeps keys and values. If not, it computes them again at each token."""


class Precisions(Settings):
    """Backends of several precisions with keyed random numbers, each compared with one reference.
    The report compares where their texts diverge with where rounding errors predict it.
    """

    reference: values.Text = "exact"
    """The backend that the others are compared with."""
    backends: values.Names = []
    """The other backends. An empty list leaves this comparison out."""


class Causes(Settings):
    """Pairs of backends whose divergence is taken apart, cause by cause (the ledger)."""

    pairs: values.Pairs = []
    """Pairs of backends that stand for two machines. An empty list leaves the ledger out."""
    sweep: values.Text = "cumulative"
    """The sweep under which texts are generated. It needs run: texts."""
    blocks_replaced: values.BlocksReplaced = [0, 1, 3, 6, "all"]
    """Which interventions of the sweep, by the number of blocks that they replace. all: as many as
    it replaces at most. In a list with all, numbers that the sweep does not have are left out.
    """
    noise_seeds: values.CountOrSeeds = 5
    """How many of the config's noise seeds are used, from the first on. Or a list of them."""
    documents: values.Index = 24
    """How many documents are prompts too: their beginnings, as long as the longest prompt."""
    max_new_tokens: values.Count = 32
    """The largest number of tokens that the ledger generates after a prompt, but not more than
    generation.max_new_tokens.
    """


class Divergence(Settings):
    """Whether two ways to compute generate the same text, and if not, why."""

    backends: Annotated[dict[values.BackendName, Backend], Field(min_length=1, max_length=1000)]
    """Named ways to compute. Those that reference, pairs, precisions and causes name are run."""
    reference: values.Text = "cpu"
    """The backend whose generated tokens all others score. Claims are decided on its numbers."""
    pairs: values.Pairs = []
    """Pairs of backends to compare. Each backend is also compared with itself (a repeat)."""
    positions: values.Indices = [0]
    """The new tokens of each text at which logits are compared. 0 is the first."""
    precisions: Precisions = Precisions()
    causes: Causes = Causes()
