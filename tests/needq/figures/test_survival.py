"""The figure of survival: Kaplan-Meier curves of known texts."""

import numpy
import pandas
from drawn import assert_same_bytes, words
from needq.figures import survival as survival_figures

COUNTS = (0, 1, 2, 3, 4)
# four texts: two diverge at the 2nd and the 6th token, one ends whole at the 4th, one at the 8th
TEXTS = ((1, 8), (None, 4), (5, 8), (None, 8))


def tables(pairs=(("a", "b"), ("a", "c")), texts=TEXTS):
    """`divergence.tsv` and `divergence_summary.tsv`, the same texts for each number of blocks."""
    rows, summary = [], []
    for left, right in (*pairs, ("a", "a")):
        for count in COUNTS:
            keys = {"left": left, "right": right, "intervention": f"q/cumulative/{count:02d}"}
            summary.append(keys | {"blocks_replaced": count})
            for prompt, (place, tokens) in enumerate(texts if left != right else ()):
                part = {"first_divergent_token": place, "tokens": tokens}
                part |= {"noise_seed": 0, "prompt": prompt, "sample_seed": 0}
                rows.append(keys | part | {"identical": place is None})
    names = [*summary[0], "first_divergent_token", "tokens", "identical"]
    names += ["noise_seed", "prompt", "sample_seed"]
    return pandas.DataFrame(rows, columns=names).drop(columns="blocks_replaced"), pandas.DataFrame(
        summary
    )


def draw(**settings):
    return survival_figures.draw_survival(*tables(**settings), cuda=False)


def test_the_same_bytes_twice(tmp_path):
    assert_same_bytes(lambda: {"survival": draw()}, tmp_path)


def test_a_curve_falls_where_texts_diverge_and_counts_texts_up_to_their_end():
    figure = draw()
    assert len(figure.axes) == 2
    curve = figure.axes[0].lines[0]
    # 3 of 4 are whole after 2 tokens; one ends; of the 2 left, 1 diverges at the 6th
    assert curve.get_xdata().tolist() == [0, 2, 4, 6, 8]
    numpy.testing.assert_allclose(curve.get_ydata(), [1, 0.75, 0.75, 0.375, 0.375])


def test_there_are_curves_for_none_few_half_and_all_of_the_blocks():
    figure = draw()
    names = [curve.get_label() for curve in figure.axes[0].lines]
    assert names == ["0 (4 texts)", "1 (4 texts)", "2 (4 texts)", "4 (4 texts)"]
    text = words(figure)
    assert "a and b: 50% of texts stay identical" in text
    assert "CUDA: not run" in text


def test_texts_that_never_diverge_or_diverge_at_once_are_drawn():
    whole = draw(texts=((None, 8), (None, 8)))
    assert set(whole.axes[0].lines[0].get_ydata()) == {1}
    assert not whole.axes[0].collections
    diverged = draw(texts=((0, 8), (0, 8)))
    assert diverged.axes[0].lines[0].get_ydata().tolist() == [1, 0]
    assert "100% of texts stay identical" in words(whole)


def test_a_run_of_one_backend_has_nothing_to_compare():
    figure = draw(pairs=())
    assert "no pair of different backends was run" in words(figure)
