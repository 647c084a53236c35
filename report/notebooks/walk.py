# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Do we really need Q? A walk through one run
#
# This notebook goes with the lecture "Do We Really Need Q?" and with the article written from it.
# It asks the questions of the article, one after the other, and answers them from the tables of
# this run. Every measured number is computed from a table when the notebook runs, so the sentences
# are different for another model.

# %% tags=["parameters"]
RUN = "results/pocket-gpt2"  # the run's folder, seen from here or from the project's folder
TABLES = None  # the names of the tables to read; None for all tables of the run
SWEEP = "cumulative"  # the sweep that is the article's own experiment
NAMES = {}  # what sweeps are called in words; one that is not named here is called by its id
N_BLOCKS = 12  # the number of blocks of the model
CUDA = False  # whether a backend of the run used a GPU

# %%
import sys
from html import escape
from pathlib import Path
from textwrap import fill

import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import HTML, SVG, Markdown, display

here = Path.cwd()
project = next((f for f in (here, *here.parents) if (f / "scripts/needq").is_dir()), here)
sys.path.insert(0, str(project / "scripts"))
from needq.common.names import METHOD_NAMES  # found by the line above
from needq.common.published import read_table
from needq.figures import theme
from needq.metrics.labels import article_bands
from needq.metrics.yardsticks import NGRAMS
from needq.plan.corners import ALL, SHARE
from needq.report.cells import number

READ = ("degradation", "q_histogram", "divergence_summary", "divergence_trend", "ledger", "flips")
READ += ("claims", "baselines")
folder = (Path(RUN) if Path(RUN).is_dir() else project / RUN) / "tables"
names = [file.stem for file in folder.glob("*.tsv")] if TABLES is None else TABLES
tables = {name: read_table(folder / f"{name}.tsv") for name in READ if name in names}


def say(*paragraphs):
    """Show sentences."""
    display(Markdown("\n\n".join(paragraphs)))


def percent(share):
    return "less than 0.1%" if 0 < abs(share) < 0.001 else f"{number(100 * share)}%"


def called(sweep):
    return NAMES.get(sweep, sweep)


def rise(nats):
    """A difference of two values of nll, which the table has with six digits."""
    return "less than 0.0001" if abs(nats) < 0.0001 else number(nats)


def blocks(count):
    return f"{count} block" if count == 1 else f"{count} blocks"


def measured(row, column):
    """A mean with its 95% interval, if it has one."""
    low, high = row[f"{column}_low"], row[f"{column}_high"]
    return number(row[column]) + ("" if pd.isna(low) else f" ({number(low)} to {number(high)})")


def show(table, headings):
    """Show the columns of a table that have values, under these headings."""
    filled = [name for name in headings if name in table and table[name].notna().any()]
    part = table[filled].rename(columns=headings)
    wide = part.iloc[:, -1].astype(str).str.len().max() > 40  # sentences, which need a wide column
    looks = {"index": False, "border": 0, "classes": ["words"] if wide else None, "na_rep": "–"}
    display(HTML(part.to_html(formatters=[number] * part.shape[1], **looks)))


def draw(figure):
    display(SVG(theme.svg_text(figure)))


def answer(number, *sentences):
    """The answer to an exercise, folded until a reader opens it."""
    text = "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)
    display(HTML(f"<details><summary>answer {number}</summary>{text}</details>"))


# %% [markdown]
# ## What is W_Q?
#
# In every block of the model, each position looks back at the text before it. Two matrices decide
# what it looks at. From the vector of a position, W_Q makes a **query** (what am I looking for?),
# and W_K makes a **key** (what do I offer?). The better a query fits a key, the more of the
# **value** of that position, made by W_V, is passed on. W_Q does nothing else: without it, a
# position still receives values, but it cannot choose from which positions.

# %%
if "q_histogram" in tables:
    stored = tables["q_histogram"]["stored_noise"]
    first = min(stored.unique(), key=lambda name: not name.startswith("q-"))
    histogram = tables["q_histogram"][stored == first].copy()
    letter, method, noise_seed = first.rsplit("-", 2)
    matrix = f"W_{letter.upper()}"
    histogram["centre"] = (histogram["bin_low"] + histogram["bin_high"]) / 2
    rows = []
    for block, part in histogram.groupby("block"):
        row = {"block": block, "count": part["weights"].sum()}
        for name in ("weights", "noise"):
            mean = np.average(part["centre"], weights=part[name])
            deviation = np.average((part["centre"] - mean) ** 2, weights=part[name]) ** 0.5
            far = part.loc[(part["centre"] - mean).abs() > 3 * deviation, name].sum()
            row |= {f"{name}_mean": mean, f"{name}_deviation": deviation, f"{name}_far": far}
        rows.append(row)
    spread = pd.DataFrame(rows)
    say(
        f"The model of this run has {blocks(len(spread))}, and in each block {matrix} has "
        f"{spread['count'].iloc[0]:,} weights. Their standard deviation is between "
        f"{number(spread['weights_deviation'].min())} and "
        f"{number(spread['weights_deviation'].max())}; the largest distance of their mean from 0 "
        f"is {number(spread['weights_mean'].abs().max())}."
    )

# %% [markdown]
# ## What is replaced?
#
# The weights are replaced by random numbers with the same mean and standard deviation. The bias b_Q
# stays, as in the lecture, unless the config says otherwise. So the weights keep their size, but
# lose what they learned in training. This is done in the first block, then in the first two, and so
# on. Each step is repeated with several noise seeds, since one noise may do less damage by chance.

# %%
if "q_histogram" in tables:
    figure, axes = theme.stack(2)
    ends = spread["block"].min(), spread["block"].max()
    for (axis,), block in zip(axes, ends, strict=True):
        part = histogram[histogram["block"] == block]
        counts = part.melt("centre", ["weights", "noise"], "of", "count")
        counts["of"] = counts["of"].map(
            {"weights": matrix, "noise": METHOD_NAMES.get(method, method)}
        )
        edges = [*part["bin_low"], part["bin_high"].iloc[-1]]
        looks = {"element": "step", "stat": "density", "common_norm": False, "alpha": 0.25}
        sns.histplot(counts, x="centre", weights="count", hue="of", bins=edges, ax=axis, **looks)
        axis.set(title=f"Block {block}", xlabel="weight", ylabel="density")
        axis.get_legend().set_title(None)
    theme.write_footnote(
        figure, f"The first and the last block, and the noise of noise seed {noise_seed}."
    )
    draw(figure)
    total = spread["count"].sum()
    ratio = spread["noise_deviation"] / spread["weights_deviation"]
    say(
        f"The standard deviation of the noise is {number(ratio.min())} to {number(ratio.max())} "
        "times that of the weights, as far as the bins of the histogram show. But the shapes may "
        f"differ: {percent(spread['weights_far'].sum() / total)} of the weights and "
        f"{percent(spread['noise_far'].sum() / total)} of the noise are more than three standard "
        "deviations away from the mean."
    )

# %% [markdown]
# ## What does one block cost?
#
# *nll* is the surprise of the model at a text that it has not seen, in nats per token. *KL* is the
# distance of its predictions from those of the pristine model, whose matrices are all in place. The
# *rise* of nll is the damage: the difference to the pristine model, document by document.

# %%
degradation = tables["degradation"]
most = degradation.groupby("sweep")["blocks_replaced"].max()
main = SWEEP
# the reference backend scores all documents and runs all sweeps
of_backends = degradation.groupby("backend", sort=False)
scored = of_backends["documents"].max() + of_backends["sweep"].nunique() / 1000
wide = degradation[degradation["backend"] == scored.idxmax()]
curve = wide[wide["sweep"] == main].sort_values("blocks_replaced")
pristine, last = curve.iloc[0], curve.iloc[-1]
loss = last["rise"]
if (curve["blocks_replaced"] == 1).any():
    one = curve[curve["blocks_replaced"] == 1].iloc[0]
    start = f"For the pristine model, nll is {number(pristine['nll'])}"
    say(
        f"{start}. One block replaced raises it by {measured(one, 'rise')}, in brackets the 95% "
        f"interval of the difference on the same documents: {percent(one['rise'] / loss)} of what "
        f"{blocks(last['blocks_replaced'])} cost ({measured(last, 'rise')}). The most probable "
        f"next token is still that of the pristine model at {percent(one['top1_agreement'])} of "
        f"positions, and KL is {measured(one, 'kl')}."
        if last["blocks_replaced"] > 1
        else f"{start}; one block replaced raises it by {measured(one, 'rise')}, in brackets the "
        "95% interval of the difference on the same documents."
    )

# %%
if "baselines" in tables and curve["rise_low"].notna().any():
    baselines = tables["baselines"].set_index("n")
    worse = [
        f"a {NGRAMS[n]}: "
        + (
            f"from {blocks(int(beaten['blocks_replaced'].min()))} on"
            if len(beaten := curve[curve["rise_low"] > baselines["rise_high"][n]])
            else "never"
        )
        for n in sorted(baselines.index, reverse=True)
    ]
    say(
        "What is such a loss worth? An n-gram model of the training text knows the last n - 1 "
        f"tokens alone. The model predicts worse than {'; '.join(worse)} (the 95% intervals of "
        "the rise are apart)."
    )

# %%
for sweep, part in wide.groupby("sweep"):
    part = part[part["block"].notna()]
    if len(part) > 1:  # a sweep of single blocks
        part = part.assign(block=part["block"].astype(int))
        worst, least = part.loc[part["rise"].idxmax()], part.loc[part["rise"].idxmin()]
        figure, ((axis,),) = theme.panels(1, 1)
        sns.barplot(part, x="block", y="rise", color=theme.COLOURS[0], ax=axis)
        axis.set(title="One block at a time", xlabel="block replaced", ylabel="rise of nll (nats)")
        draw(figure)
        say(
            f"Blocks differ ({called(sweep)}): block {worst['block']} costs most, "
            f"{rise(worst['rise'])} nats per token, and block {least['block']} least, "
            f"{rise(least['rise'])}."
        )

# %% [markdown]
# ## How does the model get worse, block after block?
#
# The article describes four stages, each for a quarter of the 12 blocks of its model. Here are the
# measurements, and the same quarters of this model.

# %%
ARTICLE = article_bands(N_BLOCKS)
COLUMNS = {
    "blocks_replaced": "blocks replaced",
    "label": "most frequent label",
    "nll": "nll",
    "rise": "rise of nll",
    "kl": "KL",
    "top1_agreement": "top-1 agreement",
    "pristine_nll": "pristine nll",
    "seq_rep_4": "seq-rep-4",
    "distinct_2": "distinct-2",
    "grammar": "grammar",
    "cloze": "cloze",
}
show(curve, COLUMNS)
rises = curve["rise"].diff()
steep = rises.idxmax()
before = curve["blocks_replaced"].shift()[steep]
half = curve.loc[curve["rise"] >= loss / 2, "blocks_replaced"].min()
say(
    f"These numbers are of *{called(main)}*, on backend `{scored.idxmax()}`, with "
    f"{number(last['noise_seeds'])} noise seeds. The steepest step is from {before:.0f} to "
    f"{blocks(curve['blocks_replaced'][steep])}: nll rises by {number(rises[steep])}. Half of the "
    f"total rise is reached with {blocks(half)}. In the generated texts, the share of repeated "
    f"4-grams (seq-rep-4) goes from {number(pristine['seq_rep_4'])} to "
    f"{number(last['seq_rep_4'])}, and the surprise of the pristine model at these texts "
    f"(pristine nll) from {number(pristine['pristine_nll'])} to {number(last['pristine_nll'])}."
)

# %%
figure, axes = theme.stack(2)
axes = [row[0] for row in axes]
shown = wide[wide["sweep"] == main]
for axis, column in zip(axes, ("rise", "top1_agreement"), strict=True):
    sns.lineplot(
        shown, x="blocks_replaced", y=column, hue="backend", style="backend", markers=True, ax=axis
    )
    for _, part in shown.groupby("backend"):
        ends = part[f"{column}_low"], part[f"{column}_high"]
        axis.fill_between(part["blocks_replaced"], *ends, color=theme.GREY, alpha=0.1)
    theme.tick_whole_numbers(axis.xaxis)
    axis.set(xlabel="blocks replaced")
axes[0].set_ylim(bottom=axes[0].get_ylim()[0] - 0.35 * loss)  # room for the stages' names
for index, (stage, (start, end)) in enumerate(ARTICLE.items()):
    if start <= last["blocks_replaced"]:
        axes[0].axvspan(start - 0.5, end + 0.5, color=theme.GREY, alpha=0.05 + 0.05 * (index % 2))
        place = ((start + end) / 2, 0.02)
        look = {"ha": "center", "va": "bottom", "fontsize": 7, "rotation": 90}
        axes[0].text(*place, stage, transform=axes[0].get_xaxis_transform(), **look)
title = "Rise of nll, and the article's stages"
axes[0].set(title=title, ylabel="rise of nll (nats per token)\nlower is better")
axes[1].set(title="Most probable token unchanged", ylabel="share of positions", ylim=(0, 1.03))
axes[0].legend(loc="upper left", title="backend")
theme.write_footnote(figure, "Bands are 95% intervals over noise seeds and documents.")
draw(figure)

# %%
if "example" in curve and curve["texts"].iloc[0] > 0:
    say("Examples, the first text of each step:")
    places = np.unique(np.linspace(0, len(curve) - 1, min(len(curve), 5)).round().astype(int))
    show(curve.iloc[places], {"blocks_replaced": "blocks replaced", "example": "a text"})

# %%
if "label" in curve:
    replaced = curve[curve["blocks_replaced"] > 0]
    lines = []
    for stage, (start, end) in ARTICLE.items():
        part = replaced.loc[replaced["blocks_replaced"].between(start, end), "label"].dropna()
        if len(part):
            agree = (part == stage).sum()
            lines.append(f"- *{stage}*: {agree} of the {len(part)} steps there have this label.")
    if lines:
        say("The stages of the article, and the most frequent label here:", "\n".join(lines))

# %%
if "grammar" in degradation and degradation["grammar"].notna().any():
    answered = degradation[degradation["grammar"].notna() & (degradation["sweep"] == main)]
    answered = answered[answered["backend"] == answered["backend"].iloc[0]].sort_values(
        "blocks_replaced"
    )
    figure, ((axis,),) = theme.panels(1, 1)
    for index, name in enumerate(("grammar", "cloze")):
        look = theme.style(index)
        axis.plot(answered["blocks_replaced"], answered[name], label=name, **look)
        ends = answered[f"{name}_low"], answered[f"{name}_high"]
        axis.fill_between(answered["blocks_replaced"], *ends, color=look["color"], alpha=0.16)
    axis.set(title="Two tasks", xlabel="blocks replaced", ylabel="right answers (share)")
    axis.set_ylim(0, 1.03)
    axis.legend()
    theme.tick_whole_numbers(axis.xaxis)
    draw(figure)
    first, end = answered.iloc[0], answered.iloc[-1]
    say(
        f"Two tasks test what the model can still do, with items that the pristine model gets "
        f"right and a 5-gram model gets wrong. *grammar* (which of two sentences is "
        f"grammatical? guessing gives one half) goes from {measured(first, 'grammar')} to "
        f"{measured(end, 'grammar')}. *cloze* (which word ends a passage? guessing gives 1 divided "
        f"by the number of candidates) goes from {measured(first, 'cloze')} to "
        f"{measured(end, 'cloze')}."
    )

# %%
others = [sweep for sweep in dict.fromkeys(wide["sweep"]) if sweep != main and most[sweep] > 1]
if others:
    say(
        "### What do other interventions do?",
        f"Other matrices, other replacement methods and other orders of blocks (backend "
        f"`{wide['backend'].iloc[0]}`).",
    )
    rows = []
    for sweep in [main, *others]:
        part = wide[wide["sweep"] == sweep].sort_values("blocks_replaced")
        end = part.iloc[-1]
        half = part.loc[(part["blocks_replaced"] - end["blocks_replaced"] / 2).abs().idxmin()]
        ends = {f"rise{name}": end[f"rise{name}"] for name in ("", "_low", "_high")}
        ends |= {f"half{name}": half[f"rise{name}"] for name in ("", "_low", "_high")}
        row = {"sweep": called(sweep), "blocks": end["blocks_replaced"]}
        rows.append(row | ends | {"measured": measured(end, "rise")})
    rows = pd.DataFrame(rows).sort_values("rise", ascending=False)
    figure, ((axis,),) = theme.stack(1, heights=[0.4 + 0.17 * len(rows)])
    heights = np.arange(len(rows))
    parts = {"half": "about half of its blocks", "rise": "all of its blocks"}
    for index, (part, name) in enumerate(parts.items()):
        look, middle = theme.style(index) | {"linestyle": "none"}, rows[part].to_numpy()
        places = heights + 0.3 * (0.5 - index)
        axis.plot(middle, places, label=name, **look)
        low, high = (rows[f"{part}_{which}"].to_numpy() for which in ("low", "high"))
        bars = np.nan_to_num(np.maximum([middle - low, high - middle], 0))
        axis.errorbar(middle, places, xerr=bars, fmt="none", ecolor=look["color"], capsize=2)
    axis.set_yticks(heights, [fill(name, 27) for name in rows["sweep"]])
    axis.set_ylim(len(rows) - 0.4, -0.6)
    axis.set_xlim(left=min(0, axis.get_xlim()[0]))
    axis.set_xlabel("rise of nll (nats per token)")
    figure.legend(loc="outside upper left", ncols=2)
    axis.set_title(fill(f"Most damage: {rows['sweep'].iloc[0]}", 32))
    theme.write_footnote(figure, "Bars are 95% intervals over noise seeds and documents.")
    draw(figure)
    HEADINGS = {"sweep": "what is replaced: by what"}
    if rows["blocks"].nunique() > 1:
        HEADINGS["blocks"] = "blocks"
    show(rows, HEADINGS | {"measured": "rise of nll (95% interval)"})

# %% [markdown]
# ## Where do CPU and GPU diverge, and why?
#
# The article used the same seed on both and got two different texts. It names three causes:
# rounding, how real numbers are handled, and random number generators that depend on the hardware.
# Here two ways to compute (*backends*) generate the same texts, and we look for the first token
# that differs. Each backend is also run twice (a *repeat*). If a repeat gives another text, the
# comparisons mean nothing.

# %%
summary = tables["divergence_summary"]
if not CUDA:
    say(
        "**This run used no GPU.** Instead, it compares ways to use a CPU that differ like two "
        "machines."
    )
    predicted = sorted({name for name in summary["left"] if "predicted" in name})
    if predicted:
        say(f"`{'`, `'.join(predicted)}`: what a GPU would write, computed on a CPU.")
same = summary["left"] == summary["right"]
lowest = summary.loc[same, "identical"].min()
repeated = summary.loc[same, "texts"].sum()
if lowest == 1:
    say(
        f"In the repeats, all {repeated} texts are identical. So what differs below is no accident "
        "of a run."
    )
else:
    say(
        f"In the worst repeat, only {percent(lowest)} of the texts are identical. "
        "**So the comparisons below mean nothing.**"
    )
pairs = []
for (left, right), part in summary[~same].groupby(["left", "right"], sort=False):
    equal = (part["identical"] * part["texts"]).sum() / part["texts"].sum()
    row = {"pair": f"{left} and {right}", "texts": part["texts"].sum(), "identical": equal}
    row |= {"common_prefix_share": np.average(part["common_prefix_share"], weights=part["texts"])}
    pairs.append(row | {"max_abs_logit": part["max_abs_logit"].max()})
if pairs:
    HEADINGS = {
        "pair": "backends",
        "texts": "texts",
        "identical": "identical texts (share)",
        "common_prefix_share": "common prefix (share of the text)",
        "max_abs_logit": "largest logit difference, given the same tokens",
    }
    show(pd.DataFrame(pairs), HEADINGS)
else:
    say("This run compares no two different backends.")

# %%
if "divergence_trend" in tables:
    trend = tables["divergence_trend"]
    for _, row in trend[trend["left"] != trend["right"]].iterrows():
        pair = f"`{row['left']}` and `{row['right']}` ({called(row['sweep'])})"
        if row["verdict"] == "never":
            say(f"{pair}: no text diverges.")
            continue
        say(
            f"{pair}: do they diverge earlier or later as more blocks are replaced? "
            f"**{row['verdict']}**. Per additional block, the common prefix changes by "
            f"{measured(row, 'slope')} of the text."
        )

# %%
if "ledger" in tables:
    ledger = tables["ledger"]
    say(
        "### Why: what each cause does",
        "Three causes can differ: where noise is drawn, where the random numbers come from that "
        "choose tokens, and arithmetic. Every mixture of the two backends was run. *Alone* is the "
        "share of texts that diverge if this cause alone acts. *Last removed* is how much that "
        "share falls if, of all causes, this one is removed. The *share* of a cause is the mean of "
        "what it adds over all orders (its Shapley share); these add up to that of all causes.",
    )
    for (left, right), pair in ledger.groupby(["left", "right"], sort=False):
        figure, ((axis,),) = theme.stack(1, extra=0.6)
        sns.barplot(pair, x="estimate", y="cause", hue="effect", palette=theme.COLOURS, ax=axis)
        axis.set(xlabel="texts that diverge (share)", ylabel=None)
        place = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": 3, "title": None}
        sns.move_legend(axis, **place)
        draw(figure)
        total = pair[pair["cause"] == ALL].iloc[0]
        shares = pair[pair["effect"] == SHARE].sort_values("estimate", ascending=False)
        say(
            f"`{left}` and `{right}`: {percent(total['estimate'])} of {number(total['texts'])} "
            "texts diverge. Shares of the causes: "
            + ", ".join(f"{row.cause} {percent(row.estimate)}" for row in shares.itertuples())
            + "."
        )

# %%
if "flips" in tables:
    flips = tables["flips"]
    say(
        "### Does rounding explain it?",
        "If both backends use the same random numbers, only rounding can make two texts diverge: "
        "it has to flip a token that was chosen by a small margin. The margins and the measured "
        "error of the logits predict in how many texts this happens (*predicted flips*):",
    )
    for _, row in flips[flips["blocks_replaced"].isna()].iterrows():
        ends = f"{number(row['predicted_low'])} to {number(row['predicted_high'])}"
        inside = row["predicted_low"] <= row["diverged"] <= row["predicted_high"]
        say(
            f"- `{row['left']}` and `{row['right']}`: {number(row['diverged'])} of "
            f"{number(row['texts'])} texts diverge; predicted {row['predicted']:.1f} (95% interval "
            f"{ends}): " + ("as predicted." if inside else "**not as predicted.**")
        )

# %% [markdown]
# ## Which of the article's claims hold?

# %%
if "claims" in tables:
    claims = tables["claims"]
    whole = claims["test"].str.startswith("all ")
    say(
        f"On {claims['model'].iloc[0]}, and on no other model:",
        "\n".join(
            f"- **{row['claim']}, {row['verdict']}.** {row['statement']}"
            for _, row in claims[whole].iterrows()
        ),
        "A claim is supported if all its tests are supported, and refuted if one of them is "
        "refuted. It cannot be decided if the run lacks what a test needs. The tests:",
    )
    HEADINGS = {
        "claim": "claim",
        "verdict": "verdict",
        "estimate": "estimate",
        "low": "95% from",
        "high": "to",
        "test": "test",
        "why": "why it cannot be decided",
    }
    show(claims[~whole].fillna({"why": ""}), HEADINGS)
else:
    say("This run has no `tables/claims.tsv`, so no claim is decided here.")

# %% [markdown]
# ## Exercises
#
# Each exercise asks a question and answers it for one setting, the first line of its cell (open
# *code* to see it). Think first, then open *answer*. To change a setting, open this notebook in
# Jupyter (`report/notebooks/README.md` says how), run all cells, change the line and run its cell
# again. Or change the line in `report/notebooks/walk.py`, run
# `.venv/bin/snakemake --cores all notebooks` and open this page again. Exercises 1 to 3 are those
# of the lecture.

# %%
PAIR = 0  # change me: which pair of backends, 0 for the first one; those with a GPU come first
QUESTION = {
    0: "**Exercise 1 (the lecture's first).** Two ways to compute write with the same seed, and no "
    "block is replaced. Do they write the same text?",
    1: "**Exercise 2 (the lecture's second).** The same with noise in one block. Do they diverge "
    "earlier now?",
}


def compared(count):
    """What two backends share with so many blocks replaced; None if they were not compared."""
    part = summary[~same & (summary["blocks_replaced"] == count)]
    left_right = list(dict.fromkeys(zip(part["left"], part["right"], strict=True)))
    left_right.sort(key=lambda pair: not any("cuda" in name for name in pair))
    if not left_right:
        return None
    left, right = left_right[PAIR % len(left_right)]
    part = part[(part["left"] == left) & (part["right"] == right)]
    weights = part["texts"]
    return {
        "pair": f"{left} and {right}",
        "identical": np.average(part["identical"], weights=weights),
        "prefix": np.average(part["common_prefix_share"], weights=weights),
        "texts": weights.sum(),
    }


both = [compared(0), compared(1)]
for count, found in enumerate(both):
    if found is None:
        continue
    say(
        QUESTION[count],
        f"`{found['pair'].replace(' and ', '` and `')}`, {blocks(count)} replaced: "
        f"{percent(found['identical'])} of {number(found['texts'])} texts are identical, and the "
        f"common beginning is {percent(found['prefix'])} of the text.",
    )
    if count == 0:
        answer(
            1,
            "A seed starts a random number generator. Two devices have two generators, so the same "
            "seed gives other numbers, and other numbers choose other tokens. Backends with the "
            "same numbers (rng: keyed for both, or a GPU and its prediction) differ by rounding or "
            "noise alone. "
            "The ledger above says which cause does how much.",
        )
    elif both[0] is not None:
        change = found["prefix"] - both[0]["prefix"]
        answer(
            2,
            f"The common beginning changes by {100 * change:+.1f} percentage points. If the random "
            "numbers differ, the texts diverge at once, with or without noise in the block. Noise "
            "matters only if each device draws its own: then the two models differ as well.",
        )

# %%
READ_AT = 6  # change me: how many blocks are replaced in the text that you read
if "example" in curve and curve["texts"].iloc[0] > 0:
    read = curve.loc[(curve["blocks_replaced"] - READ_AT).abs().idxmin()]
    say(
        "**Exercise 3 (the lecture's third).** Replace block after block, and read. From how many "
        f"blocks on would you no longer call it a text? With {blocks(read['blocks_replaced'])}:"
    )
    show(read.to_frame().T, {"example": "a text"})
    if "label" in curve:
        turns = curve[curve["label"] != curve["label"].shift()]
        said = (f"{row.label} from {blocks(row.blocks_replaced)} on" for row in turns.itertuples())
        answer(
            3,
            f"The most frequent label of the texts: {'; '.join(said)}. Labels are fitted to "
            "texts of known kind, so they are less sure of single texts than of many.",
        )

# %%
BLOCK = 5  # change me: the block that you would give up
alone = wide[wide["block"].notna()]
if len(alone):
    alone = alone[alone["sweep"] == alone["sweep"].iloc[0]].astype({"block": int})
    ranked = alone.sort_values("rise").reset_index(drop=True)
    place = (ranked["block"] - BLOCK).abs().idxmin()
    chosen = ranked.loc[place]
    say(
        "**Exercise 4.** You must give up W_Q of one block. Which one?",
        f"Block {chosen['block']} costs {rise(chosen['rise'])} nats per token: "
        f"{place} of {len(ranked)} blocks cost less.",
    )
    answer(
        4,
        f"Block {ranked['block'][0]} costs least ({rise(ranked['rise'][0])} nats per token), block "
        f"{ranked['block'].iloc[-1]} most ({rise(ranked['rise'].iloc[-1])}). A block whose "
        "attention is nearly uniform already has little to lose by noise.",
    )

# %%
FIRST = 12  # change me: how many blocks, from the first on, are added up
if len(alone):
    together = curve[curve["blocks_replaced"].between(1, max(1, FIRST))]
    if len(together):
        together = together.iloc[-1]
        count = int(together["blocks_replaced"])
        total = alone.loc[alone["block"] < count, "rise"].sum()
        say(
            "**Exercise 5.** Each block by itself does some damage. Do several blocks together do "
            "the sum of it?",
            f"The first {blocks(count)} alone: {number(total)} in all. Together: "
            f"{number(together['rise'])}, {number(together['rise'] / total)} times as much."
            if total > 0
            else f"The first {blocks(count)} together: {number(together['rise'])}.",
        )
        answer(
            5,
            "More than the sum: perhaps other blocks made up for a lost one, and cannot any more "
            "(redundancy); but errors that point the same way add up to more than their sum, too. "
            "Less than the sum: perhaps much was lost already. Equal: the damages add up.",
        )

# %%
OTHER = 3  # change me: which of the other sweeps, 0 for the first one
if others:
    chosen = others[OTHER % len(others)]
    part = wide[wide["sweep"] == chosen].sort_values("blocks_replaced").iloc[-1]
    mine = curve[curve["blocks_replaced"] == part["blocks_replaced"]]
    if len(mine):
        say(
            "**Exercise 6.** Is it W_Q that matters, or would any change of attention do the same "
            "damage?",
            f"With {blocks(int(part['blocks_replaced']))} replaced, nll rises by "
            f"{measured(part, 'rise')} in *{called(chosen)}*, and by "
            f"{measured(mine.iloc[0], 'rise')} in *{called(main)}*.",
        )
        by_rise = rows.sort_values("rise", ascending=False)
        answer(
            6,
            f"Most damage with all blocks: {by_rise['sweep'].iloc[0]}. Least damage: "
            f"{by_rise['sweep'].iloc[-1]}. Differences that are smaller than the intervals say "
            "nothing. Compare sweeps that differ in one thing only: the matrix, the method, or the "
            "order of the blocks.",
        )

# %%
SMALLEST = 0.1  # change me: the smallest rise of nll that you would care about, in nats per token
sure = curve[curve["rise_low"] > SMALLEST]
unsure = curve[(curve["rise_low"] <= SMALLEST) & (curve["rise_high"] >= SMALLEST)]
if curve["rise_low"].notna().any():
    listed = ", ".join(str(int(count)) for count in unsure["blocks_replaced"]) or "none"
    start = blocks(int(sure["blocks_replaced"].min())) if len(sure) else "no number of blocks"
    say(
        "**Exercise 7.** From how many blocks on is the damage surely more than you would accept?",
        f"The 95% interval of the rise is above {SMALLEST:g} from {start} on.",
    )
    answer(
        7,
        f"The interval holds {SMALLEST:g} for these numbers of blocks: {listed}. There, the run "
        "cannot say. More noise seeds and more documents make intervals narrower: four times as "
        "many make them about half as wide.",
    )

# %%
TOKENS = 20  # change me: the number of tokens of a text
if loss > 0:
    nats = TOKENS * loss
    times = number(np.exp(nats)) if nats < 10 else f"10^{nats / np.log(10):.0f}"
    say(
        f"**Exercise 8.** What does a rise of {number(loss)} nats per token mean for a text of "
        f"{TOKENS} tokens?",
        f"The model with {blocks(int(last['blocks_replaced']))} replaced finds such a text {times} "
        "times less probable than the pristine model does.",
    )
    answer(
        8,
        "The log probability of a text is the sum over its tokens, so the rise counts once for "
        f"each: {TOKENS} times {number(loss)} nats, and e to that power. For one token it is a "
        f"factor of {number(np.exp(loss))}: as if {number(np.exp(last['nll']))} words were equally "
        f"probable at each place, instead of {number(np.exp(pristine['nll']))} (the perplexity).",
    )

# %% [markdown]
# ## What this notebook does not show
#
# A run has one model, one evaluation text and a few prompts. The intervals are over noise seeds and
# over documents or prompts, not over models. `docs/metrics.md` defines every column.
# `docs/divergence.md` and `docs/claims.md` say what the tests can and cannot decide.
