"""Documents scored under every subset of blocks, with each different prefix computed once.

Subsets that agree in the first blocks share them. All 2^n subsets of n blocks form a binary tree:
each of its nodes passes on its residual stream twice, through the pristine and the patched block,
which makes 2 + 4 + ... + 2^n block passes instead of n 2^n.
"""

from collections.abc import Sequence

import numpy
import torch

from needq.common.logs import progress
from needq.common.rows import Tokens
from needq.common.subsets import Subsets
from needq.corrupt.patches import Patch, SlicePatch
from needq.inference.backend import Model, batches
from needq.inference.likelihood import row_nlls
from needq.inference.patcher import Patcher
from needq.inference.prefix_tree import hidden_under
from needq.inference.score import next_tokens
from needq.inference.stack import slices_in

PARTS = 16  # of the subsets, in each of which progress is told


@torch.inference_mode()
def score_subsets(
    model: Model,
    patcher: Patcher,
    patch: Patch,
    subsets: numpy.ndarray,
    documents: Sequence[Sequence[int]],
    together: int,
) -> numpy.ndarray:
    """The nll of each document under each subset, nats per token, float64 [subsets, documents].

    `patch` replaces all blocks; of it, the blocks of a subset are replaced. `documents` are token
    ids, the begin token first, and `together` of them pass through the model at once.
    """
    nlls = numpy.empty((len(subsets), len(documents)))
    pristine = list[SlicePatch]()
    choices = [(pristine, slices_in(patch, block)) for block in range(model.n_blocks)]
    replaced = [
        [choice[subset >> block & 1] for block, choice in enumerate(choices)]
        for subset in subsets.tolist()
    ]
    # documents of like length together, since the short ones of a batch are padded
    by_length = sorted(range(len(documents)), key=lambda number: len(documents[number]))
    work = [
        (part, numbers)
        for part in numpy.array_split(_in_tree_order(subsets, model.n_blocks), PARTS)
        for numbers in batches(by_length, together)
        if len(part)
    ]
    for part, numbers in progress(work, "score documents under subsets, part"):
        ids, mask, wanted = next_tokens([documents[number] for number in numbers])
        chosen = {place: replaced[place] for place in part.tolist()}
        for place, hidden in hidden_under(model, patcher, chosen, ids, mask):
            own = row_nlls(model, hidden, wanted).split(wanted.counts)
            nlls[place, numbers] = [float(of.mean()) for of in own]
    return nlls


def chosen_documents(tokens: Tokens, settings: Subsets) -> list[list[int]]:
    """The documents that are scored under subsets, each cut to as many tokens as are scored.

    The begin token comes first and is not scored.
    """
    most = settings.tokens_per_document
    rows = tokens["documents"][: settings.documents]
    return [row if most is None else row[: most + 1] for row in rows]


def _in_tree_order(subsets: numpy.ndarray, n_blocks: int) -> numpy.ndarray:
    """The places of subsets, so that those which agree in the first blocks are neighbours."""
    bits = [subsets >> block & 1 for block in reversed(range(n_blocks))]
    return numpy.lexsort(bits)


def subset_arrays(
    noise_seed: int | None,
    subsets: numpy.ndarray,
    documents: Sequence[Sequence[int]],
    nlls: numpy.ndarray,
) -> dict[str, numpy.ndarray]:
    """What `score_subsets` gives, as the columns of schemas.SUBSETS."""
    places = numpy.indices(nlls.shape).reshape(2, -1)
    tokens = numpy.array([len(row) - 1 for row in documents])
    return {
        "noise_seed": numpy.full(nlls.size, noise_seed),
        "subset": subsets[places[0]],
        "document": places[1],
        "tokens": tokens[places[1]],
        "nll": nlls.ravel(),
    }
