"""The compiled loops of exact arithmetic on one thread, beside numpy and torch: ns per value.

    python benchmarks/loops.py

The ways take turns, the shortest of the rounds counts, and times are processor time.
"""

import os
import sys
import time
from pathlib import Path
from unittest.mock import patch

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # read on import
sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

import torch
from needq.exact import arithmetic, attention, compiled, layers, softmax

ROUNDS = 200
SHAPE = (192, 512)  # of what one chunk of pocket-gpt2's MLP computes


def functions(x):
    """What is timed: each of them computes with x."""
    weight = torch.ones(x.shape[-1], dtype=x.dtype)
    seen = torch.ones(1, *x.shape, dtype=torch.bool).tril()
    steps = torch.ones(1, 1, 1, x.shape[-1], dtype=x.dtype)
    log_p = softmax.log_softmax(x.flip(0))
    compared = log_p, log_p.exp(), x, softmax.softmax_norm(x)
    return {
        "exp": lambda: compiled.exp_bounded(x),
        "GELU": lambda: layers.gelu(x),
        "layer norm": lambda: layers.layer_norm(x, weight, weight, 1e-5),
        "log-softmax": lambda: softmax.log_softmax(x),
        "KL": lambda: softmax.divergence(*compared),
        "weights of attention": lambda: attention._weights(x[None, None], seen, steps, x.shape[-1]),
        "the split of a left operand": lambda: arithmetic.split(x, 14),
        "a sum": lambda: arithmetic.exact_sum(x),
    }


def seconds(function):
    """The processor time of one call."""
    start = time.process_time()
    function()
    return time.process_time() - start


def main():
    """Time each function in both ways, and print a table."""
    x = torch.randn(SHAPE, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    print("| | numpy and torch | compiled |")
    for name, function in functions(x).items():
        plain, loops = float("inf"), float("inf")
        for _ in range(ROUNDS):
            with patch.object(compiled, "find_loops", lambda: None):
                plain = min(plain, seconds(function))
            loops = min(loops, seconds(function))
        print(f"| {name} | {plain / x.numel() * 1e9:.2f} | {loops / x.numel() * 1e9:.2f} |")


if __name__ == "__main__":
    main()
