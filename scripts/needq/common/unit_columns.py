"""What the columns of the tables of units, of doses and of the MLP mean."""

from needq.common.column_parts import KEYS, NOISE_SEEDS, with_intervals

# the verdicts on a ranking, and on a unit
RELIABLE, NOT_RELIABLE, TOO_FEW = "reliable", "not reliable", "cannot be decided"
WEAK, SPARE = "weak point", "spare"

MATRIX = (
    "What is replaced: q is W_Q, qk is W_Q and W_K, and so on. mlp_in are the weights of the MLP "
    "that read the residual stream, mlp_out those that write it, mlp both."
)
DOCUMENTS = "Number of documents of the evaluation text that were scored."
RISE = (
    "Rise of nll over the pristine model on the same documents, in nats per token: the damage. "
    "Mean over noise seeds and documents. Below 0: the model predicts better without what was "
    "replaced."
)

UNITS = with_intervals(
    ("rise",),
    {
        "sweep": KEYS["sweep"],
        "matrix": MATRIX,
        "intervention": KEYS["intervention"],
        "block": "Index of the block that the unit is in, from 0.",
        "head": "Index of the head, from 0. Empty unless the sweep replaces single heads.",
        "group": "Index of the group of dimensions of the residual stream, from 0. Empty unless "
        "the sweep replaces groups of dimensions.",
        "rise": RISE,
        "rank": "Place of the unit among the units of its sweep by rise: 1 has the largest. Equal "
        "rises have the mean of their ranks.",
        "rank_low": "Lower end of the 95% interval of rank, from 1000 resamples of noise seeds and "
        "documents.",
        "rank_high": "Upper end of the 95% interval of rank.",
        "top": "Share (0 to 1) of the resamples in which the unit is among the k with the largest "
        "rise. unit_reliability.tsv has k, a tenth of the units.",
        "bottom": "Share (0 to 1) of the resamples in which the unit is among the k with the "
        "smallest rise.",
        "verdict": "weak point: reliably among the k with the largest rise. spare: reliably among "
        "the k with the smallest. Both need a reliable ranking (unit_reliability.tsv) and at least "
        "0.95 of the resamples; a weak point also needs an interval of rise above 0. undecided: "
        "all other units.",
        "noise_seeds": NOISE_SEEDS,
        "documents": DOCUMENTS,
    },
)

UNIT_RELIABILITY = {
    "sweep": KEYS["sweep"],
    "matrix": MATRIX,
    "steps": "What the units are: heads, dimensions (groups of them) or single (blocks).",
    "units": "Number of units.",
    "split_half": "Split-half reliability of the ranking: the rank correlation (Spearman) of the "
    "rises on two random halves of the documents, each with noise seeds of its own, mean over 200 "
    "halvings, corrected to all documents and seeds (Spearman and Brown). 1: the halves rank the "
    "units alike; 0: they have nothing in common.",
    "concordance": "Kendall's W of the rankings under each noise seed. 1: all seeds rank the units "
    "alike; with unrelated rankings, about 1 divided by the number of seeds. Empty without noise.",
    "p": "How often unrelated rankings agree as much: the p of W (chi-square approximation) with "
    "other documents for each seed, twice its mean over 200 random divisions of the documents. "
    "Empty without noise.",
    "k": "How many units count as the highest, and as the lowest: a tenth, at least one.",
    "weak_points": "Number of units with the verdict weak point.",
    "verdict": "reliable: split_half is at least 0.7, and p is at most 0.05. not reliable: one of "
    "them is not. cannot be decided: fewer than 5 noise seeds.",
    "noise_seeds": NOISE_SEEDS,
    "documents": DOCUMENTS,
}

DOSES = with_intervals(
    ("rise",),
    {
        "sweep": KEYS["sweep"],
        "matrix": MATRIX,
        "method": "What replaces the matrix, as in the config. scaled: the matrix itself, "
        "multiplied by the dose.",
        "intervention": KEYS["intervention"],
        "dose": "Share of the variance of the matrix that is noise (0 is the pristine model); with "
        "the method scaled, what the matrix is multiplied by (1 is the pristine model).",
        "rise": RISE,
        "noise_seeds": NOISE_SEEDS,
        "documents": DOCUMENTS,
    },
)

HALF_DOSES = {
    "sweep": KEYS["sweep"],
    "matrix": MATRIX,
    "measure": "half-damage dose: the noise fraction at which the rise is half of that of the "
    "largest dose. half-damage factor below 1, above 1: the factor at which the rise is half of "
    "that of the smallest, or of the largest factor.",
    "estimate": "The dose, interpolated between the doses of the sweep. inf: no dose has half of "
    "the rise.",
    "low": "Lower end of the 95% interval of the dose. n too small: fewer than 5 noise seeds.",
    "high": "Upper end of the 95% interval of the dose. inf: the rise may not reach half. n too "
    "small: fewer than 5 noise seeds.",
    "full_rise": "The rise that the half is of, in nats per token.",
}

MLP = with_intervals(
    ("rise",),
    {
        "sweep": KEYS["sweep"],
        "matrix": MATRIX,
        "method": "What replaces the matrix, as in the config. gaussian: noise alone. "
        "matched_outputs: a mixture with noise that changes the output of the block as much as "
        "noise in W_Q does.",
        "intervention": KEYS["intervention"],
        "blocks_replaced": KEYS["blocks_replaced"],
        "block": KEYS["block"],
        "rise": RISE,
        "ratio": "rise divided by that of the sweep of W_Q that replaces the same blocks. Empty "
        "for W_Q itself, without such a sweep, and where the interval of W_Q's rise is not above "
        "0.",
        "ratio_low": "Lower end of the 95% interval of ratio, over noise seeds and documents, "
        "which both sweeps share. Empty with fewer than 5 noise seeds.",
        "ratio_high": "Upper end of the 95% interval of ratio.",
        "noise_seeds": NOISE_SEEDS,
        "documents": DOCUMENTS,
    },
)

RELATIVE = (
    "Change of the output of the block: the length of its difference from the pristine output, "
    "divided by the length of the pristine output, mean over tokens. The residual stream that "
    "comes to the block is the pristine model's"
)
OUTPUT_CHANGES = {
    "matrix": MATRIX,
    "block": "Index of the block, from 0.",
    "noise_seed": "Seed of the noise.",
    "noise_fraction": "Share of the variance of the MLP's matrices that is noise (0 to 1), with "
    "which change is as near to change_w_q as possible.",
    "change": f"{RELATIVE}; this mixture is in place of the MLP's matrices.",
    "change_w_q": f"{RELATIVE}; noise is in place of W_Q.",
    "change_all_noise": f"{RELATIVE}; noise alone is in place of the MLP's matrices.",
}

TABLES = {
    "units": UNITS,
    "unit_reliability": UNIT_RELIABILITY,
    "doses": DOSES,
    "half_doses": HALF_DOSES,
    "mlp": MLP,
    "output_changes": OUTPUT_CHANGES,
}
