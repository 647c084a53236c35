"""What every column of the table of probes means: see needq.common.columns."""

from needq.common.column_parts import KEYS, NOISE_SEEDS, with_intervals

PROBES = with_intervals(
    ("score", "change", "control", "selectivity"),
    {
        "property": "What the probe reads from the residual stream at a token. previous token: the "
        "token before it. last name: the name that was mentioned last. number of the subject: of "
        "the subject of the sentence, singular or plural. end of sentence: whether the next token "
        "ends the sentence. position: how many tokens stand before it in the document.",
        "measure": "What is measured of the probe: accuracy (0 to 1), or R2, the share of the "
        "variance of the position that is predicted. R2 is 0 if the probe predicts as badly as "
        "the mean position, and below 0 if worse.",
        "sweep": KEYS["sweep"],
        "intervention": KEYS["intervention"],
        "blocks_replaced": KEYS["blocks_replaced"],
        "layer": "Number of blocks that the residual stream has passed. 0: before the first block, "
        "where it has the embeddings of token and position alone.",
        "classes": "Number of labels that the probe tells apart. Each has as many tokens as the "
        "others. Empty for the position.",
        "score": "Accuracy or R2 of the probe on tokens of documents that it was not trained on. "
        "Mean over noise seeds and documents. Higher: more can be read.",
        "majority": "What the probe would have without the stream: the share of the most frequent "
        "label for an accuracy, 0 for R2.",
        "change": "score less that of the pristine model at the same layer, on the same tokens. "
        "Below 0: less can be read than from the pristine model. Empty for the pristine model.",
        "control": "Accuracy or R2 of the same kind of probe on the control task: each word of the "
        "vocabulary has a random label, the same wherever it stands. High if the probe can learn "
        "words by heart.",
        "control_majority": "Share of the most frequent label of the control task, 0 for R2. "
        "Frequent words make some labels more frequent than others.",
        "selectivity": "score less control. Below 0: the stream says more about which word stands "
        "at the token than about the property.",
        "noise_seeds": NOISE_SEEDS,
        "documents": "Number of documents that have tokens of this property.",
        "items": "Number of tokens. Half of the documents train the probe that is tested on the "
        "other half, and vice versa.",
    },
)
