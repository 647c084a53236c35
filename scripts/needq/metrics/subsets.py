"""The tables of block subsets: Shapley values, interactions, and how much the choice matters."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy
from pandas import DataFrame

from needq.common.subset_columns import INTERACTIONS, SHAPLEY, SUBSET_SIZES, SUBSETS
from needq.corrupt.subsets import blocks_of, is_exact, orders, prefixes, subset_of
from needq.metrics import shapley
from needq.metrics.estimates import as_columns
from needq.metrics.participation import effective_share
from needq.metrics.statistics import LEVEL, Estimate, mean_of_crossed

NO_INTERVAL = numpy.nan


class Damage(NamedTuple):
    """The rise of nll (nats per token) of each document under each subset that was scored."""

    n_blocks: int
    noise_seeds: list[int]
    documents: list[int]
    by_seed: list[dict[int, numpy.ndarray]]  # per noise seed: subset -> [documents]

    def of(self, subset: int) -> numpy.ndarray:
        """The damage (seeds, documents) of a subset that was scored under every noise seed."""
        return numpy.array([found[subset] for found in self.by_seed])

    @property
    def everything(self) -> numpy.ndarray:
        """The damage [subsets, seeds, documents] of all subsets."""
        return numpy.array([self.of(subset) for subset in range(1 << self.n_blocks)])


def damage_of(rows: DataFrame, n_blocks: int) -> Damage:
    """The damage by the rows of schemas.SUBSETS of a model of `n_blocks`."""
    documents = sorted(set(rows["document"]))
    by_seed, seeds = [], []
    for seed, own in rows.groupby("noise_seed"):
        table = own.pivot(index="subset", columns="document", values="nll")[documents]
        nll = table.to_numpy(float)
        rises = nll - nll[list(table.index).index(0)]
        by_seed.append(dict(zip(map(int, table.index), rises, strict=True)))
        seeds.append(int(seed))
    return Damage(n_blocks, seeds, [int(number) for number in documents], by_seed)


def block_values(damage: Damage, permutations: int) -> numpy.ndarray:
    """The Shapley values (seeds, documents, blocks): exact, or by `permutations` random orders.

    Orders are drawn anew for each noise seed, so that the differences between noise seeds, and so
    the intervals, contain what chance does to the choice of orders.
    """
    if is_exact(damage.n_blocks):
        values = shapley.shapley_values(damage.everything)
    else:
        by_seed = [
            shapley.sampled_values(found, orders(damage.n_blocks, seed, permutations))
            for seed, found in zip(damage.noise_seeds, damage.by_seed, strict=True)
        ]
        values = numpy.stack(by_seed, axis=1)
    return numpy.moveaxis(values, 0, -1)


def value_rows(damage: Damage, values: numpy.ndarray) -> list[dict[str, object]]:
    """The Shapley values as rows of schemas.SHAPLEY."""
    return [
        {"noise_seed": seed, "document": document, "block": block, "shapley": float(value)}
        for seed, of_seed in zip(damage.noise_seeds, values, strict=True)
        for document, of_document in zip(damage.documents, of_seed, strict=True)
        for block, value in enumerate(of_document)
    ]


def values_of(rows: DataFrame) -> numpy.ndarray:
    """The inverse of `value_rows`: (seeds, documents, blocks)."""
    keys = ["noise_seed", "document", "block"]
    ordered = rows.sort_values(keys)
    shape = [rows[key].nunique() for key in keys]
    return ordered["shapley"].to_numpy(float).reshape(shape)


def shapley_table(damage: Damage, values: numpy.ndarray) -> DataFrame:
    """`shapley.tsv`: what each block adds over all orders, alone, and after all others."""
    whole = (1 << damage.n_blocks) - 1
    rows = []
    for block in range(damage.n_blocks):
        row: dict[str, object] = {"block": block}
        row |= as_columns("shapley", mean_of_crossed(values[:, :, block]))
        row |= as_columns("alone", mean_of_crossed(damage.of(1 << block)))
        last = damage.of(whole) - damage.of(whole ^ 1 << block)
        rows.append(row | as_columns("last", mean_of_crossed(last)))
    return DataFrame(rows, columns=list(SHAPLEY))


def interactions_table(damage: Damage) -> DataFrame:
    """`interactions.tsv`: a row per pair of blocks; none if not every subset was scored."""
    rows: list[dict[str, object]] = []
    if is_exact(damage.n_blocks):
        found = shapley.pair_interactions(damage.everything)
        for first, second in shapley.pairs(damage.n_blocks):
            row: dict[str, object] = {"block": first, "other_block": second}
            estimate = mean_of_crossed(found[first, second])
            rows.append(row | as_columns("interaction", estimate))
    return DataFrame(rows, columns=list(INTERACTIONS))


def sizes_table(damage: Damage, permutations: int) -> DataFrame:
    """`subset_sizes.tsv`: for each number of blocks, how much depends on which blocks they are."""
    n = damage.n_blocks
    by_size = _everything_by_size(damage) if is_exact(n) else _sampled_by_size(damage, permutations)
    rows = []
    for size in range(1, n + 1):
        numbers, table = by_size[size]
        row: dict[str, object] = {"blocks_replaced": size, "subsets": len(table)}
        row |= as_columns("mean", mean_of_crossed(table.mean(0)))
        row |= as_columns("in_order", mean_of_crossed(damage.of(subset_of(range(size)))))
        for name, sign in (("least", 1), ("most", -1)) if numbers else ():
            chosen = int((sign * table.mean((1, 2))).argmin())
            row[f"{name}_blocks"] = " ".join(map(str, blocks_of(numbers[chosen], n)))
            row |= as_columns(name, mean_of_crossed(table[chosen]))
            row[f"{name}_held_out"] = _held_out(table, sign)
        rows.append(row)
    return DataFrame(rows, columns=list(SUBSET_SIZES))


Sized = tuple[Sequence[int], numpy.ndarray]  # subsets of one size, and [subsets, seeds, documents]


def _everything_by_size(damage: Damage) -> dict[int, Sized]:
    """All subsets of each size, and their damage."""
    everything, counts = damage.everything, shapley.sizes(numpy.arange(1 << damage.n_blocks))
    found: dict[int, Sized] = {}
    for size in range(1, damage.n_blocks + 1):
        numbers = numpy.flatnonzero(counts == size)
        found[size] = ([int(number) for number in numbers], everything[numbers])
    return found


def _sampled_by_size(damage: Damage, permutations: int) -> dict[int, Sized]:
    """The damage of each size that random orders lead to; the subsets differ between seeds."""
    led = [
        [prefixes(order) for order in orders(damage.n_blocks, seed, permutations)]
        for seed in damage.noise_seeds
    ]
    return {
        size: (
            [],
            numpy.stack(
                [
                    numpy.array([found[subsets[size]] for subsets in own])
                    for found, own in zip(damage.by_seed, led, strict=True)
                ],
                axis=1,
            ),
        )
        for size in range(1, damage.n_blocks + 1)
    }


def _held_out(table: numpy.ndarray, sign: int) -> float:
    """The damage of the subset that is chosen by the other noise seeds, mean over noise seeds.

    The least of many noisy numbers is on average too small. That of a subset chosen by other noise
    is not. NaN with one noise seed.
    """
    means = table.mean(2)
    if means.shape[1] < 2:
        return NO_INTERVAL
    total = means.sum(1, keepdims=True)
    chosen = (sign * (total - means)).argmin(0)
    return float(means[chosen, numpy.arange(means.shape[1])].mean())


def summary_table(damage: Damage, values: numpy.ndarray, interactions: DataFrame) -> DataFrame:
    """`subsets.tsv`: the whole damage, and how it is shared, as a few numbers."""
    whole = (1 << damage.n_blocks) - 1
    alone = sum(damage.of(1 << block) for block in range(damage.n_blocks))
    share = effective_share(values)(LEVEL)
    number = Estimate(*(damage.n_blocks * end for end in (share.mean, share.low, share.high)))
    rows = {
        "damage of all blocks": mean_of_crossed(damage.of(whole)),
        "sum of the damages of single blocks": mean_of_crossed(numpy.asarray(alone)),
        "effective number of blocks": number,
    }
    found = interactions["interaction"].to_numpy(float)
    sums = {
        "sum of the interactions above 0": found[found > 0].sum(),
        "sum of the interactions below 0": found[found < 0].sum(),
    }
    if len(found):
        rows |= {name: Estimate(value, NO_INTERVAL, NO_INTERVAL) for name, value in sums.items()}
    ends = {"estimate": "mean", "low": "low", "high": "high"}
    return DataFrame(
        [
            {"measure": name} | {end: float(getattr(one, of)) for end, of in ends.items()}
            for name, one in rows.items()
        ],
        columns=list(SUBSETS),
    )
