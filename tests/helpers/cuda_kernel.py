"""torch's kernel that fills a tensor with random numbers, thread by thread, in plain Python.

It shares nothing with needq.inference.cuda_stream: a state per thread, and loops as the kernel has
them.
"""

import math

import numpy as np

MASK = 2**32 - 1


def philox(counter, key):
    """Philox4x32-10 of one counter and one key, by Salmon et al. 2011."""
    counter, key = list(counter), list(key)
    for _ in range(10):
        first, second = 0xD2511F53 * counter[0], 0xCD9E8D57 * counter[2]
        counter = [
            (second >> 32) ^ counter[1] ^ key[0],
            second & MASK,
            (first >> 32) ^ counter[3] ^ key[1],
            first & MASK,
        ]
        key = [(key[0] + 0x9E3779B9) & MASK, (key[1] + 0xBB67AE85) & MASK]
    return counter


class State:
    """cuRAND's state of one thread."""

    def __init__(self, seed, subsequence, offset):
        assert offset % 4 == 0
        self.key = (seed & MASK, seed >> 32)
        self.counter = offset // 4 + (subsequence << 64)

    def four(self):
        words = philox([self.counter >> shift & MASK for shift in (0, 32, 64, 96)], self.key)
        self.counter += 1
        return words


def uniform(word):
    return np.float32(np.float32(word) * np.float32(2**-32) + np.float32(2**-33))


def uniform53(low, high):
    return float(low ^ (high << 21)) * 2.0**-53 + 2.0**-54


def pair(x, y):
    """Box and Muller 1958, on two words: sine first."""
    # the multiplication is not rounded: the device adds in the same step
    angle = np.float32((float(np.float32(y)) + 0.5) * float(np.float32(2 * math.pi)) * 2.0**-32)
    radius = np.sqrt(np.float32(-2) * np.float32(math.log(uniform(x))))
    return [np.float32(f(float(angle))) * radius for f in (math.sin, math.cos)]


def pair53(a, b, c, d):
    angle = math.pi * (2 * float(c ^ (d << 21)) * 2.0**-53 + 2.0**-53)
    radius = math.sqrt(-2 * math.log(uniform53(a, b)))
    return [math.sin(angle) * radius, math.cos(angle) * radius]


def log(value, least):
    return -least if value >= 1 - least else math.log(value)


def four_floats(kind, words):
    """What one call gives in float32 and the 16-bit formats."""
    if kind == "normal":
        return [*pair(*words[:2]), *pair(*words[2:])]
    values = [uniform(word) for word in words]
    return values if kind == "uniform" else [np.float32(-log(u, 2.0**-24)) for u in values]


def two_doubles(kind, words):
    """What one call gives in float64."""
    if kind == "normal":
        return pair53(*words)
    values = [uniform53(*words[:2]), uniform53(*words[2:])]
    return values if kind == "uniform" else [-log(u, 2.0**-53) for u in values]


def fill(seed, offset, count, kind, double, multiprocessors, threads_per_multiprocessor):
    """The numbers that the kernel writes, and the generator's next offset."""
    block = 256
    per_call, draw = (2, two_doubles) if double else (4, four_floats)
    grid = min(math.ceil(count / block), multiprocessors * (threads_per_multiprocessor // block))
    stride = block * grid
    out = [None] * count
    for thread in range(stride):
        state = State(seed, thread, offset)
        start = thread
        # the kernel goes on to the last whole round, so that its threads stay together
        while start < math.ceil(count / (stride * per_call)) * stride * per_call:
            for number, value in enumerate(draw(kind, state.four())):
                if start + number * stride < count:
                    out[start + number * stride] = value
            start += stride * per_call
    return out, offset + 4 * ((count - 1) // (stride * per_call) + 1)
