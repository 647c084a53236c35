"""The figure of attention on one sentence: which heads are shown, and what of them."""

import numpy as np
from attention_data import attention
from needq.figures.attention_maps import chosen_heads, draw_maps

WORDS = ["<|endoftext|>", " Once", " upon", " "]


def heads_table():
    """Block 1, head 0 looks back; block 2, head 1 at the first word, and most selectively."""
    table = attention(methods=("gaussian",))
    table.loc[table["method"] == "gaussian", ["previous", "first"]] = 1.0  # which choose nothing
    pristine = table["method"] == "pristine"

    def of(block, head):
        return pristine & (table["block"] == block) & (table["head"] == head)

    table.loc[pristine, "entropy"] = 0.5
    table.loc[of(1, 0), "previous"] = 0.9
    table.loc[of(2, 1), ["first", "entropy"]] = [0.8, 0.1]
    table.loc[of(0, 1), "self"] = 0.7
    return table


def test_heads_are_the_extreme_ones_of_the_pristine_model_each_once():
    assert chosen_heads(heads_table()) == {
        (1, 0): "looks at the word before",
        (2, 1): "looks at the first word",
        (0, 1): "looks at the word itself",
    }


def test_each_head_is_drawn_pristine_beside_damaged():
    rng = np.random.default_rng(0)
    maps = {name: rng.random((3, 2, 4, 4)) for name in ("pristine", "all blocks")}
    figure = draw_maps(maps, WORDS, heads_table(), "zeros")
    drawn = [axis.images[0].get_array() for axis in figure.axes[:6]]
    for row, (block, head) in enumerate([(1, 0), (2, 1), (0, 1)]):
        np.testing.assert_array_equal(drawn[2 * row], maps["pristine"][block, head])
        np.testing.assert_array_equal(drawn[2 * row + 1], maps["all blocks"][block, head])
    titles = [" ".join(axis.get_title("left").split()) for axis in figure.axes[:3]]
    assert titles[0] == "Block 1, head 0 looks at the word before"
    assert titles[1] == "The same head, W_Q of all blocks replaced"
    labels = [text.get_text() for text in figure.axes[4].get_xticklabels()]
    assert labels == ["<|endoftex", "Once", "upon", "·"]
    assert "W_Q is replaced by zeros" in " ".join(figure.get_supxlabel().split())
