"""The config's group `subsets`: the damage of every subset of blocks."""

from needq.common import values
from needq.common.group import Analysis

EXACT_BLOCKS = 14  # a model of more has too many subsets: 2^14 are 16,384 per noise seed
MOST_BLOCKS = 62  # a subset is a number of so many bits


class Subsets(Analysis):
    """The damage of every subset of blocks, and what each block and each pair of blocks has to do
    with it (Shapley values). Off by default, since it takes long: see configs/subsets.yaml.
    """

    sweep: values.Text = "cumulative"
    """The sweep whose matrix, method and settings are used. Each block is replaced as by the step
    of this sweep that replaces all blocks.
    """
    documents: values.CountOrNull = 30
    """How many documents are scored, from the first one on. null for all."""
    tokens_per_document: values.CountOrNull = 40
    """How many tokens of each document are scored, from its beginning, at most. null for all that
    evaluation.tokens_per_document leaves.
    """
    noise_seeds: values.Count = 5
    """How many of the config's noise seeds are used, from the first on."""
    permutations: values.CountFrom2 = 50
    """For models of more than 14 blocks: how many orders of the blocks are drawn for each noise
    seed. Each second one is the reverse of the one before, so their number is even.
    """
