"""The corrected law of predicted flips against the counts of older runs, whose texts are gone.

    python docs/evidence/check_flips.py results/pocket-gpt2/generate/exact/first/*.parquet

The texts of exact arithmetic are the same on every machine. So the margins and edges of those that
the command names, up to the 32 new tokens that those runs had, are those of all the runs here.
Each run left how many texts diverged, and the logit error, for each number of blocks replaced
(flips.tsv). Written apart from the library: normal and Poisson binomial distributions by scipy, a
loop over texts.
"""

import sys
from pathlib import Path

import numpy
import pandas
from scipy import stats

HERE = Path(__file__).parent
NEW_TOKENS = 32
RUNS = {
    "AMD EPYC, AVX-512": "pocket-gpt2-divergence/flips.tsv",
    "AMD EPYC, AVX2": "pocket-gpt2-avx2/flips.tsv",
    "NVIDIA H200 and its CPU": "pocket-gpt2-h200/precisions/flips.tsv",
}


def chance_of_text(text, error, edges):
    """The probability that any token of a text flips."""
    leads = [text["margins"], *([text["exits"], text["entries"]] if edges else [])]
    stays = [stats.norm.cdf(numpy.array(lead) / error) for lead in leads]
    return 1 - numpy.prod(stays) if error else 0.0


def p_value(seen, chances):
    """Two-sided, as in docs/metrics.md."""
    distribution = stats.poisson_binom(numpy.clip(chances, 0, 1))
    return min(1.0, 2 * min(distribution.cdf(seen), distribution.sf(seen - 1)))


def main():
    """A row per run and backend: seen, predicted with the edges, and by margins alone."""
    texts = pandas.concat([pandas.read_parquet(file) for file in sys.argv[1:]])
    assert len(texts) == 366
    for lead in ("margins", "exits", "entries"):
        texts[lead] = texts[lead].map(lambda values: values[:NEW_TOKENS])
    print("| run | backend | diverged | with edges | p | by margins alone | p |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for run, file in RUNS.items():
        table = pandas.read_csv(HERE / file, sep="\t")
        for backend, rows in table[table["blocks_replaced"].notna()].groupby("right", sort=False):
            seen = int(rows[next(name for name in rows if name in ("parted", "diverged"))].sum())
            errors = rows.set_index("blocks_replaced")["logit_error"]
            cells = []
            for edges in (True, False):
                chances = [
                    chance_of_text(text, errors[text["blocks_replaced"]], edges)
                    for _, text in texts.iterrows()
                ]
                cells += [f"{sum(chances):.1f}", f"{p_value(seen, chances):.2g}"]
            print(f"| {run} | {backend} | {seen} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
