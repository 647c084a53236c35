"""The colours of labels: letters can be read, and neighbours are told apart."""

from itertools import pairwise

import pytest
from contrast import contrast
from needq.common.keys import ALL_LABELS
from needq.common.label_colours import LABEL_COLOURS
from needq.figures import theme


@pytest.mark.parametrize("label", ALL_LABELS)
def test_letters_on_a_label_can_be_read(label):
    assert contrast(*LABEL_COLOURS[label]) >= 4.5


def test_labels_differ_and_figures_have_the_same():
    papers = [colours.paper for colours in LABEL_COLOURS.values()]
    assert len(set(papers)) == len(papers)
    assert [theme.LABELS[label] for label in ALL_LABELS] == papers
    for one, other in pairwise(papers):
        assert contrast(one, other) > 1.1
