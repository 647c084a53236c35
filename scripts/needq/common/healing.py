"""The config's group `healing`: which parameters are trained while W_Q stays noise, and how."""

from typing import Annotated, Literal

from pydantic import Field

from needq.common import values
from needq.common.group import Analysis

Parameters = Literal["query_biases", "keys", "keys_values_outputs", "norms", "all_but_queries"]
# the set that decides whether K and V can compensate
DECIDING = "keys_values_outputs"


class Healing(Analysis):
    """Whether other parameters can make up for a W_Q that is noise: they are trained while it stays
    as it is (docs/healing.md).
    """

    sweep: values.Text = "cumulative"
    """The sweep whose interventions are healed. It replaces W_Q in cumulative steps."""
    blocks_replaced: values.BlocksReplaced = ["all"]
    """Which interventions of the sweep, by the number of blocks that they replace. all: as many as
    it replaces at most.
    """
    noise_seeds: values.Count = 5
    """How many of the config's noise seeds are used, from the first on, or all if there are fewer.
    """
    parameters: Annotated[list[Parameters], Field(min_length=1), *values.DIFFERENT] = [
        "query_biases",
        "keys",
        "keys_values_outputs",
        "norms",
        "all_but_queries",
    ]
    """Sets of parameters; a model is trained for each. query_biases: b_Q. keys: W_K and its bias.
    keys_values_outputs: W_K, W_V, W_O and their biases. norms: the layer norms. all_but_queries:
    all but W_Q. The claims need keys_values_outputs.
    """
    text: values.PathOrNull = None
    """The path of the training text, a file like evaluation.ngram_text. null for that one."""
    steps: values.Count = 128
    """The number of training steps. The loss is measured after 0, 1, 2, 4, 8 ... steps, and after
    the last one.
    """
    batch: values.RowCount = 2
    """The number of documents in a training step."""
    tokens: values.Count = 256
    """The largest number of tokens of a training row, which is the beginning of a document."""
    learning_rate: values.ShareOrNull = None
    """The largest learning rate of AdamW. It rises over 10 steps, then falls to 0. null for each
    set's own (docs/healing.md).
    """
    documents: values.Count = 24
    """How many documents of the evaluation text, from the first on, measure the loss."""
    save: values.Flag = False
    """Whether each healed model is kept as a folder, which transformers and needq load."""


# the largest learning rate of each set: the fewer the parameters, the larger (docs/healing.md)
RATES = {
    "query_biases": 0.05,
    "keys": 0.01,
    "keys_values_outputs": 0.003,
    "norms": 0.05,
    "all_but_queries": 0.001,
}
# the sets as readers know them
WORDS = {
    "query_biases": "b_Q",
    "keys": "W_K",
    "keys_values_outputs": "W_K, W_V and W_O",
    "norms": "the layer norms",
    "all_but_queries": "all but W_Q",
}
