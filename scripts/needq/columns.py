"""What every column of every table means: read by the report, and by docs/metrics.md's test."""

INTERVAL = "{}: {} end of the 95% interval; empty where n is too small for one."


def _with_interval(name: str, meaning: str) -> dict[str, str]:
    return {
        name: meaning,
        f"{name}_low": INTERVAL.format(name, "lower"),
        f"{name}_high": INTERVAL.format(name, "upper"),
    }


KEYS = {
    "sweep": "Name of the family of interventions, from the config.",
    "intervention": "The intervention: MATRIX/SWEEP/COUNT. COUNT 00 is the pristine model.",
    "blocks_replaced": "How many blocks have their matrix replaced.",
}

DEGRADATION = {
    **KEYS,
    "backend": "The backend that computed it.",
    **_with_interval(
        "nll",
        "Negative log-likelihood of the evaluation text, in nats per token, given the true past; "
        "the mean over noise seeds and documents. Lower is better.",
    ),
    "bits_per_byte": "The same in bits per byte of text, so that tokenizers compare. "
    "Lower is better.",
    **_with_interval(
        "kl",
        "KL(pristine || intervened) of the next token on the evaluation text, in nats per token. "
        "0 for the pristine model; lower is closer to it.",
    ),
    **_with_interval(
        "top1_agreement",
        "Share of positions of the evaluation text where the likeliest token is the pristine "
        "model's. Higher is closer to it.",
    ),
    **_with_interval(
        "text_nll",
        "Negative log-likelihood of the generated texts under the pristine model of the same "
        "backend, in nats per token. High for text that it finds strange.",
    ),
    **_with_interval(
        "seq_rep_4",
        "Share of a text's 4-grams of tokens that repeat an earlier one. Lower is better; texts "
        "of under 4 tokens are left out.",
    ),
    **_with_interval(
        "distinct_2",
        "Distinct 2-grams of tokens of a text, as a share of all its 2-grams. Higher is more "
        "varied; texts of under 2 tokens are left out.",
    ),
    "noise_seeds": "How many noise seeds the means are over; 0 for the pristine model.",
    "texts": "How many texts were generated.",
    "example": "One of them: first noise seed, first prompt, first sample seed.",
}

PAIR = {
    "left": "The first backend of the pair.",
    "right": "The second; equal to the first for a null control (the same again in a second "
    "process).",
}

DIVERGENCE = {
    **PAIR,
    "sweep": KEYS["sweep"],
    "intervention": KEYS["intervention"],
    "noise_seed": "Which noise; empty for the pristine model.",
    "prompt": "Which prompt: its index in the config, from 0.",
    "sample_seed": "Which of the prompt's texts.",
    "identical": "Whether both backends generated the same tokens.",
    "first_divergent_token": "The first new token that differs, from 0; empty if identical.",
    "tokens": "How many new tokens were compared.",
    "max_abs_logit": "Largest |difference| of a logit, both given the same tokens. First sample "
    "seed only, as the three that follow.",
    "max_ulp": "The same in units in the last place, of float32 if one side computes in it.",
    "kl": "KL(left || right) of the next token given the same tokens, in nats per token.",
    "top1_flips": "At how many compared positions the likeliest token differs.",
    "margin": "By how many nats the left backend's token won where the texts part; empty if "
    "identical.",
}

DIVERGENCE_SUMMARY = {
    **PAIR,
    **KEYS,
    **_with_interval("identical", "Share of texts of which both backends generated every token."),
    "first_divergent_token": "Median of the first new token that differs, from 0, over the texts "
    "that differ.",
    "max_abs_logit": "Largest |difference| of a logit, both given the same tokens, over all texts "
    "compared.",
    "max_ulp": "The same in units in the last place.",
    "kl": "KL(left || right) of the next token given the same tokens, in nats per token; mean over "
    "texts.",
    "top1_flips": "At how many compared positions the likeliest token differs; sum over texts.",
    "margin": "By how many nats the left backend's token won where the texts part; median over the "
    "texts that differ.",
    "noise_seeds": "How many noise seeds the means are over; 0 for the pristine model.",
    "texts": "How many texts were compared.",
}

HISTOGRAM = {
    "stored_noise": "Name of the stored noise: MATRIX-METHOD-SEED.",
    "noise_seed": "Its noise seed, the first of the config.",
    "block": "The block, from 0.",
    "bin_low": "The bin's lower edge, in the weight's own unit.",
    "bin_high": "Its upper edge; the last bin contains it.",
    "weights": "How many of the matrix's weights fall into the bin.",
    "noise": "How many of the noise's values do.",
}

TABLES = {
    "degradation": DEGRADATION,
    "divergence_summary": DIVERGENCE_SUMMARY,
    "divergence": DIVERGENCE,
    "q_histogram": HISTOGRAM,
}
