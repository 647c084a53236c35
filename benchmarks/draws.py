"""What drawing the tokens of a text costs at GPT-2's vocabulary, by `rng`, in one run.

    python benchmarks/draws.py

Milliseconds of processor time per token on one thread; the ways take turns, and the smallest of the
rounds counts. Logits are random, so nothing else is in it: a text's forward passes cost the same
under each rng.
"""

import sys
import time
from pathlib import Path

import torch

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from needq.common.backends import Backend  # noqa: E402
from needq.common.settings import Generation  # noqa: E402
from needq.inference.sampling import Row, make_sampler  # noqa: E402

VOCABULARY, TOKENS, ROUNDS = 50_257, 8, 3
BACKENDS = {
    "keyed": Backend(rng="keyed"),
    "cuda": Backend(rng="cuda", gpu="H200"),
    "native": Backend(),
}
SETTINGS = (
    ({"top_k": 50}, 1),
    ({"top_k": 50}, 32),
    ({"top_k": 0}, 1),
    ({"top_k": 0}, 32),
    ({"top_k": 0, "top_p": 0.9}, 32),
)


def seconds(backend, settings, rows):
    """The processor time of drawing TOKENS tokens of each row, after one that is not counted."""
    cpu, begun = torch.device("cpu"), [Row([0], f"prompt {row}", 0, row) for row in range(rows)]
    sampler = make_sampler(backend, cpu, begun, settings)
    logits = 3 * torch.randn(
        TOKENS + 1, rows, VOCABULARY, generator=torch.Generator().manual_seed(0)
    )
    ids = torch.zeros(rows, 1, dtype=torch.int64)
    for step in range(TOKENS + 1):
        if step == 1:
            start = time.process_time()
        sampler.choose(ids, logits[step], step)
    return time.process_time() - start


def main():
    """One row per setting and number of rows, with the ratio of cuda to keyed."""
    torch.set_num_threads(1)
    print(f"| settings | rows at once | {' | '.join(BACKENDS)} | cuda / keyed |")
    for changes, rows in SETTINGS:
        settings = Generation(prompts=["made up"], **changes)
        best = dict.fromkeys(BACKENDS, float("inf"))
        for _ in range(ROUNDS):
            for name, backend in BACKENDS.items():
                best[name] = min(best[name], seconds(backend, settings, rows))
        times = {name: 1000 * value / TOKENS / rows for name, value in best.items()}
        words = ", ".join(f"{key}: {value}" for key, value in changes.items())
        cells = " | ".join(f"{value:.2f}" for value in times.values())
        print(f"| {words} | {rows} | {cells} | {times['cuda'] / times['keyed']:.2f} |", flush=True)


if __name__ == "__main__":
    main()
