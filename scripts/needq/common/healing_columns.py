"""What the columns of the tables of healing and of the factorial mean."""

from needq.common.column_parts import NOISE_SEEDS, with_intervals

HEALING = with_intervals(
    ("rise", "rise_over_control", "recovered", "recovered_absolute"),
    {
        "parameters": "Set of parameters that is trained, as the config names it. docs/healing.md "
        "lists them.",
        "blocks_replaced": "Number of blocks whose W_Q is noise, before and after the training. 0 "
        "is the control: the pristine model, trained as long.",
        "step": "Number of training steps before the measurement. 0 is before any training.",
        "rise": "nll after the training less the nll of the pristine model before it, on the same "
        "documents, in nats per token. Mean over noise seeds and documents.",
        "rise_over_control": "nll of the healed model less the nll of the control after as many "
        "steps, on the same documents, in nats per token. Mean over noise seeds and documents. "
        "Empty for the control.",
        "recovered": "Share of the damage that is recovered, beside the control: 1 - "
        "rise_over_control / damage, where damage is the rise at step 0. 1: the healed model "
        "predicts as well as the control. 0: nothing is recovered. Empty for the control.",
        "recovered_absolute": "Share of the damage that is recovered, beside the pristine model "
        "before any training: 1 - rise / damage. Above recovered if the control gets better by "
        "training, below it if the control gets worse. Empty for the control.",
        "noise_seeds": NOISE_SEEDS,
        "documents": "Number of documents of the evaluation text on which nll is measured.",
    },
)

FACTORIAL = with_intervals(
    ("rise", "ratio"),
    {
        "blocks_replaced": "Number of blocks in which matrices are replaced by noise.",
        "effect": "Main effect or interaction. W_Q: what replacing W_Q adds, mean over W_K and "
        "W_V pristine and replaced. W_Q x W_V: how much more it adds if W_V is replaced too, mean "
        "over W_K pristine and replaced. W_Q x W_K x W_V: how much larger this interaction is if "
        "W_K is replaced too.",
        "rise": "The effect on nll, in nats per token. Mean over noise seeds and documents. Above "
        "0 for an interaction: damages add up to more than their sum. Below 0: to less.",
        "ratio": "Of two matrices: damage of both together divided by the sum of the damages of "
        "each, while the third is pristine. 1: damages add up. It decides no claim "
        "(docs/claims.md). Empty for one matrix and for three.",
        "noise_seeds": NOISE_SEEDS,
        "documents": "Number of documents of the evaluation text.",
    },
)
