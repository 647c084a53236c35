"""Randomness keyed by meaning: the same bits on every machine, whatever the order of work.

A stream is named by what it is for, never by when it is drawn. Its name is hashed to the key of
Philox 4x64-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"), whose raw
integers numpy documents as stable; everything after them is correctly rounded arithmetic. numpy's
own `standard_normal` and torch's `randn` are not used: their streams differ by version,
instruction set or device.
"""

import json
from hashlib import sha256
from math import prod

import numpy

from needq.exact.elementary import inverse_normal_cdf

Key = tuple[int, int]  # two unsigned 64-bit words

UNIFORM_BITS = 52  # with 53, the largest uniform would round to 1
WORDS_PER_COUNTER = 4  # Philox 4x64 gives four words for each value of its counter
CHUNK = 1 << 15  # normals made at a time: their temporaries stay in the processor's cache


def key(*meaning: str | int) -> Key:
    """The key of the stream that `meaning` names.

    The first 128 bits, big-endian, of the sha256 of the JSON array ["needq", *meaning], written
    in ASCII without spaces.
    """
    for part in meaning:
        if type(part) not in (str, int):
            raise TypeError(f"a key is made of str and int, not {type(part).__name__}: {part!r}")
    text = json.dumps(["needq", *meaning], separators=(",", ":"), ensure_ascii=True)
    digest = sha256(text.encode("ascii")).digest()
    return int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:16], "big")


def noise_key(seed: int, matrix: str, block: int) -> Key:
    """The key of the noise that replaces one matrix of one block under one noise seed."""
    return key("noise", seed, matrix, block)


def draw_key(sample_seed: int, prompt: str, position: int) -> Key:
    """The key of the token drawn at one position after one prompt (its text) under one seed."""
    return key("draw", sample_seed, prompt, position)


def raw(key: Key, count: int, start: int = 0) -> numpy.ndarray:
    """Words start .. start + count - 1 of the Philox 4x64-10 stream of `key`, as uint64."""
    counter, skipped = divmod(start, WORDS_PER_COUNTER)
    generator = numpy.random.Philox(key=numpy.array(key, dtype=numpy.uint64), counter=counter)
    return generator.random_raw(skipped + count)[skipped:]


def uniform(key: Key, count: int, start: int = 0) -> numpy.ndarray:
    """`count` float64 uniforms (k + 0.5) / 2^52 with 52-bit k: never 0, never 1."""
    k = raw(key, count, start) >> numpy.uint64(64 - UNIFORM_BITS)
    return (k.astype(numpy.float64) + 0.5) * 2.0**-UNIFORM_BITS


def standard_normal(key: Key, shape: tuple[int, ...]) -> numpy.ndarray:
    """Standard normal float64 values of `shape`, in C order, one uniform each."""
    values = numpy.empty(prod(shape))
    for start in range(0, values.size, CHUNK):
        stop = min(start + CHUNK, values.size)
        values[start:stop] = inverse_normal_cdf(uniform(key, stop - start, start))
    return values.reshape(shape)
