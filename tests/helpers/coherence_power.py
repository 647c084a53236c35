"""Print how often C1's test of texts, each block in turn, comes to a verdict (docs/claims.md).

PYTHONPATH=scripts python tests/helpers/coherence_power.py

5 noise seeds and 12 blocks. All texts differ, and get their labels independently.
"""

import numpy as np
from needq.metrics.claim_tests import near_normal

COUNT, SEEDS, BLOCKS = 1000, 5, 12
TESTS = 5  # of C1: Holm's correction multiplies the smallest of their p-values by it
# the chance of near normal under one block, and under each of the others
CHANCES = [(0.99, 0.99), (0.97, 0.97), (0.95, 0.95), (0.8, 1), (0.5, 1), (0.3, 1), (0.8, 0.8)]

if __name__ == "__main__":
    print("| under one block | under the others | prompts | supported | refuted |")
    print("| --- | --- | --- | --- | --- |")
    for one, others in CHANCES:
        for prompts in (6, 24):
            rng = np.random.default_rng([int(100 * one), int(100 * others), prompts])
            chances = np.array([one] + [others] * (BLOCKS - 1), float)[:, None, None]
            verdicts = []
            for _ in range(COUNT):
                texts = (rng.random((BLOCKS, SEEDS, prompts)) < chances) * 1.0
                by_block = np.moveaxis(texts, 0, 2)
                table = np.concatenate([np.ones((SEEDS, prompts, 1)), by_block], axis=2)
                found = near_normal(table, [SEEDS * prompts] * BLOCKS)
                verdicts.append((found.inside, TESTS * found.p <= 0.05))
            supported, refuted = np.mean(verdicts, axis=0)
            row = f"| {one:.0%} | {others:.0%} | {prompts} | {supported:.1%} | {refuted:.1%} |"
            print(row, flush=True)
