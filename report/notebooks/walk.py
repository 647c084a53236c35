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
# A companion to the lecture "Do We Really Need Q?" and to the article written from it. It asks the
# article's questions, one after the other, of the tables that this run left. No measured number is
# typed: each is computed from a table when the notebook runs, so for another model the sentences
# come out differently.

# %% tags=["parameters"]
RUN = "results/pocket-gpt2"  # the run's folder, seen from here or from the project's folder
TABLES = None  # which tables to read, by name; None for all that are there
SWEEP = "cumulative"  # the sweep that is the article's own experiment
BLOCKS = 12  # of the model
CUDA = False  # whether any backend of the run computed on a GPU

# %%
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import HTML, SVG, Markdown, display

here = Path.cwd()
project = next((f for f in (here, *here.parents) if (f / "scripts/needq").is_dir()), here)
sys.path.insert(0, str(project / "scripts"))
from needq.common.tables import read_table  # found by the line above
from needq.figures import theme
from needq.metrics.labels import article_bands
from needq.report.pages import number

READ = ("degradation", "q_histogram", "divergence_summary", "divergence_trend", "ledger", "flips")
READ += ("claims",)
folder = (Path(RUN) if Path(RUN).is_dir() else project / RUN) / "tables"
names = [file.stem for file in folder.glob("*.tsv")] if TABLES is None else TABLES
tables = {name: read_table(folder / f"{name}.tsv") for name in READ if name in names}


def say(*paragraphs):
    """Show sentences."""
    display(Markdown("\n\n".join(paragraphs)))


def percent(share):
    return "less than 0.1%" if 0 < abs(share) < 0.001 else f"{number(100 * share)}%"


def rise(nats):
    """A difference of two nll, of which the table states six digits."""
    return "less than 0.0001" if abs(nats) < 0.0001 else number(nats)


def blocks(count):
    return f"{count} block" if count == 1 else f"{count} blocks"


def measured(row, column):
    """A mean with its 95% interval, where there is one."""
    low, high = row[f"{column}_low"], row[f"{column}_high"]
    return number(row[column]) + ("" if pd.isna(low) else f" ({number(low)} to {number(high)})")


def show(table, headings):
    """Show those columns in which a table has something, under these headings."""
    filled = [name for name in headings if name in table and table[name].notna().any()]
    part = table[filled].rename(columns=headings)
    words = ["words"] if pd.api.types.is_string_dtype(part.iloc[:, -1]) else None
    looks = {"index": False, "border": 0, "classes": words, "na_rep": "–"}
    display(HTML(part.to_html(formatters=[number] * part.shape[1], **looks)))


def draw(figure):
    display(SVG(theme.svg_text(figure)))


# %% [markdown]
# ## What is W_Q?
#
# In every block of the model each position looks back at the text before it. Two matrices decide
# at what: from a position's vector, W_Q makes a **query** (what am I looking for?) and W_K a
# **key** (what have I to offer?). The better a query fits a key, the more of that position's
# **value**, made by W_V, is carried over. W_Q takes part in nothing else: without it, a position
# still receives values, but no longer chooses whose.

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
        f"The model of this run has {blocks(len(spread))}, and in each {matrix} holds "
        f"{spread['count'].iloc[0]:,} weights. Their standard deviation is between "
        f"{number(spread['weights_deviation'].min())} and "
        f"{number(spread['weights_deviation'].max())}; their mean is never further from 0 than "
        f"{number(spread['weights_mean'].abs().max())}."
    )

# %% [markdown]
# ## What is replaced?
#
# The weights, by random numbers of the same mean and standard deviation. The bias b_Q stays, as in
# the lecture, unless the config says otherwise. So the sizes remain, and what training wrote into
# the weights is gone. It is done to the first block, then to the first two, and so on, each time
# with several noises, since one of them may be lucky.

# %%
if "q_histogram" in tables:
    figure, (axes,) = theme.panels(1, 2)
    for axis, block in zip(axes, (spread["block"].min(), spread["block"].max()), strict=True):
        part = histogram[histogram["block"] == block]
        counts = part.melt("centre", ["weights", "noise"], "of", "count")
        counts["of"] = counts["of"].map({"weights": matrix, "noise": f"{method} noise"})
        edges = [*part["bin_low"], part["bin_high"].iloc[-1]]
        looks = {"element": "step", "stat": "density", "common_norm": False, "alpha": 0.25}
        sns.histplot(counts, x="centre", weights="count", hue="of", bins=edges, ax=axis, **looks)
        axis.set(title=f"Block {block}", xlabel="weight", ylabel="density")
        axis.get_legend().set_title(None)
    theme.footnote(figure, f"The first block and the last, beside noise seed {noise_seed}.")
    draw(figure)
    total = spread["count"].sum()
    ratio = spread["noise_deviation"] / spread["weights_deviation"]
    say(
        f"The noise's standard deviation is {number(ratio.min())} to {number(ratio.max())} times "
        "that of the weights, as far as the bins of the histogram tell. Shapes may differ all the "
        "same: further than three standard deviations from the mean lie "
        f"{percent(spread['weights_far'].sum() / total)} of the weights and "
        f"{percent(spread['noise_far'].sum() / total)} of the noise."
    )

# %% [markdown]
# ## What does one block cost?
#
# Read *nll* as surprise: the nats per token by which the model is surprised by a text it has not
# seen. *KL* says how far its predictions lie from those of the model left whole.

# %%
degradation = tables["degradation"]
most = degradation.groupby("sweep")["blocks_replaced"].max()
main = SWEEP
backends = list(dict.fromkeys(degradation.loc[degradation["sweep"] == main, "backend"]))
headline = degradation[degradation["backend"] == backends[0]]  # exact arithmetic, where it was run
# further sweeps may be run by one backend only
wide = degradation[
    degradation["backend"] == degradation.groupby("backend", sort=False)["sweep"].nunique().idxmax()
]
curve = headline[headline["sweep"] == main].sort_values("blocks_replaced")
pristine, last = curve.iloc[0], curve.iloc[-1]
loss = last["nll"] - pristine["nll"]
if (curve["blocks_replaced"] == 1).any():
    one = curve[curve["blocks_replaced"] == 1].iloc[0]
    cost = one["nll"] - pristine["nll"]
    say(
        f"With the whole model, nll is {measured(pristine, 'nll')}, in brackets its 95% interval; "
        f"with one block replaced, {measured(one, 'nll')}. That one block costs {rise(cost)} "
        f"nats per token, {percent(cost / loss)} of what {blocks(last['blocks_replaced'])} cost "
        f"({number(loss)}). The likeliest next token is still the whole model's at "
        f"{percent(one['top1_agreement'])} of positions, and KL is {measured(one, 'kl')}."
        if last["blocks_replaced"] > 1
        else f"With the whole model, nll is {measured(pristine, 'nll')}, in brackets its 95% "
        f"interval; with one block replaced, {measured(one, 'nll')}."
    )

# %%
for sweep, part in wide.groupby("sweep"):
    whole = part.loc[part["blocks_replaced"] == 0, "nll"].min()
    part = part[part["blocks_replaced"] == 1]
    if len(part) > 1:  # a sweep of single blocks
        part = part.assign(
            block=part["intervention"].str.rsplit("/", n=1).str[1].astype(int),
            rise=part["nll"] - whole,
        )
        worst, least = part.loc[part["rise"].idxmax()], part.loc[part["rise"].idxmin()]
        figure, ((axis,),) = theme.panels(1, 1)
        sns.barplot(part, x="block", y="rise", color=theme.COLOURS[0], ax=axis)
        axis.set(title="One block at a time", xlabel="block replaced", ylabel="rise of nll (nats)")
        draw(figure)
        say(
            f"It matters which block (sweep `{sweep}`): block {worst['block']} costs most, "
            f"{rise(worst['rise'])} nats per token, and block {least['block']} least, "
            f"{rise(least['rise'])}."
        )

# %% [markdown]
# ## How does the model fall, block after block?
#
# The article has a table of four stages, each a quarter of its model's 12 blocks. Here is what was
# measured, beside the same quarters of this model.

# %%
ARTICLE = article_bands(BLOCKS)
COLUMNS = {
    "blocks_replaced": "blocks replaced",
    "label": "commonest label",
    "nll": "nll",
    "kl": "KL",
    "top1_agreement": "top-1 agreement",
    "text_nll": "text nll",
    "seq_rep_4": "seq-rep-4",
    "distinct_2": "distinct-2",
    "grammar": "grammar",
    "cloze": "cloze",
}
show(curve, COLUMNS)
rises = curve["nll"].diff()
steep = rises.idxmax()
before = curve["blocks_replaced"].shift()[steep]
half = curve.loc[curve["nll"] >= pristine["nll"] + loss / 2, "blocks_replaced"].min()
say(
    f"Backend `{backends[0]}`, sweep `{main}`, {number(last['noise_seeds'])} noise seeds. The "
    f"steepest step is from {before:.0f} to {blocks(curve['blocks_replaced'][steep])}: nll rises "
    f"by {number(rises[steep])}. Half of all that is lost is lost with {blocks(half)}. The texts' "
    f"share of repeated 4-grams (seq-rep-4) goes from {number(pristine['seq_rep_4'])} to "
    f"{number(last['seq_rep_4'])}, and the whole model's surprise at them (text nll) from "
    f"{number(pristine['text_nll'])} to {number(last['text_nll'])}."
)

# %%
figure, (axes,) = theme.panels(1, 2)
shown = degradation[degradation["sweep"] == main]
for axis, column in zip(axes, ("nll", "top1_agreement"), strict=True):
    sns.lineplot(
        shown, x="blocks_replaced", y=column, hue="backend", style="backend", markers=True, ax=axis
    )
    for _, part in shown.groupby("backend"):
        ends = part[f"{column}_low"], part[f"{column}_high"]
        axis.fill_between(part["blocks_replaced"], *ends, color=theme.GREY, alpha=0.1)
    theme.whole_numbers(axis.xaxis)
    axis.set(xlabel="blocks replaced")
axes[0].set_ylim(bottom=axes[0].get_ylim()[0] - 0.35 * loss)  # room for the stages' names
for index, (stage, (start, end)) in enumerate(ARTICLE.items()):
    if start <= last["blocks_replaced"]:
        axes[0].axvspan(start - 0.5, end + 0.5, color=theme.GREY, alpha=0.05 + 0.05 * (index % 2))
        place = ((start + end) / 2, 0.02)
        look = {"ha": "center", "va": "bottom", "fontsize": 7, "rotation": 90}
        axes[0].text(*place, stage, transform=axes[0].get_xaxis_transform(), **look)
axes[0].set(title="nll, over the article's stages", ylabel="nats per token\nlower is better")
axes[1].set(title="Likeliest token unchanged", ylabel="share of positions", ylim=(0, 1.03))
axes[0].legend(loc="upper left", title="backend")
theme.footnote(figure, "Bands are 95% intervals over noise seeds and documents.")
draw(figure)

# %%
if "example" in curve and curve["texts"].iloc[0] > 0:
    say("And this is what it sounds like, the first text of each:")
    places = np.unique(np.linspace(0, len(curve) - 1, min(len(curve), 5)).round().astype(int))
    show(curve.iloc[places], {"blocks_replaced": "blocks replaced", "example": "a text"})

# %%
if "label" in curve:
    found = curve[curve["blocks_replaced"] > 0]
    lines = []
    for stage, (start, end) in ARTICLE.items():
        part = found.loc[found["blocks_replaced"].between(start, end), "label"].dropna()
        if len(part):
            agree = (part == stage).sum()
            lines.append(f"- *{stage}*: so labelled are {agree} of the {len(part)} rows there.")
    if lines:
        say("The article's stages beside the commonest label of the texts:", "\n".join(lines))

# %%
if "grammar" in degradation and degradation["grammar"].notna().any():
    probed = degradation[degradation["grammar"].notna() & (degradation["sweep"] == main)]
    probed = probed[probed["backend"] == probed["backend"].iloc[0]].sort_values("blocks_replaced")
    figure, ((axis,),) = theme.panels(1, 1)
    for index, name in enumerate(("grammar", "cloze")):
        look = theme.style(index)
        axis.plot(probed["blocks_replaced"], probed[name], label=name, **look)
        ends = probed[f"{name}_low"], probed[f"{name}_high"]
        axis.fill_between(probed["blocks_replaced"], *ends, color=look["color"], alpha=0.16)
    axis.set(title="Probes", xlabel="blocks replaced", ylabel="share of items right")
    axis.set_ylim(0, 1.03)
    axis.legend()
    theme.whole_numbers(axis.xaxis)
    draw(figure)
    first, end = probed.iloc[0], probed.iloc[-1]
    say(
        f"Two probes ask what is left. *Grammar* (which of two sentences is right; guessing gives "
        f"one half) goes from {measured(first, 'grammar')} to {measured(end, 'grammar')}, *cloze* "
        f"(which word ends a passage; guessing gives one over the number of candidates) from "
        f"{measured(first, 'cloze')} to {measured(end, 'cloze')}."
    )

# %%
others = [sweep for sweep in dict.fromkeys(wide["sweep"]) if sweep != main and most[sweep] > 1]
if others:
    say(
        "### And other ways to damage it?",
        f"Other matrices, other noise and other orders of blocks (backend "
        f"`{wide['backend'].iloc[0]}`).",
    )
    figure, ((axis,),) = theme.panels(1, 1)
    part = wide[wide["sweep"].isin([main, *others])]
    sns.lineplot(
        part, x="blocks_replaced", y="nll", hue="sweep", style="sweep", markers=True, ax=axis
    )
    figure.set_figwidth(6)
    axis.set(title="nll by sweep", xlabel="blocks replaced", ylabel="nats per token")
    sns.move_legend(axis, "center left", bbox_to_anchor=(1.02, 0.5))
    draw(figure)
    rows = []
    for sweep in [main, *others]:
        part = wide[wide["sweep"] == sweep].sort_values("blocks_replaced")
        end, start = part.iloc[-1], part.iloc[0]
        rows.append(
            {"sweep": sweep, "blocks": end["blocks_replaced"], "rise": end["nll"] - start["nll"]}
        )
    rows = pd.DataFrame(rows).sort_values("rise", ascending=False)
    show(rows, {"sweep": "sweep", "blocks": "blocks replaced", "rise": "rise of nll"})

# %% [markdown]
# ## Where do CPU and GPU part, and why?
#
# The article gave both one seed and got two texts. It names three causes: rounding, how real
# numbers are handled, and random number generators that depend on the hardware. Here two ways to
# compute (*backends*) do the same work, and the first token that differs is looked for. As a
# control each backend is also run twice: unless it gives the same text both times, nothing else
# can be told.

# %%
if not CUDA:
    say(
        "**No GPU took part in this run.** The question is asked of ways to compute on a CPU that "
        "differ as two machines do; nothing below is about CUDA."
    )
summary = tables["divergence_summary"]
same = summary["left"] == summary["right"]
control = summary.loc[same, "identical"].min()
say(
    f"In the controls the share of identical texts is {percent(control)} at least, over "
    f"{summary.loc[same, 'texts'].sum()} texts"
    + (": the rest may be believed." if control == 1 else ": **the rest says nothing.**")
)
pairs = []
for (left, right), part in summary[~same].groupby(["left", "right"], sort=False):
    equal = (part["identical"] * part["texts"]).sum() / part["texts"].sum()
    row = {"pair": f"{left} and {right}", "texts": part["texts"].sum(), "identical": equal}
    row |= {"shared": np.average(part["shared"], weights=part["texts"])}
    pairs.append(row | {"max_abs_logit": part["max_abs_logit"].max()})
if pairs:
    HEADINGS = {
        "pair": "backends",
        "texts": "texts",
        "identical": "share identical",
        "shared": "part of the text before they part",
        "max_abs_logit": "largest logit difference, same tokens given",
    }
    show(pd.DataFrame(pairs), HEADINGS)
else:
    say("No two different backends were held against each other in this run.")

# %%
if "divergence_trend" in tables:
    trend = tables["divergence_trend"]
    for _, row in trend[trend["left"] != trend["right"]].iterrows():
        say(
            f"`{row['left']}` and `{row['right']}` (sweep `{row['sweep']}`): whether more noise "
            f"makes them part earlier or later: **{row['verdict']}**. With each further block the "
            f"part they share changes by {measured(row, 'slope')}."
        )

# %%
if "ledger" in tables:
    ledger = tables["ledger"][tables["ledger"]["order"] != "control"]
    say(
        "### Why: one cause removed after the other",
        "Two backends that differ as machines do, then the same two with one more cause taken "
        "away from both, in one order and in the opposite one.",
    )
    for (left, right), pair in ledger.groupby(["left", "right"], sort=False):
        orders = pair.sort_values("step").groupby("order", sort=False)
        figure, (axes,) = theme.panels(1, len(orders))
        lines = []
        for axis, (order, part) in zip(axes, orders, strict=True):
            sns.barplot(part, x="identical_share", y="cause", color=theme.COLOURS[0], ax=axis)
            axis.set(title=order, xlabel="share of identical texts", ylabel=None, xlim=(0, 1.05))
            bare, clean, gains = part.iloc[0], part.iloc[-1], part["identical_share"].diff()
            best = f"The largest gain comes with *{part['cause'][gains.idxmax()]}*."
            lines.append(
                f"- {order}: with every cause in place {percent(bare['identical_share'])} of "
                f"{number(bare['texts'])} texts are identical; with all removed, "
                f"{percent(clean['identical_share'])}, the largest difference of a logit then "
                f"being {number(clean['max_abs_logit'])}. "
                + (best if gains.max() > 0 else "No step makes more texts the same.")
            )
        draw(figure)
        say(f"`{left}` and `{right}`, from top to bottom one more cause removed:", "\n".join(lines))

# %%
if "flips" in tables:
    flips = tables["flips"]
    say(
        "### Does rounding explain it?",
        "With the same token draws for both, rounding alone can part two texts: it has to turn "
        "over a draw that was nearly a tie. From how near the ties were follows in how many texts "
        "that should happen (the *flip law*):",
    )
    for _, row in flips[flips["blocks_replaced"].isna()].iterrows():
        ends = f"{number(row['predicted_low'])} to {number(row['predicted_high'])}"
        inside = row["predicted_low"] <= row["parted"] <= row["predicted_high"]
        say(
            f"- `{row['left']}` and `{row['right']}`: {number(row['parted'])} of "
            f"{number(row['texts'])} texts part; expected {row['predicted']:.1f} (95% interval "
            f"{ends}): " + ("as the law says." if inside else "**not as the law says.**")
        )

# %% [markdown]
# ## Which of the article's claims hold?

# %%
if "claims" in tables:
    claims = tables["claims"]
    whole = claims["test"].str.startswith("all ")
    say(
        "\n".join(
            f"- **{row['claim']}, {row['verdict']}.** {row['statement']}"
            for _, row in claims[whole].iterrows()
        ),
        "A claim is supported if all its tests are, and refuted if any is. The tests:",
    )
    HEADINGS = {
        "claim": "claim",
        "verdict": "verdict",
        "estimate": "estimate",
        "low": "95% from",
        "high": "to",
        "test": "test",
    }
    show(claims[~whole], HEADINGS)
else:
    say("This run left no `tables/claims.tsv`, so none is decided here.")

# %% [markdown]
# ## What this does not tell
#
# One model, one text and a few prompts: the intervals are over noise seeds and documents or
# prompts, not over models. `docs/metrics.md` defines every column, and `docs/divergence.md` and
# `docs/claims.md` say what the tests can and cannot decide.
