"""What rows are known by: key columns of interventions, texts and pairs; the labels of texts."""

# an intervention, whatever its noise seed; `block` is set where a sweep replaces single blocks
INTERVENTION = ("sweep", "intervention", "block", "blocks_replaced")
# a text, whichever backend wrote it
TEXT = ("sweep", "intervention", "noise_seed", "prompt", "sample_seed")
PAIR = ("left", "right")

# what a text can be labelled, from the least damaged to the most
LABELS = ("near normal", "meaning lost", "repetitive", "noise")
UNLABELLED = "unlabelled"  # too short, or too few reference texts to fit labels to
ALL_LABELS = (*LABELS, UNLABELLED)

TOO_SMALL = "n too small"  # stands for an interval that too few noise seeds cannot give


def logits_key(intervention: str, noise_seed: int | None) -> str:
    """The name under which the logits of one intervention and noise seed are kept."""
    return f"{intervention}@{'none' if noise_seed is None else noise_seed}"
