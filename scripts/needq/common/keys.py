"""The key columns of interventions, texts and pairs, names made from keys, and labels."""

from collections.abc import Sequence
from hashlib import sha256
from struct import pack

SCALED = "scaled"  # the method that multiplies a matrix by a dose
WITHOUT_NOISE = ("zero", "identity", "rolled_heads", SCALED)  # methods that draw nothing
MEASURED = "matched_scores"  # one whose noise needs the model, not its weights alone
EQUAL_CHANGE = "matched_outputs"  # another: of the MLP, at the change of the output that W_Q has
MLP_IN, MLP_OUT, MLP = MLPS = ("mlp_in", "mlp_out", "mlp")  # the MLP's matrices, and all of them
# of which blocks W_Q is replaced where attention is measured: of none, of the block, of all
PRISTINE, ONE_BLOCK, ALL_BLOCKS = "pristine", "this block", "all blocks"
ATTENTION = ("score_spread", "entropy", "self", "previous", "first")  # what is measured of it
# of an intervention under all noise seeds; `block` is empty unless single blocks are replaced
INTERVENTION = ("sweep", "intervention", "block", "blocks_replaced")
# of a text, by all backends
TEXT = ("sweep", "intervention", "noise_seed", "prompt", "sample_seed")
PAIR = ("left", "right")

# the tasks whose answers are summarised
GRAMMAR, INFERENCE, COPY = ("grammar", "cloze inference", "cloze copying")

# the labels of texts, from the least to the most damage
LABELS = ("near normal", "meaning lost", "repetitive", "noise")
NONE = "none of these"  # the text resembles no kind of reference text
UNLABELLED = "unlabelled"  # the text is too short, or there are too few reference texts
ALL_LABELS = (*LABELS, NONE, UNLABELLED)

TOO_SMALL = "n too small"  # in place of an interval, if there are too few noise seeds


def matrices(matrix: str) -> tuple[str, ...]:
    """The matrices of a sweep that have a stored noise each: "q" and "k" for "qk".

    Those of the MLP share one, since only the model's layout says how many there are.
    """
    return (matrix,) if matrix in MLPS else tuple(matrix)


def tensor_name(block: int, matrix: str, kind: str) -> str:
    """The name, in a stored noise, of the noise of a matrix ("weight") or its bias ("bias").

    A stored noise of the MLP has several matrices, so their names are in it: 3.mlp_in.up.weight.
    """
    return f"{block}.{matrix}.{kind}" if matrix.startswith(MLP) else f"{block}.{kind}"


def noise_name(matrix: str, method: str, noise_seed: int | None) -> str:
    """The name of a stored noise: its file name without suffix.

    A method that draws nothing has one file for all seeds, with seed 0. `scaled` has one for each
    dose: `scaled_50` is half of the matrix.
    """
    drawn = method.partition("_")[0] != SCALED and method not in WITHOUT_NOISE
    return f"{matrix}-{method}-{noise_seed if drawn else 0}"


def noise_parts(name: str) -> tuple[str, str, int]:
    """The matrix, method and noise seed of a stored noise: the inverse of `noise_name`."""
    matrix, method, seed = name.split("-")
    return matrix, method, int(seed)


def model_name(source: str, location: str) -> str:
    """What a model is called: the last part of its path, or its name on the hub or on PyPI."""
    if source in ("folder", "gguf"):
        return location.rstrip("/").rpartition("/")[2]
    return location


def corner_key(corner: str, logits: str) -> str:
    """The name of the logits of a corner of the ledger, where `logits` is a `logits_key`."""
    return f"{corner}: {logits}"


def logits_key(intervention: str, noise_seed: int | None) -> str:
    """The name of the logits of one intervention and noise seed in a file."""
    return f"{intervention}@{'none' if noise_seed is None else noise_seed}"


def text_hash(tokens: Sequence[int]) -> int:
    """A number of 64 bits that is equal for equal texts, on every machine."""
    digest = sha256(pack(f"<{len(tokens)}q", *tokens)).digest()
    return int.from_bytes(digest[:8], "little", signed=True)
