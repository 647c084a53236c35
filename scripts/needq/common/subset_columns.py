"""What the columns of the tables of block subsets mean."""

from needq.common.column_parts import with_intervals

_HELD_OUT = (
    "Rise of nll by the {0} damaging subset, in nats per token, without the luck of noise "
    "seeds: the subset is chosen by all noise seeds but one, and its damage is that under the one "
    "left out, on the same documents; mean over noise seeds. Empty with one noise seed, and if not "
    "every subset was scored."
)
_CHOSEN = "Empty if not every subset was scored."

SHAPLEY = with_intervals(
    ("shapley", "alone", "last"),
    {
        "block": "Index of the block, from 0.",
        "shapley": "Shapley value: the rise of nll that the block adds when its matrix is "
        "replaced, in nats per token; mean over all orders in which blocks can be replaced, noise "
        "seeds and documents. The values of all blocks sum to the damage of all blocks.",
        "alone": "Rise of nll if this block alone is replaced, in nats per token.",
        "last": "Rise of nll that the block adds if all others are replaced already, in nats per "
        "token. Below 0: with all others replaced, the model is better without this block's "
        "matrix.",
    },
)

INTERACTIONS = with_intervals(
    ("interaction",),
    {
        "block": "Index of the first block of the pair, from 0.",
        "other_block": "Index of the second block of the pair.",
        "interaction": "Shapley interaction index: the rise of nll by both blocks less the sum of "
        "the rises by each, in nats per token; mean over which other blocks are replaced, noise "
        "seeds and documents. Above 0: together they cost more than their sum, as blocks do "
        "that back each other up, but not only these. Below 0: their damages overlap.",
    },
)

SUBSET_SIZES = with_intervals(
    ("mean", "in_order", "least", "most"),
    {
        "blocks_replaced": "Number of blocks whose matrix is replaced.",
        "subsets": "Number of subsets of this size per noise seed: all, or those that the drawn "
        "orders lead to.",
        "mean": "Rise of nll, in nats per token; mean over subsets of this size, noise seeds and "
        "documents.",
        "in_order": "Rise of nll if the first blocks of the model are replaced, as the article "
        "does, in nats per token.",
        "least_blocks": f"The blocks of the least damaging subset of this size. {_CHOSEN}",
        "least": "Rise of nll by the least damaging subset of this size, in nats per token. The "
        f"choice makes it a little too small, and its interval ignores the choice. {_CHOSEN}",
        "least_held_out": _HELD_OUT.format("least"),
        "most_blocks": f"The blocks of the most damaging subset of this size. {_CHOSEN}",
        "most": "Rise of nll by the most damaging subset of this size, in nats per token. The "
        f"choice makes it a little too large, and its interval ignores the choice. {_CHOSEN}",
        "most_held_out": _HELD_OUT.format("most"),
    },
)

SUBSETS = {
    "measure": "What is measured. damage of all blocks: the rise of nll with all blocks replaced, "
    "in nats per token. sum of the damages of single blocks: of the rises of nll with each block "
    "replaced by itself. effective number of blocks: (sum of the Shapley values)^2 / sum of their "
    "squares, less what chance adds to the squares; 1 if one block has all the damage, all blocks "
    "if they share it equally. sum of the interactions above 0, and below 0: of the interactions "
    "of all pairs, in nats per token; chance makes both larger, so they have no interval.",
    "estimate": "The measured value.",
    "low": "Lower end of the 95% interval of the estimate. Empty if there are too few values for "
    "an interval.",
    "high": "Upper end of the 95% interval of the estimate. Empty if there are too few values for "
    "an interval.",
}

TABLES = {
    "shapley": SHAPLEY,
    "interactions": INTERACTIONS,
    "subset_sizes": SUBSET_SIZES,
    "subsets": SUBSETS,
}
