"""The figure of comparisons: sweeps that differ from the article's in one setting."""

from collections.abc import Mapping

from matplotlib.figure import Figure
from pandas import DataFrame, Series

from needq.common.names import METHOD_NAMES
from needq.figures import theme
from needq.figures.axes import BLOCKS, add_cuda, draw_line, has_gaps, say_range

NOT_COMPARED = ("gaussian", "scaled")  # the one that others are compared with, and doses
# the title of each panel, and what the sweeps in it are called (`needq.plan.comparisons`)
MATRICES = "Another matrix does {} × the damage of W_Q"
COMPARISONS = {
    MATRICES: {
        "q": "W_Q",
        "bias": "W_Q and b_Q",
        "k": "W_K",
        "v": "W_V",
        "o": "W_O",
    },
    "Half of the blocks in another order does {} × the damage": {
        "q": "from the first block on",
        "end": "from the last block on",
        "random": "in random order",
    },
    "Another method does {} × the damage of Gaussian noise": {
        "q": METHOD_NAMES["gaussian"],
        **{name: words for name, words in METHOD_NAMES.items() if name not in NOT_COMPARED},
        "bias": "b_Q too",
    },
}
ORDERS = ("end", "random")
FEW = 3  # numbers of blocks whose ratios are all named; of more, the range is
BESIDE, ROOM = 0.03, 0.14  # of the axis: between dots beside each other, and for all of them


def draw_comparisons(degradation: DataFrame, comparisons: Mapping[str, str], cuda: bool) -> Figure:
    """Draw the rise of nll in sweeps that differ from the article's in one setting, by setting.

    `degradation` are rows of `degradation.tsv` of one backend; `comparisons` names the sweep of
    each comparison. A sweep that was not run is not drawn; a setting without sweeps has no panel.
    """
    shown = {
        title: {kind: name for kind, name in names.items() if kind in comparisons}
        for title, names in COMPARISONS.items()
    }
    if "k" not in comparisons:  # b_Q is no matrix: beside matrices, it is there for W_K alone
        shown[MATRICES].pop("bias", None)
    shown = {title: names for title, names in shown.items() if len(names) > 1}
    figure, axes = theme.stack(max(1, len(shown)), extra=1.2)
    if not shown:
        theme.write_message(axes[0][0], "no sweep to compare was run")
    last, compared = degradation["blocks_replaced"].max(), set()
    for (axis,), (title, names) in zip(axes, shown.items(), strict=False):
        own = {kind: degradation[degradation["sweep"] == comparisons[kind]] for kind in names}
        # b_Q survives when W_Q is replaced, and b_K has no effect: W_K is compared with both
        fair = {"k": "bias"} if {"k", "bias"} <= set(own) else {}
        ratios = {
            kind: damage_ratios(table, own[fair.get(kind, "q")], kind in ORDERS)
            for kind, table in own.items()
            if kind != "q"
        }
        compared |= {count for of_kind in ratios.values() for count in of_kind.index}
        apart = [kind for kind in names if has_gaps(own[kind])]
        step = min(BESIDE, ROOM / max(len(apart), 1)) * last
        for index, (kind, name) in enumerate(names.items()):
            text = f"{name}: {_say(ratios[kind])} ×" if kind in ratios else name
            if kind in fair:
                text += f" {names['bias']}"
            table, gaps, shift = own[kind], kind in apart, 0.0
            if gaps:  # dots at 0, where every sweep is the same, would hide each other
                table = table[table["blocks_replaced"] > 0]
                shift = step * (apart.index(kind) - (len(apart) - 1) / 2)
            draw_line(axis, table, "rise", text, theme.style(index), shift=shift, gaps=gaps)
        told = {kind: found for kind, found in ratios.items() if kind not in fair.values()}
        words = _describe_ratios(title, told, names, fair)
        # the legend is between the title and the panel, where it hides nothing
        lines = (len(names) + 1) // 2
        place: theme.Look = {"loc": "lower left", "bbox_to_anchor": (-0.02, 0.98), "ncols": 2}
        legend = axis.legend(
            **place, borderpad=0.2, handlelength=1.6, columnspacing=0.8, fontsize=8
        )
        legend.set_in_layout(False)  # as wide as the figure, it would make the panels narrower
        theme.set_title(axis, words, pad=8 + 14 * lines)
        axis.set_ylabel("rise of nll (nats\nper token)")
    axes[-1][0].set_xlabel(BLOCKS)
    theme.tick_whole_numbers(axes[-1][0].xaxis)
    theme.write_footnote(figure, add_cuda(_describe(degradation, sorted(compared)), cuda))
    return figure


def damage_ratios(table: DataFrame, reference: DataFrame, half: bool) -> Series:
    """The rise of nll divided by the reference's, by the numbers of blocks that both sweeps have.

    `half` takes about half of the blocks alone: with all blocks replaced, every order does the same
    damage.
    """
    common = sorted(set(table["blocks_replaced"]) & set(reference["blocks_replaced"]) - {0})
    if half and len(common) > 1:
        common = [min(common[:-1], key=lambda count: abs(count - common[-1] / 2))]
    own, other = (sweep.set_index("blocks_replaced")["rise"] for sweep in (table, reference))
    return own.loc[common] / other.loc[common]


def _say(ratios: Series) -> str:
    """Ratios in words: each of a few, and the range of many."""
    if len(ratios) > FEW:
        return say_range(ratios, ".2f")
    return ", ".join(f"{ratio:.2f}" for ratio in ratios)


def _describe_ratios(
    title: str, ratios: Mapping[str, Series], names: Mapping[str, str], fair: Mapping[str, str]
) -> str:
    """The title of a panel: the range of its ratios, apart those to another sweep than W_Q's."""
    apart = [
        f"{names[kind]} does {say_range(ratios[kind], '.2f')} × the damage of {names[other]}"
        for kind, other in fair.items()
    ]
    others = [ratio for kind, found in ratios.items() if kind not in fair for ratio in found]
    if others:
        words = title.format(say_range(others, ".2f"))
        apart.append(words[0].lower() + words[1:] if apart else words)
    return "; ".join(apart)


def _describe(degradation: DataFrame, compared: list[int]) -> str:
    """What is drawn, in words."""
    where = f"with {' and '.join(map(str, compared))} blocks replaced"
    if len(compared) > FEW:
        where = "over all numbers of blocks that both have"
    return (
        f"Backend {degradation['backend'].iloc[0]}, {degradation['noise_seeds'].max()} noise "
        "seeds. Dots: what was measured, with 95% intervals, side by side where blocks are equal. "
        "Numbers beside the names: the rise divided by that of the first sweep in the panel (W_K: "
        f"of W_Q and b_Q), {where}; orders with half of them, since all are "
        "equal at the end. All sweeps have the same documents and seeds, so ratios are more "
        "certain than the intervals suggest; the page of claims has their own."
    )
