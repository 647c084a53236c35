"""Products of matrices on one thread, by the libraries that needq can multiply with: GFLOP/s.

    python benchmarks/products.py

In float32: torch's own product (MKL, where torch is built with it), and oneDNN, as scores and texts
use it. In float64: torch's own product, and numpy's (OpenBLAS), as exact arithmetic uses it. The
libraries take turns, the shortest of the rounds counts, and times are processor time.
"""

import os
import time

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # read on import

import numpy
import torch

ROUNDS = 20
# rows, terms, columns: of pocket-gpt2 and of GPT-2, in scores and in stacks of texts
SHAPES = [(1400, 128, 512), (72, 768, 3072), (366, 768, 2304), (72, 768, 50257)]


def ways(rows, terms, columns):
    """Products of random matrices, by format and library."""
    x, w = torch.randn(rows, terms), torch.randn(terms, columns)
    wide_x, wide_w = x.double(), w.double()
    return {
        "float32, torch": lambda: x @ w,
        "float32, oneDNN": lambda: torch.ops.mkldnn._linear_pointwise(x, w.T, None, "none", [], ""),
        "float64, torch": lambda: wide_x @ wide_w,
        "float64, numpy": lambda: numpy.matmul(wide_x.numpy(), wide_w.numpy()),
    }


def main():
    """Time each product, and print a table."""
    torch.manual_seed(0)
    print("| rows x terms x columns |", *(f"{name} |" for name in ways(1, 1, 1)))
    for shape in SHAPES:
        products = ways(*shape)
        shortest = dict.fromkeys(products, float("inf"))
        for _ in range(ROUNDS):
            for name, product in products.items():
                start = time.process_time()
                product()
                shortest[name] = min(shortest[name], time.process_time() - start)
        rows, terms, columns = shape
        flops = 2 * rows * terms * columns
        sizes = " x ".join(f"{size:,}" for size in shape)
        print(f"| {sizes} |", *(f"{flops / time_ / 1e9:.0f} |" for time_ in shortest.values()))


if __name__ == "__main__":
    main()
