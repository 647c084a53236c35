"""What every column of the tables of divergence means: see needq.common.columns."""

from needq.common.column_parts import KEYS, NOISE_SEEDS, with_intervals

PAIR = {
    "left": "Name of the first backend of the pair.",
    "right": "Name of the second backend of the pair. In a repeat it is equal to left: the "
    "backend computed again in a second process.",
}

LOGIT_ERROR = (
    "How much the errors of logits can change the choice between two tokens, in nats at "
    "temperature 1: the standard deviation of the difference of two tokens' logit errors, where "
    "tokens are weighted by their probability. 0 if the logits of both backends are equal."
)
FIRST_DIVERGENT = "Index of the first new token that differs, from 0"
GIVEN = "of the two backends, given the same tokens"
LOGITS = f"Largest absolute difference between the logits {GIVEN}"
ULP = f"{LOGITS}, in units in the last place (ulp) of the less precise number format"
KL = f"KL divergence KL(left || right) of the next-token distributions {GIVEN}, in nats per token"
TOP1 = f"Number of compared positions where the most probable tokens {GIVEN}, differ"
MARGIN = (
    "By how many nats the left backend preferred its token to the next best one, at the first "
    "divergent token"
)
ONE_SEED = "Filled only for the first sample seed."

DIVERGENCE = {
    **PAIR,
    "sweep": KEYS["sweep"],
    "intervention": KEYS["intervention"],
    "noise_seed": "Seed of the noise. Empty if there is no noise.",
    "prompt": "Index of the prompt in the config, from 0.",
    "sample_seed": "Seed of the text. Each prompt is continued once per sample seed.",
    "identical": "True if both backends generated the same tokens, False if not.",
    "first_divergent_token": f"{FIRST_DIVERGENT}. Empty if the texts are identical.",
    "tokens": "Number of new tokens in the text of the left backend.",
    "max_abs_logit": f"{LOGITS}. {ONE_SEED}",
    "max_ulp": f"{ULP}. {ONE_SEED}",
    "kl": f"{KL}. {ONE_SEED}",
    "top1_flips": f"{TOP1}. {ONE_SEED}",
    "logit_error": f"{LOGIT_ERROR} {ONE_SEED}",
    "margin": f"{MARGIN}. Empty if the texts are identical.",
}


def _divergence_measures(identical: str) -> dict[str, str]:
    """The columns of a summary; `identical` is the name of the share of identical texts."""
    return with_intervals(
        (identical, "common_prefix_share"),
        {
            identical: "Share (0 to 1) of texts that are identical: both backends generated the "
            "same tokens. Mean over noise seeds and prompts.",
            "common_prefix_share": "Share (0 to 1) of the left backend's text that comes before "
            "the first divergent token; 1 if the texts are identical. Mean over noise seeds and "
            "prompts. Lower: the backends diverge earlier.",
            "first_divergent_token": f"{FIRST_DIVERGENT}: median of the texts that differ.",
            "first_divergent_q25": f"{FIRST_DIVERGENT}: lower quartile of the texts that differ.",
            "first_divergent_q75": f"{FIRST_DIVERGENT}: upper quartile of the texts that differ.",
            "max_abs_logit": f"{LOGITS}: maximum of all texts.",
            "max_ulp": f"{ULP}: maximum of all texts. An ulp of float64 is much smaller than one "
            "of float32.",
            "kl": f"{KL}: mean over texts.",
            "top1_flips": f"{TOP1}: sum over texts.",
            "logit_error": f"{LOGIT_ERROR} Root mean square over texts.",
            "margin": f"{MARGIN}: median of the texts that differ.",
            "noise_seeds": NOISE_SEEDS,
            "texts": "Number of texts that were compared.",
        },
    )


DIVERGENCE_MEASURES = _divergence_measures("identical")
DIVERGENCE_SUMMARY = {**PAIR, **KEYS, **DIVERGENCE_MEASURES}

DIVERGENCE_TREND = with_intervals(
    ("slope",),
    {
        **PAIR,
        "sweep": KEYS["sweep"],
        "slope": "Change in the share of the text generated before the backends diverge, per "
        "additional block replaced. Mean over noise seeds and prompts. Positive: later.",
        "verdict": "Whether the backends diverge earlier or later as more blocks are replaced: "
        "earlier or later if the 95% interval of the slope does not contain 0, never if no text "
        "diverges, otherwise undecided.",
        "noise_seeds": NOISE_SEEDS,
        "texts": DIVERGENCE_MEASURES["texts"],
    },
)

FLIPS = {
    "left": "Name of the reference backend, with which the other precisions are compared.",
    "right": "Name of the backend that is compared with the reference backend.",
    "blocks_replaced": "Number of blocks whose matrix is replaced. Empty in the row of all texts.",
    "logit_error": f"{LOGIT_ERROR} Root mean square over texts.",
    "texts": DIVERGENCE_MEASURES["texts"],
    "diverged": "Number of texts in which the two backends diverge.",
    "predicted": "Number of texts in which the two backends should diverge if rounding errors "
    "alone flip tokens: predicted from the logit error, the margins of the tokens, and how far "
    "they are from the edges of top_k and top_p.",
    "predicted_low": "Lower end of the 95% interval of the predicted number of texts.",
    "predicted_high": "Upper end of the 95% interval of the predicted number of texts.",
    "p_value": "Probability of a number of diverged texts at least as far from the prediction as "
    "the observed one, if the prediction is right (two-sided, 0 to 1). A small value speaks "
    "against the prediction. Empty if fewer than one text should diverge.",
    "token_p_value": "p-value (0 to 1, two-sided) of the number of tokens that flip, of all tokens "
    "up to the first flip of each text. A small value speaks against the prediction. Filled only "
    "in the row of all texts, if at least five tokens should flip.",
    "place_p_value": "p-value (0 to 1) of a chi-square test that texts diverge at the predicted "
    "tokens. A small value speaks against the prediction. Filled only in the row of all texts, if "
    "enough texts should diverge.",
}

FLIP_PLACES = {
    "left": FLIPS["left"],
    "right": FLIPS["right"],
    "token": "Index of the new token, from 0.",
    "diverged": "Number of texts in which this token is the first divergent one.",
    "predicted": "Number of texts in which this token should be the first divergent one if "
    "rounding errors alone flip tokens.",
}

FLIP_MARGINS = {
    "left": FLIPS["left"],
    "right": FLIPS["right"],
    "margin_low": "Smallest margin of the tokens in this row, in units of the logit error. The "
    "margin is by how many nats the left backend preferred its token to the next best one.",
    "margin_high": "Largest margin of the tokens in this row, in units of the logit error; the "
    "margins are below it.",
    "tokens": "Number of tokens with such a margin. The tokens after the first flip of a text do "
    "not count.",
    "flipped": "Number of these tokens that the right backend drew differently.",
    "predicted": "Number of these tokens that should flip if rounding errors alone flip tokens.",
    "predicted_low": "Lower end of the 95% interval of the predicted number of tokens.",
    "predicted_high": "Upper end of the 95% interval of the predicted number of tokens.",
}

CORNER = {
    "corner": "The causes that the compared backend takes from the right backend; it takes the "
    "others from the left one. repeat: a backend is compared with itself in a second process.",
}
DIVERGED = (
    "Share (0 to 1) of texts in which the left backend and the backend at the corner diverge."
)
TOO_FEW = "n too small: there are fewer than five noise seeds, or fewer than two prompts."
DISTINCT = (
    "Number of different texts of the left backend. Interventions that change little repeat a text."
)

LEDGER_TEXTS = {
    **PAIR,
    **CORNER,
    "distinct_text": "Number of this text among the different texts that the left backend wrote "
    "after the prompt with the sample seed, from 0. Texts with one number are the same.",
    **DIVERGENCE,
    "prompt": f"{DIVERGENCE['prompt']} The indices after those of the config are documents of the "
    "evaluation text, whose logits are not compared.",
}
LEDGER_CORNERS = {
    **PAIR,
    **CORNER,
    "diverged_share": DIVERGED,
    "low": f"Lower end of the 95% interval of diverged_share. {TOO_FEW} Empty for a repeat.",
    "high": f"Upper end of the 95% interval of diverged_share. {TOO_FEW} Empty for a repeat.",
    **{
        name: DIVERGENCE_MEASURES[name]
        for name in (
            *("first_divergent_token", "first_divergent_q25", "first_divergent_q75"),
            *("max_abs_logit", "max_ulp", "kl", "top1_flips", "logit_error", "margin"),
            *("noise_seeds", "texts"),
        )
    },
    "distinct_texts": DISTINCT,
}
LEDGER = {
    **PAIR,
    "cause": "The cause: noise (where it is drawn), token draws (where the random numbers come "
    "from that choose tokens), or arithmetic (everything else in which the backends differ). all "
    "causes: all of them act together.",
    "effect": "alone: the share of texts that diverge if this cause alone acts. last removed: how "
    "much that share falls if, of all causes, this one is removed. share: the Shapley share, the "
    "mean of what the cause adds over all orders of the causes; these shares add up to that of all "
    "causes.",
    "estimate": "The effect, in shares of texts (0 to 1). Negative: the cause makes texts agree.",
    "low": f"Lower end of the 95% interval of the estimate. {TOO_FEW}",
    "high": f"Upper end of the 95% interval of the estimate. {TOO_FEW}",
    "p_value": "p-value (0 to 1, two-sided) of McNemar's exact test: texts with and without the "
    "cause, where different texts count once. A small value speaks against no effect. Empty for "
    "Shapley shares, and if n is too small.",
    "first_divergent_token": f"{FIRST_DIVERGENT}: median of the texts that differ if this cause "
    "alone acts, or all causes. Empty for other effects.",
    "noise_seeds": NOISE_SEEDS,
    "prompts": "Number of prompts.",
    "texts": DIVERGENCE_MEASURES["texts"],
    "distinct_texts": DISTINCT,
}
