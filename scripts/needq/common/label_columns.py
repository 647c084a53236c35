"""What every column of the tables of labels means: see needq.common.columns."""

from needq.common.column_parts import BACKEND, KEYS, TEXTS, with_intervals

LABELS = with_intervals(
    ("share",),
    {
        **KEYS,
        "backend": BACKEND,
        "label": "near normal, meaning lost, repetitive, or noise. none of these: the text "
        "resembles no kind of reference text. unlabelled: fewer than 8 tokens, or too few texts of "
        "the pristine model to fit labels to.",
        "share": "Share (0 to 1) of the generated texts that have this label, of all texts. Mean "
        "over noise seeds and prompts. In its interval, equal texts count once.",
        "texts": TEXTS,
    },
)

LABEL_CONFUSION = {
    "kind": "How the held-out reference texts were made. own: texts of the pristine model. order "
    "2 and order 1: each token is drawn from those that follow the two tokens (or the one token) "
    "before it. loop: a part repeats to the end. order 0: tokens are drawn by their frequency. "
    "uniform: all tokens are equally probable.",
    "true_label": "The label that reference texts of this kind should get.",
    "label": "A label that the classifier can give, or none of these.",
    "reference_texts": "Number of held-out reference texts of this kind that got this label.",
}

LABEL_AXES = with_intervals(
    ("share",),
    {
        **KEYS,
        "backend": BACKEND,
        "axis": "local: tokens do not fit those beside them. contextual: tokens do not continue "
        "the text before them. repetition: tokens repeat those before them.",
        "share": "Share (0 to 1) of a text's tokens that are damaged on this axis, estimated from "
        "graded reference texts. Mean over noise seeds and prompts. Its interval is that of the "
        "mean estimate and leaves out errors of the scale, which is compressed near 1. "
        "labels/BACKEND.parquet has each text's share with an interval.",
        "texts": "Number of texts of 8 tokens or more, of which the share is the mean.",
    },
)

LABEL_QUALITY = {
    "measure": "What is measured. accuracy of A and B: of the held-out reference texts with the "
    "true label A or B, the share that got their true label (mean of the two labels). X that "
    "resemble no reference text: the share of the texts X, all of a sweep or those with so many "
    "blocks replaced, that are further from every kind of reference text than 99% of the texts of "
    "that kind. coverage of intervals of X damage: of the held-out reference texts with a known "
    "share of damaged tokens, the share whose 95% interval holds it: of all, most of which have no "
    "damage on the axis, and by their true share. half-width: the mean of these intervals.",
    "value": "The measured share, from 0 to 1. Higher is better for an accuracy. Lower is better "
    "for texts that resemble no reference text, and for a half-width. A coverage should be 0.95.",
    "texts": "Number of texts of which the value is a share.",
}
