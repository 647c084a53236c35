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
    "intervention": "The intervention: MATRIX/SWEEP/COUNT, where COUNT 00 is the pristine model; "
    "or, for single blocks, MATRIX/SWEEP/BLOCK, where BLOCK none is.",
    "block": "Index of the replaced block, from 0. Only in sweeps that replace single blocks.",
    "blocks_replaced": "Number of blocks whose matrix is replaced.",
}

DEGRADATION = {
    **KEYS,
    "backend": "The backend that computed it.",
    "label": "What most of its texts are: near normal, meaning lost, repetitive, noise, or "
    "unlabelled; of several, the first. Empty where no texts are generated, as all that follows "
    "from texts.",
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
    **_with_interval(
        "grammar",
        "Accuracy on the structure probe, the share of minimal pairs of which the grammatical "
        "sentence is the likelier; chance is 0.5. Empty where the backend answers no probes.",
    ),
    **_with_interval(
        "cloze",
        "Accuracy on the meaning probe, the share of passages of which the right last word is the "
        "likeliest candidate; chance is one over their number.",
    ),
    "noise_seeds": "How many noise seeds the means are over; 0 where there is no noise.",
    "texts": "How many texts were generated.",
    "example": "One of them: first noise seed, first prompt, first sample seed.",
}

LABELS = {
    **KEYS,
    "backend": DEGRADATION["backend"],
    "label": "near normal, meaning lost, repetitive, noise; or unlabelled: under 8 tokens, or too "
    "few of the pristine model's texts to fit labels to.",
    **_with_interval("share", "Share of the texts that have it; over noise seeds and prompts."),
    "texts": "How many texts were generated.",
}

LABEL_CONFUSION = {
    "kind": "How the held-out controls were made (docs/labels.md).",
    "of": "The label of that kind.",
    "label": "The label that they got.",
    "controls": "How many of them.",
}

LABEL_QUALITY = {
    "measure": "accuracy of two neighbouring labels: the mean share of their held-out controls "
    "that got their own label. Or texts that resemble no control: beyond the distance that 99% of "
    "a kind's own controls keep, for every kind.",
    "value": "A share, from 0 to 1.",
    "texts": "How many texts it is a share of.",
}

CLAIMS = {
    "claim": "C1 to C5, as docs/claims.md names them.",
    "statement": "What the article says.",
    "test": "What is measured, and the range in which the claim is true; all, for the claim as a "
    "whole.",
    "estimate": "The number measured; empty for the claim as a whole.",
    "low": "Lower end of its 95% interval; n too small under 5 noise seeds.",
    "high": "Its upper end.",
    "verdict": "supported if the whole interval lies in the range, refuted if none of it does, "
    "else undecided. A claim is refuted if a test is, and supported if all are.",
}

NULL_LADDER = {
    "method": "What replaces W_Q instead of Gaussian noise; or bias: the noise, and b_Q, too.",
    "ratio": "Its damage, the mean rise of nll, as a share of that of Gaussian noise.",
    "low": "Lower end of its 95% interval; n too small under 5 noise seeds.",
    "high": "Its upper end.",
    "verdict": "supported: alike, the interval lies within 4/5 and 5/4; refuted: outside; or "
    "undecided.",
}

PHASES = {
    "measure": "The half-point of a probe, in blocks: where its accuracy is half-way from the "
    "pristine model's to chance. Or by how much two shapes of the decline differ in squared error "
    "on held-out noise seeds and items. Or the shape that is found best.",
    "estimate": "Its value.",
    "low": "Lower end of its 95% interval; n too small under 5 noise seeds.",
    "high": "Its upper end; inf where the curve may not fall so far.",
    "verdict": "The shape: one break, two breaks, smooth or undecided.",
}

PAIR = {
    "left": "The first backend of the pair.",
    "right": "The second; equal to the first for a null control (the same again in a second "
    "process).",
}

LOGIT_ERROR = (
    "Standard deviation of the difference of two different tokens' logit errors, tokens weighted "
    "by probability: what can change a choice, in nats at temperature 1."
)

DIVERGENCE = {
    **PAIR,
    "sweep": KEYS["sweep"],
    "intervention": KEYS["intervention"],
    "noise_seed": "Which noise; empty where there is none.",
    "prompt": "Which prompt: its index in the config, from 0.",
    "sample_seed": "Which of the prompt's texts.",
    "identical": "Whether both backends generated the same tokens.",
    "first_divergent_token": "The first new token that differs, from 0; empty if identical.",
    "tokens": "How many new tokens were compared.",
    "max_abs_logit": "Largest |difference| of a logit, both given the same tokens. First sample "
    "seed only, as the three that follow.",
    "max_ulp": "The same in units in the last place of the coarser format.",
    "kl": "KL(left || right) of the next token given the same tokens, in nats per token.",
    "top1_flips": "At how many compared positions the likeliest token differs.",
    "logit_error": LOGIT_ERROR,
    "margin": "By how many nats the left backend's token won where the texts part; empty if "
    "identical.",
}

DIVERGENCE_MEASURES = {
    **_with_interval("identical", "Share of texts of which both backends generated every token."),
    **_with_interval(
        "shared",
        "Which part of the left text lies before the first divergent token, 1 if there is none; "
        "mean over noise seeds and prompts. Lower is earlier.",
    ),
    "first_divergent_token": "Median of the first new token that differs, from 0, over the texts "
    "that differ.",
    "first_divergent_q25": "Its lower quartile.",
    "first_divergent_q75": "Its upper quartile.",
    "max_abs_logit": "Largest |difference| of a logit, both given the same tokens, over all texts "
    "compared.",
    "max_ulp": "The same in units in the last place of the coarser format: those of float64 are "
    "small.",
    "kl": "KL(left || right) of the next token given the same tokens, in nats per token; mean over "
    "texts.",
    "top1_flips": "At how many compared positions the likeliest token differs; sum over texts.",
    "logit_error": LOGIT_ERROR,
    "margin": "By how many nats the left backend's token won where the texts part; median over the "
    "texts that differ.",
    "noise_seeds": "How many noise seeds the means are over; 0 where there is no noise.",
    "texts": "How many texts were compared.",
}

DIVERGENCE_SUMMARY = {**PAIR, **KEYS, **DIVERGENCE_MEASURES}

DIVERGENCE_TREND = {
    **PAIR,
    "sweep": KEYS["sweep"],
    **_with_interval(
        "slope",
        "By which part of the text later (above 0) or earlier each further block replaced makes "
        "them part; mean over noise seeds and prompts.",
    ),
    "verdict": "earlier or later, if the interval leaves 0 out; else undecided.",
    "noise_seeds": "How many noise seeds the mean is over.",
    "texts": "How many texts were compared.",
}

FLIPS = {
    "left": "The ladder's reference.",
    "right": "A backend of the ladder.",
    "blocks_replaced": "How many blocks have their matrix replaced; empty for all texts together.",
    "logit_error": LOGIT_ERROR,
    "texts": "How many texts were compared.",
    "parted": "In how many the two backends part.",
    "predicted": "In how many the flip law expects it.",
    "predicted_low": "Lower end of the law's 95% interval for that number.",
    "predicted_high": "Its upper end.",
    "p_value": "How likely a number as far off as that observed is if the law holds (two-sided); "
    "empty where fewer than one text is expected to part.",
    "place_p_value": "The same for where they part (chi-square over runs of tokens); empty where "
    "too few texts are expected to.",
}

FLIP_PLACES = {
    "left": FLIPS["left"],
    "right": FLIPS["right"],
    "token": "The new token, from 0.",
    "parted": "How many texts part there.",
    "predicted": "How many the flip law expects to.",
}

STEP = {
    "order": "forwards, backwards, or control: a backend against itself in a second process.",
    "step": "How many causes are removed, from 0.",
    "cause": "The cause that this step removes for both backends; native everything for none.",
}

LEDGER_TEXTS = {
    **PAIR,
    **STEP,
    **{name: DIVERGENCE[name] for name in DIVERGENCE if name not in PAIR},
}

LEDGER = {**PAIR, **STEP} | {
    name.replace("identical", "identical_share"): meaning.replace("identical:", "identical_share:")
    for name, meaning in DIVERGENCE_MEASURES.items()
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
    "labels": LABELS,
    "label_confusion": LABEL_CONFUSION,
    "label_quality": LABEL_QUALITY,
    "claims": CLAIMS,
    "null_ladder": NULL_LADDER,
    "phases": PHASES,
    "divergence_summary": DIVERGENCE_SUMMARY,
    "divergence": DIVERGENCE,
    "divergence_trend": DIVERGENCE_TREND,
    "flips": FLIPS,
    "flip_places": FLIP_PLACES,
    "ledger": LEDGER,
    "ledger_texts": LEDGER_TEXTS,
    "q_histogram": HISTOGRAM,
}
