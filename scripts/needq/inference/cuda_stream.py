"""torch's random numbers of a CUDA device, computed on a CPU.

torch 2.11 and 2.13 fill a tensor of n elements with blocks of 256 threads, as many as the elements
need and at most as many as the card holds at once (one wave). Each thread has a subsequence of
Philox4x32-10 (Salmon et al. 2011) of its own: the seed is the key, the thread's number the upper
half of the counter, and the lower half counts calls. One call gives four words, that is four
numbers in float32 and the 16-bit formats, and two in float64. They go to elements one wave apart:
below one wave, every card draws the same numbers, and above it, cards that differ in their wave
draw different ones.

The sources of this are torch's DistributionTemplates.h (`calc_execution_policy`, the grid-stride
kernel, `uniform_kernel`), TransformationHelper.h (`exponential`), and cuRAND's
curand_philox4x32_x.h, curand_uniform.h and curand_normal.h. docs/cuda.md says what has been checked
against which card.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from needq.common.backends import Gpu
from needq.common.errors import UserError
from needq.common.values import GpuName

Format = Literal["float64", "float32", "bfloat16", "float16"]

BLOCK = 256  # threads
WORDS_PER_CALL = 4
LARGEST_TENSOR = 2**31 - 1  # bytes; torch fills larger ones in several launches

MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
KEY_STEPS = (np.uint64(0x9E3779B9), np.uint64(0xBB67AE85))
ROUNDS = 10
CHUNK = 1 << 13  # words made at a time: what they need stays in the processor's cache
LOW, HALF = np.uint64(0xFFFFFFFF), np.uint64(32)


# multi_processor_count and max_threads_per_multi_processor, as torch reports them: docs/cuda.md
_NUMBERS: dict[GpuName, tuple[int, int]] = {
    "T4": (40, 1024),
    "A10G": (80, 1536),
    "L4": (58, 1536),
    "V100": (80, 2048),
    "A100": (108, 2048),
    "L40S": (142, 1536),
    "RTX 4090": (128, 1536),
    "H100": (132, 2048),
    "H200": (132, 2048),
    "B200": (148, 2048),
}
GPUS = {
    name: Gpu(multiprocessors=multiprocessors, threads_per_multiprocessor=threads)
    for name, (multiprocessors, threads) in _NUMBERS.items()
}


def wave_size(gpu: Gpu | GpuName | None) -> int:
    """How many threads a card runs at once: for up to so many elements, all cards draw the same."""
    if gpu is None:
        raise UserError("this backend computes the random numbers of a GPU, but its gpu is null")
    card = GPUS[gpu] if isinstance(gpu, str) else gpu
    return card.multiprocessors * (card.threads_per_multiprocessor // BLOCK) * BLOCK


class CudaStreams:
    """Generators of one card, one per seed, that are used side by side.

    Each method fills a tensor of `count` elements for every seed, and returns [seeds, count]. With
    `elements` [wanted] or [seeds, wanted], it computes these of them alone, and returns
    [seeds, wanted]. bfloat16 is returned as float32, which holds it exactly.
    """

    def __init__(self, seeds: Sequence[int], gpu: Gpu | GpuName | None) -> None:
        self.wave = wave_size(gpu)
        self.offset = 0  # how many words of its subsequence each thread has used
        keys = np.array(seeds, np.uint64)[:, None]
        self.key = (keys & LOW, keys >> HALF)

    def uniform(
        self, count: int, precision: Format = "float32", elements: np.ndarray | None = None
    ) -> np.ndarray:
        """Uniform in [0, 1), as torch.rand."""
        values = _rounded(self._uniform(count, precision, elements), precision)
        # torch moves the bounds of cuRAND's (0, 1] after it has rounded to the format
        return np.where(values == 1, values.dtype.type(0), values)

    def exponential(
        self, count: int, precision: Format = "float32", elements: np.ndarray | None = None
    ) -> np.ndarray:
        """Exponential with mean 1, as torch.empty(count).exponential_()."""
        values = self._uniform(count, precision, elements)
        kind = values.dtype.type
        least = np.finfo(kind).eps / 2
        # the device's float32 logarithm is a fast one, and may differ from this in the last bits
        logs = np.where(values >= 1 - least, -least, np.log(values, dtype=np.float64))
        return _rounded(-logs.astype(kind), precision)

    def normal(
        self, count: int, precision: Format = "float32", elements: np.ndarray | None = None
    ) -> np.ndarray:
        """Normal with mean 0 and variance 1, as torch.randn: cuRAND's Box-Muller transform."""
        words, place = self._words(count, precision, elements)
        if precision == "float64":
            radius = np.sqrt(-2 * np.log(_unit53(words[0], words[1])))
            angle = np.pi * (2 * _integer53(words[2], words[3]) * 2.0**-53 + 2.0**-53)
        else:
            # the first two words make one pair, and the last two another
            first = place < 2
            radius = np.log(_unit32(np.where(first, words[0], words[2])), dtype=np.float64)
            radius = np.sqrt(np.float32(-2) * radius.astype(np.float32))
            # rounded once, since the device multiplies and adds in one step
            turn = np.float64(np.float32(2 * np.pi)) * 2.0**-32
            angle = np.where(first, words[1], words[3]).astype(np.float32) * turn + turn / 2
            angle = angle.astype(np.float32).astype(np.float64)
        # the device's float32 sin and cos are fast ones, within 2^-21 or so of these
        waves = np.where(place % 2 == 0, np.sin(angle), np.cos(angle)).astype(radius.dtype)
        return _rounded(waves * radius, precision)

    def _uniform(self, count: int, precision: Format, elements: np.ndarray | None) -> np.ndarray:
        """Uniform in (0, 1], as cuRAND has it."""
        words, place = self._words(count, precision, elements)
        if precision == "float64":
            first = place == 0
            return _unit53(np.where(first, words[0], words[2]), np.where(first, words[1], words[3]))
        return _unit32(words[0] if not place.any() else np.choose(place, words))

    def _words(
        self, count: int, precision: Format, elements: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The four words of the call that makes each element, and the element's place in it."""
        if count * _bytes(precision) > LARGEST_TENSOR:
            raise ValueError(f"{count} elements of {precision} are more than torch fills at once")
        per_call = 2 if precision == "float64" else WORDS_PER_CALL
        wave = min(self.wave, -(-count // BLOCK) * BLOCK)
        index = np.atleast_2d(np.arange(count) if elements is None else elements)
        if count <= wave:  # one call, and its first word
            call, place, thread = np.zeros((1, 1), int), np.zeros((1, 1), int), index
        else:
            call, within = np.divmod(index, per_call * wave)
            place, thread = np.divmod(within, wave)
        # the generator's offset counts words, the counter calls
        position = np.uint64(self.offset // WORDS_PER_CALL) + call.astype(np.uint64)
        self.offset += WORDS_PER_CALL * -(-count // (per_call * wave))
        words = philox(position, thread.astype(np.uint64), *self.key)
        return words, place


def philox(
    position: np.ndarray, subsequence: np.ndarray, low_key: np.ndarray, high_key: np.ndarray
) -> np.ndarray:
    """The words [4, rows, columns] of Philox4x32-10; all arguments are uint64 and 2-dimensional.

    The counter's lower two words are a position, its upper two a subsequence; a key has 32 bits.
    """
    inputs = (position, subsequence, low_key, high_key)
    rows, columns = np.broadcast_shapes(*(part.shape for part in inputs))
    words = np.empty((4, rows, columns), np.uint64)
    width = min(columns, CHUNK)
    height = max(1, CHUNK // width)
    for top in range(0, rows, height):
        for left in range(0, columns, width):
            chunk = np.s_[top : top + height, left : left + width]
            _rounds(words[:, *chunk], *(_part(part, chunk) for part in inputs))
    return words


def _part(values: np.ndarray, chunk: tuple[slice, slice]) -> np.ndarray:
    """A chunk of an array that may have one row or one column for all."""
    return values[
        chunk[0] if len(values) > 1 else slice(None),
        chunk[1] if values.shape[1] > 1 else slice(None),
    ]


def _rounds(
    words: np.ndarray, position: np.ndarray, subsequence: np.ndarray, *key: np.ndarray
) -> None:
    """Fill the words of one chunk."""
    a, b, c, d = words
    left, right = key
    np.bitwise_and(position, LOW, out=a)
    np.right_shift(position, HALF, out=b)
    np.bitwise_and(subsequence, LOW, out=c)
    np.right_shift(subsequence, HALF, out=d)
    product, other = np.empty_like(a), np.empty_like(a)
    for _ in range(ROUNDS):
        np.multiply(a, MULTIPLIERS[0], out=product)
        np.multiply(c, MULTIPLIERS[1], out=other)
        np.right_shift(other, HALF, out=a)
        a ^= b
        a ^= left
        np.right_shift(product, HALF, out=c)
        c ^= d
        c ^= right
        np.bitwise_and(other, LOW, out=b)
        np.bitwise_and(product, LOW, out=d)
        left, right = (left + KEY_STEPS[0]) & LOW, (right + KEY_STEPS[1]) & LOW


def _unit32(word: np.ndarray) -> np.ndarray:
    """float32 in (0, 1] from one word."""
    return word.astype(np.float32) * np.float32(2.0**-32) + np.float32(2.0**-33)


def _integer53(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """53 bits from two words, as float64."""
    return (low ^ (high << np.uint64(21))).astype(np.float64)


def _unit53(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """float64 in (0, 1] from two words."""
    return _integer53(low, high) * 2.0**-53 + 2.0**-54


def _bytes(precision: Format) -> int:
    return {"float64": 8, "float32": 4}.get(precision, 2)


def _rounded(values: np.ndarray, precision: Format) -> np.ndarray:
    """Values of float32 (or float64) in a format, to the nearest, ties to even."""
    if precision == "float16":
        return values.astype(np.float16)
    if precision == "bfloat16":
        bits = values.view(np.uint32)
        bits = bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
        return (bits & np.uint32(0xFFFF0000)).view(np.float32)
    return values
