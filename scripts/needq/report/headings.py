"""The columns that the pages' tables show, with their headings.

A column with an interval shows it below the mean.
"""

SCORES = {
    "intervention": "intervention",
    "nll": "nll",
    "bits_per_byte": "bits per byte",
    "rise": "rise of nll",
    "rise_from_100": "rise, tokens 100 and on",
    "kl": "KL",
    "top1_agreement": "top-1 agreement",
    "noise_seeds": "noise seeds",
    "documents": "documents",
}
BASELINES = {
    "n": "n",
    "nll": "nll",
    "bits_per_byte": "bits per byte",
    "rise": "rise of nll",
    "rise_from_100": "rise, tokens 100 and on",
    "documents": "documents",
}
DEGRADATION = {
    "intervention": "intervention",
    "label": "most frequent label",
    "nll": "nll",
    "bits_per_byte": "bits per byte",
    "rise": "rise of nll",
    "rise_from_100": "rise, tokens 100 and on",
    "kl": "KL",
    "top1_agreement": "top-1 agreement",
    "grammar": "grammar",
    "cloze": "cloze",
    "pristine_nll": "pristine nll",
    "seq_rep_4": "seq-rep-4",
    "distinct_2": "distinct-2",
    "noise_seeds": "noise seeds",
    "documents": "documents",
    "texts": "texts",
}
LABEL_QUALITY = {"measure": "measure", "value": "share", "texts": "texts"}
REPLACEMENT_METHODS = {
    "method": "replacement method",
    "bias": "b_Q",
    "blocks_replaced": "blocks replaced",
    "rise": "rise of nll",
    "ratio": "rise / rise by Gaussian noise",
    "low": "95% from",
    "high": "to",
    "verdict": "damage",
}
ATTENTION = {
    "block": "block",
    "score_spread": "spread of scores",
    "entropy": "entropy (share of uniform)",
    "self": "weight on itself",
    "previous": "on the previous token",
    "first": "on the first token",
}
SHAPLEY = {
    "block": "block",
    "shapley": "Shapley value",
    "alone": "rise of nll alone",
    "last": "rise if all others are replaced",
}
PAIRS = {
    "block": "block",
    "other_block": "other block",
    "interaction": "interaction",
}
SUBSET_SIZES = {
    "blocks_replaced": "blocks replaced",
    "mean": "rise of nll, mean of subsets",
    "in_order": "the first blocks",
    "least": "least damaging",
    "least_blocks": "its blocks",
    "most": "most damaging",
    "most_blocks": "its blocks",
}
SUBSETS = {"measure": "measure", "estimate": "estimate", "low": "95% from", "high": "to"}
HALF_POINTS = {
    "measure": "measure",
    "estimate": "estimate",
    "low": "95% from",
    "high": "to",
    "verdict": "best shape",
}
UNITS = {
    "block": "block",
    "head": "head",
    "group": "group of dimensions",
    "rise": "rise of nll",
    "rank": "rank",
    "top": "among the highest (share)",
    "bottom": "among the lowest (share)",
    "verdict": "verdict",
}
UNIT_RELIABILITY = {
    "sweep": "sweep",
    "steps": "units",
    "units": "number",
    "split_half": "split-half reliability",
    "concordance": "Kendall's W",
    "p": "p of W",
    "k": "k",
    "weak_points": "weak points",
    "verdict": "ranking",
}
DOSES = {"dose": "dose", "rise": "rise of nll"}
HALF_DOSES = {
    "sweep": "sweep",
    "measure": "measure",
    "estimate": "estimate",
    "low": "95% from",
    "high": "to",
    "full_rise": "rise at the end",
}
MLP = {
    "blocks_replaced": "blocks replaced",
    "block": "block",
    "rise": "rise of nll",
    "ratio": "rise, divided by that of W_Q",
}
OUTPUT_CHANGES = {
    "matrix": "mixed with noise",
    "block": "block",
    "noise_fraction": "share of noise",
    "change": "change of the output",
    "change_w_q": "by noise in W_Q",
    "change_all_noise": "by noise alone",
}
DIVERGENCE = {
    "intervention": "intervention",
    "identical": "identical texts (share)",
    "common_prefix_share": "common prefix (share)",
    "first_divergent_token": "first divergent token",
    "max_abs_logit": "max |logit difference|",
    "max_ulp": "max ulp",
    "kl": "KL",
    "top1_flips": "top-1 flips",
    "margin": "margin",
    "noise_seeds": "noise seeds",
    "texts": "texts",
}
LEDGER = {
    "cause": "cause",
    "effect": "effect",
    "estimate": "diverged texts (share)",
    "low": "95% from",
    "high": "to",
    "p_value": "p",
    "first_divergent_token": "first divergent token",
}
LEDGER_CORNERS = {
    "corner": "from the right backend",
    "diverged_share": "diverged texts (share)",
    "low": "95% from",
    "high": "to",
    "first_divergent_token": "first divergent token",
    "kl": "KL",
    "max_abs_logit": "max |logit difference|",
    "texts": "texts",
    "distinct_texts": "distinct texts",
}
FLIPS = {
    "blocks_replaced": "blocks replaced",
    "logit_error": "logit error",
    "texts": "texts",
    "diverged": "diverged",
    "predicted": "predicted",
    "p_value": "p",
    "token_p_value": "p, token by token",
    "place_p_value": "p of the places",
}
FLIP_MARGINS = {
    "margin_low": "margin from (logit errors)",
    "margin_high": "to",
    "tokens": "tokens",
    "flipped": "flipped",
    "predicted": "predicted",
}
TREND = {
    "left": "left",
    "right": "right",
    "slope": "common prefix, change per block",
    "verdict": "diverge",
    "texts": "texts",
}
HEALING = {
    "parameters": "trained",
    "recovered": "recovered, beside the control",
    "recovered_absolute": "recovered, beside the untrained model",
    "rise": "rise of nll",
    "rise_over_control": "above the control",
    "noise_seeds": "noise seeds",
    "documents": "documents",
}
HEALING_CONTROL = {"parameters": "trained", "rise": "rise of nll", "documents": "documents"}
HEALING_STEPS = {
    "parameters": "trained",
    "blocks_replaced": "blocks replaced",
    "step": "steps",
    "recovered": "recovered, beside the control",
    "rise": "rise of nll",
}
FACTORIAL = {
    "blocks_replaced": "blocks replaced",
    "effect": "effect",
    "rise": "rise of nll",
    "ratio": "both / sum of each",
    "documents": "documents",
}
