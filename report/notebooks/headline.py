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
# `tables/degradation.tsv` is the main result of this project. This notebook computes its means a
# second time, from the files of the generate and score stages, with pandas alone and without any
# code of the project. If a row differs, the notebook fails, and so does the run.

# %% tags=["parameters"]
RUN = "results/pocket-gpt2"  # the run's folder, seen from here or from the project's folder
CHUNKS = None  # {backend: names of its files}; None for all files of the run

# %%
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import HTML, Markdown, display

here = Path.cwd()
project = next((f for f in (here, *here.parents) if (f / "Snakefile").is_file()), here)
run = Path(RUN) if Path(RUN).is_dir() else project / RUN
INTERVENTION = ["sweep", "intervention", "blocks_replaced"]
names = dict.fromkeys(("sweep", "intervention", "backend"), str)  # also if one is called null


def read(how, file, **settings):
    """A file of the run; an error names the file."""
    try:
        return how(file, **settings)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{file}: is damaged or cut short ({error}); delete it and run again"
        ) from None


published = read(
    pd.read_csv,
    run / "tables/degradation.tsv",
    sep="\t",
    keep_default_na=False,
    na_values="",
    dtype=names,
)


def rows(stage, backend, ending):
    """All rows of a stage and a backend."""
    files = sorted((run / stage / backend / "first").glob(f"*{ending}"))
    if CHUNKS is not None:
        files = [file for file in files if file.name.removesuffix(ending) in CHUNKS[backend]]
    return pd.concat([read(pd.read_parquet, file) for file in files], ignore_index=True)


# %% [markdown]
# ## Two measures of a text
#
# Both are counted on the tokens of a text: the share of 4-grams that repeat an earlier one, and the
# share of 2-grams that are different. A text that is too short for an n-gram has no such share.


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
# All noise seeds have the same weight, and so have all prompts or documents. If a text is too
# short, its cell in the table of noise seeds and prompts is empty, and a plain mean would be
# shifted. So an empty cell gets the value that its noise seed and its prompt together predict
# (least squares).


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
parts = []
for backend in published["backend"].unique():
    texts = rows("generate", backend, ".parquet")
    texts["seq_rep_4"] = texts["tokens"].map(seq_rep_4)
    texts["distinct_2"] = texts["tokens"].map(distinct_2)
    scores = rows("score", backend, ".texts.parquet")
    documents = rows("score", backend, ".evaluation.parquet")
    pristine = documents[documents["blocks_replaced"] == 0].set_index(["sweep", "document"])
    before = pristine.loc[pd.MultiIndex.from_frame(documents[["sweep", "document"]]), "nll"]
    documents["rise"] = documents["nll"] - before.to_numpy(float)
    measures = [(documents, name, "document") for name in ("nll", "rise", "kl", "top1_agreement")]
    measures += [(texts, name, "prompt") for name in ("seq_rep_4", "distinct_2")]
    measures += [(scores, "pristine_nll", "prompt")]
    means = {
        name: pd.Series(
            {key: mean(part, name, item) for key, part in table.groupby(INTERVENTION)}, dtype=float
        )
        for table, name, item in measures
    }
    means = pd.DataFrame(means).rename_axis(INTERVENTION).reset_index()
    parts.append(means.assign(backend=backend))
recomputed = pd.concat(parts)

# %% [markdown]
# ## Comparison with the published table
#
# The table has six significant digits, so rounding may change half a unit of the sixth digit.
# Sweeps that generate no texts have no measures of texts, here and there.

# %%
KEYS = [*INTERVENTION, "backend"]
MEASURES = ["nll", "rise", "kl", "top1_agreement", "seq_rep_4", "distinct_2", "pristine_nll"]
both = published.merge(recomputed, on=KEYS, how="left", suffixes=("", "_again"), validate="1:1")
summary = []
for name in MEASURES:
    stated, again = both[name].astype(float), both[f"{name}_again"]
    agree = np.isclose(stated, again, rtol=5.1e-6, atol=1e-12, equal_nan=True)
    assert agree.all(), f"{name} differs in {', '.join(both.loc[~agree, 'intervention'].unique())}"
    largest = ((stated - again).abs() / stated.abs().where(stated != 0)).max()
    summary.append({"measure": name, "values": stated.notna().sum(), "largest difference": largest})
assert len(both) == len(published) > 0
summary = pd.DataFrame(summary)
summary["largest difference"] = summary["largest difference"].map(
    "{:.1e}".format, na_action="ignore"
)
display(
    Markdown(
        f"**All {summary['values'].sum():,} means agree**, in {len(both)} rows and "
        f"{len(published['backend'].unique())} backends. The differences below are relative."
    ),
    HTML(summary.to_html(index=False, border=0, na_rep="–")),
)
