"""Shapley values of a run of configs/subsets.yaml, computed in another way.

    python docs/evidence/check_subsets.py results/pocket-gpt2-subsets

Two comparisons: noise seed 0 with the numbers of a recomputation at commit c605f96, by code of
another author, to 0.01; and all noise seeds with the run's tables, to 0.00001.
Written apart from the library: by dividends (Harsanyi 1963), what each group of blocks does beyond
its smaller groups. A block's Shapley value is its share of the dividends of its groups, and so is a
pair's interaction (Grabisch and Roubens 1999).
"""

import sys
from itertools import combinations
from pathlib import Path

import numpy
import pandas

RECORDED = {
    **dict(
        zip(
            [f"Shapley value of block {block}" for block in range(12)],
            [0.007, 0.072, 0.212, 0.169, 0.114, 0.168, 0.047, 0.035, 0.040, 0.008, 0.049, 0.030],
            strict=True,
        )
    ),
    "effective number of blocks": 7.0,
    "interactions above 0, sum": 0.59,
    "interactions below 0, sum": -0.06,
    "first 6 blocks": 0.703,
    "most damaging 6 blocks": 0.760,
    "mean of 6 blocks": 0.318,
    "least damaging 6 blocks": 0.090,
}


def dividends(damage):
    """What each group does beyond its smaller groups: the Moebius transform, block by block."""
    found = damage.copy()
    for block in range(len(damage).bit_length() - 1):
        groups = numpy.arange(len(damage))
        groups = groups[groups & (1 << block) > 0]
        found[groups] -= found[groups - (1 << block)]
    return found


def numbers(damage):
    """Every number that is compared, from the damage of all subsets."""
    blocks = len(damage).bit_length() - 1
    groups, dividend = numpy.arange(len(damage)), dividends(damage)
    size = numpy.array([bin(group).count("1") for group in groups])
    shared = dividend / numpy.maximum(size, 1)
    values = [shared[groups >> block & 1 == 1].sum() for block in range(blocks)]
    pairs = {}
    for one, other in combinations(range(blocks), 2):
        inside = (groups >> one & 1) * (groups >> other & 1) == 1
        pairs[one, other] = (dividend / numpy.maximum(size - 1, 1))[inside].sum()
    half = damage[size == blocks // 2]
    found = {f"Shapley value of block {block}": value for block, value in enumerate(values)}
    found["effective number of blocks"] = sum(values) ** 2 / sum(value**2 for value in values)
    found["interactions above 0, sum"] = sum(value for value in pairs.values() if value > 0)
    found["interactions below 0, sum"] = sum(value for value in pairs.values() if value < 0)
    found["first 6 blocks"] = damage[63]
    found["most damaging 6 blocks"] = half.max()
    found["mean of 6 blocks"] = half.mean()
    found["least damaging 6 blocks"] = half.min()
    return found, pairs


def damage_of(files):
    """The rise of nll under each subset, mean over noise seeds and documents."""
    rows = pandas.concat([pandas.read_parquet(file) for file in files])
    nll = rows.groupby("subset")["nll"].mean().to_numpy()
    return nll - nll[0]


def compare(title, pairs, tolerance):
    """Print a row per number; True if all agree."""
    print(f"{title}\n\n| number | there | here | agree |\n|---|---:|---:|---|")
    agree = True
    for name, (there, here) in pairs.items():
        near = abs(there - here) <= tolerance
        agree &= near
        print(f"| {name} | {there:.5g} | {here:.5g} | {'yes' if near else 'NO'} |")
    print()
    return agree


def main():
    """Compare, and fail if a number differs."""
    run = Path(sys.argv[1])
    files = sorted(run.glob("subsets/[0-9]*.parquet"))
    first, _ = numbers(damage_of([run / "subsets/0.parquet"]))
    recorded = {name: (value, first[name]) for name, value in RECORDED.items()}
    number = "effective number of blocks"  # recorded with one decimal
    rounded = {number: recorded.pop(number)}
    agree = compare("Noise seed 0, and the recomputation:", recorded, 0.01)
    agree &= compare("The same, to 0.05:", rounded, 0.05)
    found, pairs = numbers(damage_of(files))
    tables = {
        name: pandas.read_csv(run / f"tables/{name}.tsv", sep="\t")
        for name in ("shapley", "interactions", "subset_sizes")
    }
    own = {}
    for _, row in tables["shapley"].iterrows():
        name = f"Shapley value of block {row['block']:.0f}"
        own[name] = (row["shapley"], found[name])
    for _, row in tables["interactions"].iterrows():
        pair = int(row["block"]), int(row["other_block"])
        own[f"interaction of blocks {pair[0]} and {pair[1]}"] = (row["interaction"], pairs[pair])
    row = tables["subset_sizes"].set_index("blocks_replaced").loc[6]
    named = {"in_order": "first", "mean": "mean of", "least": "least damaging"}
    for column, name in (named | {"most": "most damaging"}).items():
        own[f"{name} 6 blocks"] = (row[column], found[f"{name} 6 blocks"])
    largest = max(abs(there - here) for there, here in own.values())
    print(f"All noise seeds: {len(own)} numbers of the tables; largest difference {largest:.1e}")
    agree &= largest <= 1e-5
    sys.exit(not agree)


if __name__ == "__main__":
    main()
