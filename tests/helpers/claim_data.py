"""Answers and losses of known shape, for the tests of claims."""

import numpy as np

BLOCKS = np.arange(13.0)
STEPS = len(BLOCKS)


def answers(rng, curve, seeds=5, items=300, spread=0.02):
    """Answers (seeds, items, steps) that are right with the probabilities of a curve."""
    curve = np.asarray(curve) + spread * rng.normal(size=(seeds, 1, 1))
    curve = np.clip(curve + 0.1 * rng.normal(size=(1, items, 1)), 0, 1)
    found = (rng.random((seeds, items, curve.shape[-1])) < curve).astype(float)
    found[:, :, 0] = found[0, :, 0]
    return found


def documents(rng, rises, seeds=5, count=29, spread=0.1):
    """nll (seeds, documents, 1 + steps) that rises by so much at each step."""
    pristine = 4 + 0.5 * rng.normal(size=(1, count, 1))
    by_seed = np.exp(spread * rng.normal(size=(seeds, 1, len(rises))))
    by_document = np.exp(0.3 * rng.normal(size=(1, count, 1)))
    noise = 0.1 * rng.normal(size=(seeds, count, len(rises)))
    rise = np.asarray(rises) * by_seed * by_document + noise
    return np.concatenate([np.broadcast_to(pristine, (seeds, count, 1)), pristine + rise], axis=2)


def falling(middle, scale, top, chance):
    return chance + (top - chance) / (1 + np.exp((BLOCKS - middle) / scale))


def rows_of(table, sweep, item, column):
    """The rows that a run leaves for a table (seeds, items, steps)."""
    found = []
    for step in range(table.shape[2]):
        for seed in range(1 if step == 0 else len(table)):
            for place in range(table.shape[1]):
                row = {"sweep": sweep, "intervention": f"q/{sweep}/{step:02d}"}
                row |= {"blocks_replaced": step, "noise_seed": None if step == 0 else seed}
                found.append(row | {item: place, column: table[seed, place, step]})
    return found


def margins(rng, kept, seeds=5, items=60, noise=0.6, spread=0.04):
    """Margins (seeds, items, steps) in nats, of which these shares of the pristine one are kept.

    Items differ in their pristine margin and in how fast they fall; seeds differ a little.
    """
    kept = np.asarray(kept, float)
    pristine = np.exp(1 + 0.6 * rng.normal(size=(1, items, 1)))
    lost = (1 - kept) * (1 + spread * rng.normal(size=(seeds, 1, 1)))
    lost = lost * np.exp(0.3 * rng.normal(size=(1, items, 1)) - 0.045)
    found = pristine * (1 - lost) + noise * rng.normal(size=(seeds, items, len(kept)))
    found[:, :, 0] = pristine[:, :, 0]
    return found
