"""Data sets whose truth is known: for tests of intervals, and for the tables in docs."""

from collections import Counter

import numpy
from needq.metrics import half_points, shares, statistics
from scipy.stats import norm

# of the default run: 5 noise seeds, 6 prompts, 29 documents
SIZES = [(5, 6), (5, 8), (5, 16), (5, 29), (5, 32), (3, 8), (3, 16), (3, 32)]
# variances of noise seed, of prompt or document, and of what is left
RATIOS = [
    (1, 1, 1),
    (1, 0.1, 1),
    (0.1, 1, 1),
    (0.3, 0, 1),
    (0, 0.3, 1),
    (1, 1, 0.01),
    (0.3, 1, 0.01),
    (0.05, 1, 0.01),
    (0.2, 0.5, 0.2),
    (1, 0, 0.01),
    (0, 1, 0.01),
    (0, 0, 1),  # no effect of seed or item at all
]
DATA_SETS = 8000


def simulated(seeds, items, ratio, rng, count=DATA_SETS):
    """Data sets of shape (count, seeds, items) from the crossed model, with mean 0."""
    by_seed, by_item, rest = numpy.sqrt(ratio)
    return (
        by_seed * rng.normal(size=(count, seeds, 1))
        + by_item * rng.normal(size=(count, 1, items))
        + rest * rng.normal(size=(count, seeds, items))
    )


def coverage(values):
    """The share of data sets whose interval holds the true mean 0."""
    estimate = statistics.interval(*statistics.crossed_variance(values))
    return ((estimate.low <= 0) & (estimate.high >= 0)).mean()


BLOCKS = numpy.arange(13.0)


def answers(rng, middle, scale, shift, items=100, top=0.95, chance=0.5, item_spread=1.0):
    """Answers (seeds, items, 13) of 1 and 0 to task items of unequal difficulty.

    Accuracy falls from `top` to `chance` around `middle` + `shift` of each seed, by a logistic of
    that scale, or at once with scale 0. The pristine model's answers are the same for each seed.
    """
    place = middle + numpy.asarray(shift)[:, None]
    share = 1 / (1 + numpy.exp((BLOCKS - place) / scale)) if scale else place > BLOCKS
    curve = numpy.clip(chance + (top - chance) * share, 1e-9, 1 - 1e-9)
    difficulty = rng.normal(0, item_spread, items)
    probability = norm.cdf(
        norm.ppf(curve)[:, None, :] * (1 + item_spread**2) ** 0.5 + difficulty[:, None]
    )
    found = (rng.random(probability.shape) < probability).astype(float)
    found[:, :, 0] = found[0, :, 0]
    return found


def true_half_point(middle, scale, spread, top=0.95, chance=0.5):
    """The half-point of the mean curve over very many seeds."""
    shift = numpy.random.default_rng(1).normal(0, spread, (100_000, 1))
    share = 1 / (1 + numpy.exp((BLOCKS - middle - shift) / scale))
    return half_points.half_point(BLOCKS, chance + (top - chance) * share.mean(0), chance)


SHARES = (0.02, 0.1, 0.35, 0.5, 0.65, 0.9, 0.98)
ALL_SHARES = numpy.linspace(0.02, 0.98, 49)  # true shares as they may be
# of 21 texts of a prompt: six that no or one block gives are one text
REPEATED = (0,) * 6 + tuple(range(1, 16))
DISTINCT = shares.effective_number(Counter(REPEATED).values())  # of a prompt


def clustered(chances, likeness, prompts, rng, count=2000):
    """Kinds of texts, with their chances, as means of prompts: kinds x data sets x prompts.

    `likeness` is the correlation of two different texts of one prompt.
    """
    chances = numpy.array(chances)
    of_prompt = numpy.broadcast_to(chances, (count, prompts, len(chances)))
    if likeness:
        of_prompt = rng.dirichlet(chances * (1 / likeness - 1), (count, prompts))
    edges = of_prompt.cumsum(-1)[:, :, None, :-1]
    kinds = (rng.random((count, prompts, 16, 1)) > edges).sum(-1)[:, :, REPEATED]
    return [(kinds == kind).mean(-1) for kind in range(len(chances))]


def covers(estimates, truth):
    """How many of the intervals hold the truth, as a share."""
    return numpy.mean([one.low - 1e-12 <= truth <= one.high + 1e-12 for one in estimates])


# which of the five noise seeds' texts of a prompt are one text
REPEATS = {
    "all different": [(0, 1, 2, 3, 4)] * 6,
    "seeds change nothing": [(0,) * 5] * 6,
    "seeds change one prompt of six": [(0, 1, 2, 3, 4)] + [(0,) * 5] * 5,
    "some repeated": [
        (0, 0, 0, 0, 0),
        (0, 0, 0, 0, 1),
        (0, 0, 0, 1, 1),
        (0, 0, 1, 1, 2),
        (0, 0, 1, 2, 3),
        (0, 1, 2, 3, 4),
    ],
}


def repeated_texts(repeats, share, effects, rng, count):
    """Texts with a label or without: (data sets, seeds, prompts), and their effective number.

    `repeats` is one of REPEATS, `share` the chance of the label in general. `effects` are the
    standard deviations of noise seeds and of prompts, in probits.
    """
    one_of = numpy.array(repeats).T  # seeds, prompts
    seeds, prompts = one_of.shape
    level = norm.ppf(share) * (1 + effects[0] ** 2 + effects[1] ** 2) ** 0.5
    level = level + effects[0] * rng.normal(size=(count, seeds, 1))
    level = level + effects[1] * rng.normal(size=(count, 1, prompts))
    has = (rng.random(level.shape) < norm.cdf(level)).astype(float)
    values = has[:, one_of, numpy.arange(prompts)]
    keys = [(text, prompt) for of_seed in one_of for prompt, text in enumerate(of_seed)]
    return values, shares.effective_number(Counter(keys).values())


def least_possible(repeats, share, enough=0.93):
    """The least coverage of at least `enough` that any interval by the mean can have.

    Each possible mean has its interval, so the coverage is the chance of those means whose
    interval holds `share`. These are all means from one to another. Texts are independent.
    """
    chances = {0.0: 1.0}
    cells = sum(map(len, repeats))
    for times in (n for of_prompt in repeats for n in Counter(of_prompt).values()):
        after = Counter()
        for mean, chance in chances.items():
            after[mean] += chance * (1 - share)
            after[round(mean + times / cells, 9)] += chance * share
        chances = after
    upto = numpy.cumsum([0, *(chances[mean] for mean in sorted(chances))])
    within = upto[None, :] - upto[:, None]
    return within[within >= enough].min()
