"""What every column of every table means. The pages show it; docs/metrics.md repeats it."""

from needq.common import subset_columns
from needq.common.column_parts import BACKEND, KEYS, NOISE_SEEDS, TEXTS, with_intervals
from needq.common.divergence_columns import (
    DIVERGENCE,
    DIVERGENCE_SUMMARY,
    DIVERGENCE_TREND,
    FLIP_MARGINS,
    FLIP_PLACES,
    FLIPS,
    LEDGER,
    LEDGER_CORNERS,
    LEDGER_TEXTS,
)
from needq.common.healing_columns import FACTORIAL, HEALING
from needq.common.label_columns import LABEL_AXES, LABEL_CONFUSION, LABEL_QUALITY, LABELS
from needq.common.positions import BAND_NAMES, BANDS
from needq.common.probe_columns import PROBES
from needq.common.unit_columns import TABLES as UNIT_TABLES


def _ends(name: str) -> dict[str, str]:
    few = "n too small: fewer than 5 noise seeds."
    return {
        "low": f"Lower end of the 95% interval of the {name}. {few}",
        "high": f"Upper end of the 95% interval of the {name}. {few}",
    }


RISES = ("rise", *(f"rise_{band}" for band in BANDS))
NLL_BY_BAND = {
    f"nll_{band}": f"nll of the tokens {name} of each document, counted from 0, in nats per token. "
    "Documents without such tokens are left out."
    for band, name in BAND_NAMES.items()
}
RISE_BY_BAND = {
    f"rise_{band}": f"rise of the tokens {name} of each document, counted from 0, in nats per "
    "token. Documents without such tokens are left out."
    for band, name in BAND_NAMES.items()
}

DEGRADATION = with_intervals(
    (*RISES, "kl", "top1_agreement", "pristine_nll", "seq_rep_4", "distinct_2", "grammar", "cloze"),
    {
        **KEYS,
        "backend": BACKEND,
        "label": "The most frequent label of the generated texts: near normal, meaning lost, "
        "repetitive, noise, none of these or unlabelled. In a tie, the first in this order. Empty "
        "if the sweep generates no texts.",
        "nll": "Negative log-likelihood of the evaluation text, in nats per token: the model "
        "predicts each token from the true tokens before it. Mean over noise seeds and documents. "
        "Lower is better.",
        **NLL_BY_BAND,
        "bits_per_byte": "Negative log-likelihood of the evaluation text, in bits per byte of "
        "text, which can be compared between models with different tokenizers. Mean over noise "
        "seeds and documents. Lower is better.",
        "rise": "nll less the nll of the pristine model on the same documents, in nats per token: "
        "the damage. Mean over noise seeds and documents of the difference. 0 for the pristine "
        "model. Lower is less damage.",
        **RISE_BY_BAND,
        "kl": "KL divergence KL(pristine || intervened) of the next-token distributions on the "
        "evaluation text, in nats per token. Mean over noise seeds and documents. 0 for the "
        "pristine model. Lower is closer to the pristine model.",
        "top1_agreement": "Share (0 to 1) of the positions of the evaluation text at which the "
        "most probable token is that of the pristine model. Mean over noise seeds and documents. "
        "Higher is closer to the pristine model.",
        "pristine_nll": "Negative log-likelihood of the generated texts under the pristine model "
        "of the same backend, in nats per token. Mean over noise seeds and prompts. Higher: less "
        "like what the pristine model writes.",
        "seq_rep_4": "Share (0 to 1) of the 4-grams of tokens in a generated text that repeat an "
        "earlier 4-gram of that text. Mean over noise seeds and prompts; texts of fewer than 4 "
        "tokens are left out. Lower is less repetitive.",
        "distinct_2": "Number of different 2-grams of tokens in a generated text, divided by the "
        "number of all 2-grams of that text (0 to 1). Mean over noise seeds and prompts; texts of "
        "fewer than 2 tokens are left out. Higher is more varied.",
        "grammar": "Accuracy (0 to 1) on the selected items of the grammar task: the share of "
        "sentence pairs in which the model gives the grammatical sentence the higher probability. "
        "The pristine model of the reference backend has 1, guessing 0.5. Higher is better. Empty "
        "if no item is answered.",
        "cloze": "Accuracy (0 to 1) on the selected items of the cloze task: the share of passages "
        "for which the model gives the right last word the highest probability of all candidates. "
        "The pristine model of the reference backend has 1, guessing 1 divided by the number of "
        "candidates. Higher is better. Empty if no item is answered.",
        "noise_seeds": NOISE_SEEDS,
        "documents": "Number of documents of the evaluation text that were scored: all by the "
        "reference backend, the first ones by the others.",
        "texts": TEXTS,
        "example": "A generated text: that of the first noise seed, prompt and sample seed.",
    },
)

BASELINES = with_intervals(
    ("nll", *RISES),
    {
        "n": "Number of tokens of the n-grams, 1 to 5. The n-gram model predicts each token from "
        "the n - 1 tokens before it: from none if n is 1.",
        "nll": "Negative log-likelihood of the evaluation text under the n-gram model, in nats per "
        "token. Mean over documents. Lower is better.",
        **NLL_BY_BAND,
        "bits_per_byte": "Negative log-likelihood of the evaluation text under the n-gram model, "
        "in bits per byte of text. Mean over documents. Lower is better.",
        "rise": "nll of the n-gram model less the nll of the pristine model on the same documents, "
        "in nats per token. Mean over documents of the difference. An intervention with a larger "
        "rise predicts worse than the n-gram model.",
        **RISE_BY_BAND,
        "documents": "Number of documents of the evaluation text.",
    },
)

ITEMS = {
    "task": "grammar or cloze.",
    "item": "Number of the item, from 0: its place in tasks.json.",
    "kind": "Grammatical phenomenon, or kind of passage. copy and bind: the passage mentions the "
    "answer. infer: it does not.",
    "right": "1 if the pristine model gives the right candidate the highest probability, 0 if "
    "not, a share if candidates tie.",
    "margin": "Log probability of the right candidate minus that of the best wrong one under the "
    "pristine model, in nats. Above 0 if the model is right.",
    "ngram_right": "Like right, for a 5-gram model of the n-gram training text. Empty without "
    "such a text.",
    "ngram_margin": "Like margin, for the 5-gram model, in nats. Empty without such a text.",
    "selected": "True if the pristine model is right and the 5-gram model is not. Without an "
    "n-gram training text: true if the pristine model is right.",
    "asked": "True if the item is asked under each intervention: the first selected items, at most "
    "tasks.pairs per phenomenon, and tasks.passages, two thirds of which do not mention the "
    "answer.",
}

TASKS = with_intervals(
    ("accuracy", "margin", "kept"),
    {
        **KEYS,
        "backend": BACKEND,
        "task": "grammar, cloze inference (the passage does not mention the answer), or cloze "
        "copying (it does).",
        "accuracy": "Share (0 to 1) of the asked items that are right. Mean over noise seeds and "
        "items. 1 for the pristine model of the reference backend, which selected the items.",
        "margin": "Log probability of the right candidate minus that of the best wrong one, in "
        "nats. Mean over noise seeds and items. Higher is better; 0 is no preference.",
        "kept": "Mean margin divided by that of the pristine model on the same items. 1: nothing "
        "is lost; 0: no preference. The interval is of the quotient, so it does not contain the "
        "differences between items that the pristine model has too.",
        "noise_seeds": NOISE_SEEDS,
        "items": "Number of items that were asked.",
    },
)

CLAIMS = {
    "claim": "The claim, as docs/claims.md names it.",
    "statement": "The claim in words.",
    "run": "Name of the run.",
    "model": "The model that the verdict is about: each verdict holds for this model alone.",
    "test": "What is measured, and the range of values in which the claim is true. all N tests: "
    "the row of the claim as a whole.",
    "estimate": "The measured value; of a test of each block in turn, that of the worst block. "
    "Empty in the row of the claim as a whole.",
    **_ends("estimate"),
    "p": "1 minus the level at which the interval just reaches the range of the test: at most 0.05 "
    "if the 95% interval is outside. 1 if the estimate is inside, which is no evidence for the "
    "claim. Of a test of each block in turn: the smallest p of its blocks times their number, so p "
    "may be above 0.05 although the interval of the worst block is outside.",
    "p_holm": "p, corrected by Holm's method for the other tests of the claim.",
    "verdict": "supported: the whole 95% interval is inside the range of the test. refuted: the "
    "interval is outside and p_holm is at most 0.05. cannot be decided: the run lacks what the "
    "test needs. undecided: all other cases. A claim is refuted if one of its tests is refuted; "
    "if not, it cannot be decided if one of its tests cannot; and it is supported if all of its "
    "tests are supported. docs/claims.md says how weak some tests are.",
    "why": "Why the test or the claim cannot be decided. Empty if it can.",
}

REPLACEMENT_METHODS = {
    "method": "What replaces W_Q. gaussian: noise with the mean and the standard deviation of W_Q. "
    "matched_scores: this noise, scaled for each head so that attention scores spread as in the "
    "pristine model. permuted: the entries of W_Q in a random order. rotated_heads, "
    "rotated_inputs: W_Q with the output of each head, or the input, rotated at random; its "
    "singular values stay. rolled_heads: each head has the W_Q of the next head. identity: a "
    "projection that is not learned. zero: zeros.",
    "bias": "What happens to the bias b_Q. kept: it stays. replaced: the method replaces it too.",
    "blocks_replaced": KEYS["blocks_replaced"],
    "rise": "Rise of nll over the pristine model on the same documents, in nats per token: the "
    "damage.",
    "rise_low": "Lower end of the 95% interval of rise. Empty if there are too few values.",
    "rise_high": "Upper end of the 95% interval of rise. Empty if there are too few values.",
    "ratio": "Damage by this method divided by damage by Gaussian noise with b_Q kept, in as many "
    "blocks. 1: the same damage. Above 1: more damage.",
    **{
        name: f"{meaning} Empty for Gaussian noise itself."
        for name, meaning in _ends("ratio").items()
    },
    "verdict": "within a fifth: the whole 95% interval of the ratio is between 4/5 and 5/4. It "
    "does not mean equal: if the interval does not contain 1, the damages differ, by less than a "
    "fifth. Otherwise, more damage or less damage: the whole interval is above or below 1. "
    "undecided: all other cases. Empty for Gaussian noise itself.",
}

_SD = "Standard deviation over noise seeds of"
ATTENTION = {
    "method": "What replaces W_Q; pristine: nothing. docs/claims.md names the methods. Its bias "
    "stays.",
    "replaced": "Where W_Q is replaced. this block: in the block of the row alone. all blocks: in "
    "every block. pristine: nowhere.",
    "block": "Index of the block, from 0.",
    "head": "Index of the head in the block, from 0.",
    "noise_seeds": NOISE_SEEDS,
    "score_spread": "Spread of attention scores: the standard deviation over the keys that a query "
    "sees, as a mean over queries. Near 0, the query is the same to all keys. Queries are those of "
    "the third and later tokens of the first documents of the evaluation text.",
    "score_spread_sd": f"{_SD} score_spread.",
    "entropy": "Entropy of the attention weights of a query, as a share of the entropy of equal "
    "weights on all keys that it sees; mean over queries. 1: attention is uniform.",
    "entropy_sd": f"{_SD} entropy.",
    "self": "Attention weight on the query's own token, mean over queries.",
    "self_sd": f"{_SD} self.",
    "previous": "Attention weight on the token before the query's, mean over queries.",
    "previous_sd": f"{_SD} previous.",
    "first": "Attention weight on the first token of the document, mean over queries.",
    "first_sd": f"{_SD} first.",
}

HALF_POINTS = {
    "measure": "What is measured. half-point of a task: the number of blocks replaced at which "
    "its accuracy is half-way from that of the pristine model to chance. half-point of a margin: "
    "the same for the mean margin, half-way to 0. Then the differences of two. squared error of A "
    "minus squared error of B: how much worse shape A of the decline of margins predicts held-out "
    "noise seeds and items than shape B (below 0: A is better). shape: the best shape.",
    "estimate": "The measured value; half-points are in blocks. inf (also as an end of the "
    "interval): the accuracy does not fall half-way within the sweep. Empty for the shape.",
    **_ends("estimate"),
    "verdict": "The shape of the decline: one break, two breaks, smooth or undecided. Empty in "
    "the other rows.",
}

HISTOGRAM = {
    "stored_noise": "Name of the stored noise: MATRIX-METHOD-SEED.",
    "noise_seed": "Seed of the stored noise: the first noise seed of the config.",
    "block": "Index of the block, from 0.",
    "bin_low": "Lower edge of the bin, in the unit of the weights.",
    "bin_high": "Upper edge of the bin, in the unit of the weights. The last bin contains it.",
    "weights": "Number of weights of the pristine matrix in the bin.",
    "noise": "Number of noise values in the bin.",
}

TABLES = {
    "degradation": DEGRADATION,
    "baselines": BASELINES,
    "labels": LABELS,
    "label_confusion": LABEL_CONFUSION,
    "label_axes": LABEL_AXES,
    "label_quality": LABEL_QUALITY,
    "items": ITEMS,
    "tasks": TASKS,
    "attention": ATTENTION,
    "probes": PROBES,
    "claims": CLAIMS,
    "replacement_methods": REPLACEMENT_METHODS,
    "half_points": HALF_POINTS,
    **subset_columns.TABLES,
    "healing": HEALING,
    "factorial": FACTORIAL,
    "divergence_summary": DIVERGENCE_SUMMARY,
    "divergence": DIVERGENCE,
    "divergence_trend": DIVERGENCE_TREND,
    "flips": FLIPS,
    "flip_places": FLIP_PLACES,
    "flip_margins": FLIP_MARGINS,
    "ledger": LEDGER,
    "ledger_corners": LEDGER_CORNERS,
    "ledger_texts": LEDGER_TEXTS,
    "q_histogram": HISTOGRAM,
    **UNIT_TABLES,
}
