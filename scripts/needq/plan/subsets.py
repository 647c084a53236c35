"""Under which noise seeds the subsets of blocks are scored, by which patches, and what that costs.

The Snakefile asks, so nothing but plain Python is imported.
"""

from collections.abc import Iterator, Sequence
from statistics import fmean

from needq.common.keys import WITHOUT_NOISE
from needq.common.settings import Config
from needq.common.subsets import EXACT_BLOCKS, MOST_BLOCKS
from needq.plan import cost
from needq.plan.choices import choose
from needq.plan.cost import Job, Shape
from needq.plan.interventions import CUMULATIVE, RUN, Intervention, numbers_replaced, sweeps_run
from needq.plan.selection import Selection

ROW_BYTES = 10  # of a document under a subset, in its parquet file


def subset_seeds(config: Config) -> list[int]:
    """The noise seeds under which subsets are scored; none if they are not."""
    return config.noise_seeds[: config.subsets.noise_seeds] if config.subsets.run else []


def decide_claims(selection: Selection) -> bool:
    """Whether the claims are about these subsets: about W_Q replaced as the article does."""
    subsets = selection.config.subsets
    return subsets.run and selection.comparisons.get("q") == subsets.sweep


def all_replaced(config: Config, noise_seed: int) -> list[Intervention]:
    """The one intervention that replaces all blocks under a noise seed."""
    return choose(config, config.subsets.sweep, [config.model.n_blocks], [noise_seed])


def subset_problems(config: Config) -> Iterator[str]:
    """What is wrong with the group `subsets`, if it is run."""
    subsets, key, n_blocks = config.subsets, "subsets", config.model.n_blocks
    if not subsets.run:
        return
    if n_blocks > MOST_BLOCKS:
        yield f"{key}.run: the model has {n_blocks} blocks; this is for at most {MOST_BLOCKS}"
    if subsets.permutations % 2:
        yield (
            f"{key}.permutations: {subsets.permutations} is odd; each order is followed by its "
            "reverse, so give an even number"
        )
    names = sweeps_run(config.sweeps, *RUN)
    if subsets.sweep not in names:
        yield f"{key}.sweep: there is no sweep {subsets.sweep} that is run, but {', '.join(names)}"
        return
    sweep = config.sweeps[subsets.sweep]
    if sweep.steps != CUMULATIVE or n_blocks not in numbers_replaced(sweep, n_blocks):
        yield f"{key}.sweep: no step of {subsets.sweep} replaces all {n_blocks} blocks"
    if sweep.method in WITHOUT_NOISE:
        yield f"{key}.sweep: {subsets.sweep} has no noise seeds, since its method draws no noise"


def subsets_count(config: Config) -> int:
    """How many subsets are scored under each noise seed, at most."""
    n_blocks = config.model.n_blocks
    if n_blocks <= EXACT_BLOCKS:
        return 1 << n_blocks
    return (config.subsets.permutations + 3) * n_blocks  # each alone, all but one, the first ones


def subset_passes(config: Config) -> int:
    """How many blocks the documents pass through under one noise seed, about.

    Subsets share the blocks before they differ. All 2^n of n blocks pass through 2 + 4 + ... + 2^n.
    """
    count = subsets_count(config)
    return sum(min(2**depth, count) for depth in range(1, config.model.n_blocks + 1))


def subsets_job(config: Config, shape: Shape, documents: Sequence[float]) -> Job:
    """Score documents of these numbers of tokens under the subsets, under one noise seed."""
    most = config.subsets.tokens_per_document
    tokens = [min(size, most + 1) if most else size for size in _scored(config, documents)]
    backend = config.divergence.backends[config.divergence.reference]
    rows, count = len(tokens), subsets_count(config)
    seconds = cost.start_seconds(shape, backend)
    seconds += cost.score_seconds(shape, backend, subset_passes(config), count, rows, fmean(tokens))
    together = min(backend.batch, rows)
    return Job(seconds, cost.score_memory(shape, backend, 1, together, max(tokens)))


def subsets_bytes(config: Config, documents: Sequence[float]) -> int:
    """The bytes that the scores take on the disk."""
    rows = len(subset_seeds(config)) * len(_scored(config, documents))
    return ROW_BYTES * rows * subsets_count(config)


def _scored(config: Config, documents: Sequence[float]) -> Sequence[float]:
    return documents[: config.subsets.documents]
