"""The colours of the labels of texts, the same in every figure and on every page."""

from typing import NamedTuple

from needq.common.keys import ALL_LABELS

DARK, LIGHT = "#1d2126", "#ffffff"  # letters


class Colours(NamedTuple):
    """The colour of a label, and of letters that can be read on it."""

    paper: str
    ink: str


# those of seaborn's palette "colorblind", which are different for colour-blind readers too; what
# has no label of the article is pale
LABEL_COLOURS = dict(
    zip(
        ALL_LABELS,
        (
            Colours("#0173b2", LIGHT),
            Colours("#de8f05", DARK),
            Colours("#cc78bc", DARK),
            Colours("#4d4d4d", LIGHT),
            Colours("#d2d2d2", DARK),
            Colours("#ffffff", DARK),
        ),
        strict=True,
    )
)
