"""The figure of attention: a line per method, a dot per head, and titles that say what is seen."""

import numpy as np
from attention_data import attention
from drawn import assert_whole
from needq.figures.attention import draw_attention


def test_lines_are_means_over_heads():
    figure = draw_attention(attention())
    spreads = figure.axes[0]
    lines = {line.get_label(): line for line in spreads.get_lines()}
    expected = [2.05, 3.05, 4.05]
    np.testing.assert_allclose(lines["pristine"].get_ydata(), expected)
    np.testing.assert_allclose(lines["Gaussian noise"].get_ydata(), np.divide(expected, [1, 2, 3]))
    np.testing.assert_allclose(
        lines["noise, scores matched"].get_ydata(), lines["pristine"].get_ydata()
    )
    assert len(lines) == 3
    dots = [len(dots.get_offsets()) for dots in spreads.collections]
    assert dots == [6, 6, 6]
    footnote = " ".join(figure.get_supxlabel().split())
    assert "mean over 5 noise seeds" in footnote
    words = " ".join(spreads.get_title("left").split())
    assert words == "Pristine scores spread 1.0 to 3.0 times as far as under Gaussian noise in W_Q"


def test_no_word_is_cut_off():
    assert_whole(draw_attention(attention()))


def test_titles_say_that_attention_becomes_uniform_only_if_it_does():
    table = attention()
    flat = table["method"] == "gaussian"
    table.loc[flat, "score_spread"] *= 0.5
    table.loc[flat, "entropy"] = 0.95
    spreads, entropies = draw_attention(table).axes
    words = " ".join(spreads.get_title("left").split())
    assert words == "Gaussian noise in W_Q: scores differ 2.0 to 6.0 times less from word to word"
    words = " ".join(entropies.get_title("left").split())
    assert words.startswith("Attention becomes nearly uniform: entropy 0.2")
    assert words.endswith("0.95 to 0.95 with noise")
    table.loc[flat, "entropy"] = 0.85
    words = " ".join(draw_attention(table).axes[1].get_title("left").split())
    assert words.startswith("Attention becomes more uniform: ")


def test_a_run_without_gaussian_noise_has_the_pristine_model_alone():
    figure = draw_attention(attention(methods=()))
    spreads, _ = figure.axes
    assert [line.get_label() for line in spreads.get_lines()] == ["pristine"]
    assert spreads.get_title("left") == "Attention scores"
