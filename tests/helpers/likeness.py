"""Print how alike labels of texts are that share a noise seed or a prompt (docs/metrics.md).

PYTHONPATH=scripts python tests/helpers/likeness.py results/pocket-gpt2/labels/cpu.parquet
"""

import sys

import numpy as np
import pandas as pd
from needq.common.keys import LABELS
from needq.metrics.half_points import cells

SOME = 0.05  # of the texts at least have the label, and lack it


def components(has):
    """The variances by seed, by prompt and of the rest of a table (seeds, prompts)."""
    seeds, prompts = has.shape
    by_seed, by_prompt, mean = has.mean(1, keepdims=True), has.mean(0, keepdims=True), has.mean()
    rest = ((has - by_seed - by_prompt + mean) ** 2).sum() / ((seeds - 1) * (prompts - 1))
    found = [
        (means.var(ddof=1) - rest / size)
        for means, size in ((by_seed, prompts), (by_prompt, seeds))
    ]
    return np.array([*found, rest])


if __name__ == "__main__":
    texts = pd.read_parquet(sys.argv[1])
    texts = texts[texts["sweep"] == "cumulative"]
    print("| label | steps | likeness by noise seed | by prompt |")
    print("| --- | --- | --- | --- |")
    for label in LABELS:
        table, _ = cells(texts.assign(has=(texts["label"] == label) * 1.0), "has", "prompt")
        steps = [step for step in np.moveaxis(table, 2, 0)[1:] if SOME < step.mean() < 1 - SOME]
        if steps:
            parts = np.sum([components(step) for step in steps], axis=0)
            by_seed, by_prompt, _ = np.round(parts / parts.sum(), 2) + 0.0  # no -0.00
            print(f"| {label} | {len(steps)} | {by_seed:.2f} | {by_prompt:.2f} |")
