"""Made-up damage of block subsets, and its tables."""

import numpy as np
import pandas
from needq.corrupt.subsets import scored_subsets
from needq.metrics import subsets


def rows_of(damage_of_subset, n_blocks, seeds=(0, 1, 2, 3, 4), documents=6, permutations=4):
    """Rows of schemas.SUBSETS; the damage is that of a function of subset, seed and document."""
    rows = [
        {
            "noise_seed": seed,
            "subset": int(subset),
            "document": document,
            "tokens": 40,
            "nll": 2 + document / 10 + damage_of_subset(int(subset), seed, document),
        }
        for seed in seeds
        for subset in scored_subsets(n_blocks, seed, permutations)
        for document in range(documents)
    ]
    return pandas.DataFrame(rows).sample(frac=1, random_state=0)


def backed_up(n_blocks):
    """A damage by which blocks 1 and 2 back each other up, and each block adds a little."""

    def damage(subset, seed, document):
        if not subset:
            return 0.0
        size = subset.bit_count()
        jitter = np.sin(subset * 7 + seed * 3 + document * 5) / 200
        scale = (1 + seed / 20) * (1 + document / 10)
        return scale * (size * 0.05 + 0.8 * (subset & 6 == 6)) + jitter

    return damage


def made_tables(n_blocks=4, seeds=(0, 1, 2, 3, 4)):
    """The tables shapley, interactions, sizes and summary of `backed_up`."""
    found = subsets.damage_of(rows_of(backed_up(n_blocks), n_blocks, seeds), n_blocks)
    values = subsets.block_values(found, 4)
    interactions = subsets.interactions_table(found)
    return {
        "shapley": subsets.shapley_table(found, values),
        "interactions": interactions,
        "sizes": subsets.sizes_table(found, 4),
        "summary": subsets.summary_table(found, values, interactions),
    }
