"""Random rotations: orthogonal matrices drawn uniformly, with the same bits on every machine.

A rotation is a product of Householder reflections, one per number of dimensions (Stewart 1980, "The
efficient generation of random orthogonal matrices"). It is never written down as a matrix, but
applied reflection by reflection. Only +, -, *, / and square roots in float64 are used. IEEE 754
rounds each of them correctly, and sums are added in a fixed order. BLAS, whose order of sums
differs between processors, is not used.
"""

import numpy as np

from needq.corrupt.keyed import Key, standard_normal

COLUMNS = 128  # turned at a time: they stay in the processor's cache


def rotated(values: np.ndarray, key: Key) -> np.ndarray:
    """Q times `values` (n, m), where the orthogonal Q (n, n) is that of `key`; float64.

    Q has the uniform (Haar) distribution. The last k rows are reflected so that the first of them
    goes to a uniformly drawn direction, for k from 1 to n. This takes about 2 n^2 m
    multiplications.
    """
    n, m = values.shape
    normal = standard_normal(key, (n * (n + 1) // 2,))
    parts = [values[:, first : first + COLUMNS] for first in range(0, m, COLUMNS)]
    return np.concatenate([_turned(part.astype(np.float64), normal) for part in parts], axis=1)


def _turned(values: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Some columns (n, m), rotated in place; `normal` are n (n + 1) / 2 normal numbers."""
    n, start = len(values), 0
    for size in range(1, n + 1):
        drawn = normal[start : start + size]
        start += size
        sign = 1.0 if drawn[0] >= 0 else -1.0
        mirror = drawn.copy()  # stands upright on the plane of the reflection
        mirror[0] += sign * np.sqrt(_sum_of_rows(drawn * drawn))
        below = values[n - size :]
        along = _sum_of_rows(mirror[:, None] * below) * (2 / _sum_of_rows(mirror * mirror))
        values[n - size :] = -sign * (below - mirror[:, None] * along)
    return values


def _sum_of_rows(values: np.ndarray) -> np.ndarray:
    """The sum along the first axis, in one order on every machine: halves are added to halves.

    numpy's own sums are added in an order that depends on the processor's instructions.
    """
    while len(values) > 1:
        half = len(values) // 2
        added = values[:half] + values[half : 2 * half]
        values = added if len(values) % 2 == 0 else np.concatenate([added, values[2 * half :]])
    return values[0]
