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
# # The headline table, computed again
#
# `tables/degradation.tsv` is what this project says about a model. Here its means are computed a
# second time, from the files that generating and scoring left, with pandas alone and none of the
# project's code. The notebook fails, and the run with it, unless both agree in every row.

# %% tags=["parameters"]
RUN = "results/pocket-gpt2"  # the run's folder, seen from here or from the project's folder
CHUNKS = None  # {backend: names of its files}; None for all that are there

# %%
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import HTML, Markdown, display

here = Path.cwd()
project = next((f for f in (here, *here.parents) if (f / "Snakefile").is_file()), here)
run = Path(RUN) if Path(RUN).is_dir() else project / RUN
published = pd.read_csv(run / "tables/degradation.tsv", sep="\t")
INTERVENTION = ["sweep", "intervention", "blocks_replaced"]


def rows(stage, backend, ending):
    """What a stage left for a backend, all its files together."""
    files = sorted((run / stage / backend / "first").glob(f"*{ending}"))
    if CHUNKS is not None:
        files = [file for file in files if file.name.removesuffix(ending) in CHUNKS[backend]]
    return pd.concat([pd.read_parquet(file) for file in files], ignore_index=True)


# %% [markdown]
# ## Two measures of a text
#
# Both are counted on its tokens: the share of 4-grams that repeat an earlier one, and the share of
# 2-grams that are distinct. A text too short to have one has no such share.


# %%
def n_grams(tokens, n):
    return list(zip(*(tokens[start:] for start in range(n)), strict=False))


def seq_rep_4(tokens):
    grams = n_grams(list(tokens), 4)
    return (len(grams) - len(set(grams))) / len(grams) if grams else np.nan


def distinct_2(tokens):
    grams = n_grams(list(tokens), 2)
    return len(set(grams)) / len(grams) if grams else np.nan


# %% [markdown]
# ## One mean
#
# Every noise seed counts the same, and so does every prompt or document. Where a short text leaves
# a hole in the table of seeds by prompts, the plain mean would shift towards what is left; so a
# hole counts as what its seed and its prompt predict together (least squares).


# %%
def mean(part, column, item):
    cells = part.groupby(["noise_seed", item], dropna=False)[column].mean().dropna()
    table = cells.unstack(item)
    if table.isna().any(axis=None):
        keys = cells.index.to_frame(index=False)
        design = pd.get_dummies(keys["noise_seed"]).join(
            pd.get_dummies(keys[item]), lsuffix="_seed", rsuffix="_item"
        )
        effects = np.linalg.lstsq(design.to_numpy(float), cells.to_numpy(float), rcond=None)[0]
        of_seeds, of_items = np.split(effects, [len(table)])
        table = table.fillna(
            pd.DataFrame(of_seeds[:, None] + of_items, index=table.index, columns=table.columns)
        )
    return table.to_numpy(float).mean() if table.size else np.nan


# %%
found = []
for backend in published["backend"].unique():
    texts = rows("generate", backend, ".parquet")
    texts["seq_rep_4"] = texts["tokens"].map(seq_rep_4)
    texts["distinct_2"] = texts["tokens"].map(distinct_2)
    scores = rows("score", backend, ".texts.parquet")
    documents = rows("score", backend, ".evaluation.parquet")
    measures = [(documents, name, "document") for name in ("nll", "kl", "top1_agreement")]
    measures += [(texts, name, "prompt") for name in ("seq_rep_4", "distinct_2")]
    measures += [(scores, "text_nll", "prompt")]
    means = {
        name: pd.Series(
            {key: mean(part, name, item) for key, part in table.groupby(INTERVENTION)}, dtype=float
        )
        for table, name, item in measures
    }
    means = pd.DataFrame(means).rename_axis(INTERVENTION).reset_index()
    found.append(means.assign(backend=backend))
found = pd.concat(found)

# %% [markdown]
# ## Held against the published table
#
# It states six significant digits, so half a unit in the sixth is what rounding may change. Sweeps
# that generate no texts have no measures of texts, on both sides.

# %%
KEYS = [*INTERVENTION, "backend"]
MEASURES = ["nll", "kl", "top1_agreement", "seq_rep_4", "distinct_2", "text_nll"]
both = published.merge(found, on=KEYS, how="left", suffixes=("", "_again"), validate="1:1")
rows_of = []
for name in MEASURES:
    given, again = both[name].astype(float), both[f"{name}_again"]
    agree = np.isclose(given, again, rtol=5.1e-6, atol=1e-12, equal_nan=True)
    assert agree.all(), f"{name} differs in {', '.join(both.loc[~agree, 'intervention'].unique())}"
    apart = ((given - again).abs() / given.abs().where(given != 0)).max()
    rows_of.append({"measure": name, "values": given.notna().sum(), "largest difference": apart})
assert len(both) == len(published) > 0
summed = pd.DataFrame(rows_of)
summed["largest difference"] = summed["largest difference"].map("{:.1e}".format, na_action="ignore")
display(
    Markdown(
        f"**All {summed['values'].sum():,} means agree**, in {len(both)} rows and "
        f"{len(published['backend'].unique())} backends. Differences are relative."
    ),
    HTML(summed.to_html(index=False, border=0, na_rep="–")),
)
