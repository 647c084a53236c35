"""How much of a text is damaged, from 0 to 1, on three axes, each with a conformal interval.

Graded reference texts are the pristine model's own texts with a known share of damaged tokens. From
features of the text, a ridge regression estimates the share. Its errors on held-out reference texts
give the interval (split conformal prediction: Vovk, Gammerman and Shafer 2005; Lei et al. 2018).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

import numpy
from pandas import DataFrame, Series

from needq.common import columns
from needq.common.keys import INTERVENTION
from needq.metrics.estimates import as_columns, first_values, mean
from needq.metrics.features import SHORTEST, finer_features, log_frequencies
from needq.metrics.graded_texts import AXES, CONTEXTUAL, LOCAL, REPETITION
from needq.metrics.statistics import LEVEL

# the axes on which the texts of an axis are damaged: a token drawn by its frequency alone continues
# nothing. What a loop does to the context is not known, so it says nothing of that axis
DAMAGED = {LOCAL: (LOCAL, CONTEXTUAL), CONTEXTUAL: (CONTEXTUAL,), REPETITION: (REPETITION,)}
UNKNOWN = {REPETITION: CONTEXTUAL}
PENALTY = 1.0  # of the ridge regression, in units of standardised features
LARGEST = 4.0  # standard deviations; features beyond count as this
ENOUGH = 10  # the least number of own texts to fit to, to calibrate with, and to test on


@dataclass(frozen=True)
class Scales:
    """A regression from the features of a text to its damaged share, for each axis.

    `log_frequency` [vocabulary]; `centre` and `spread` [features]; `weights` [axes, terms];
    `reach` [axes] is half the width of the intervals.
    """

    log_frequency: numpy.ndarray
    centre: numpy.ndarray
    spread: numpy.ndarray
    weights: numpy.ndarray
    reach: numpy.ndarray

    def estimates(self, texts: DataFrame) -> DataFrame:
        """For each axis its estimate, AXIS, and the ends of its interval, AXIS_low and AXIS_high.

        `texts` has `tokens` and their `nlls`. Missing for texts of fewer than SHORTEST tokens.
        """
        table = ungraded(texts)
        long = texts["tokens"].map(len) >= SHORTEST
        if long.any():
            found = self.shares(texts[long])
            for index, axis in enumerate(AXES):
                table.loc[long, axis] = found[:, index]
                table.loc[long, f"{axis}_low"] = numpy.maximum(
                    found[:, index] - self.reach[index], 0
                )
                table.loc[long, f"{axis}_high"] = numpy.minimum(
                    found[:, index] + self.reach[index], 1
                )
        return table

    def shares(self, texts: DataFrame) -> numpy.ndarray:
        """The estimates [texts, axes] of texts of enough tokens."""
        rows = finer_features(texts, self.log_frequency)
        return (_terms(rows, self.centre, self.spread) @ self.weights.T).clip(0, 1)


def ungraded(texts: DataFrame) -> DataFrame:
    """The result of `Scales.estimates` if no text gets an estimate."""
    names = [f"{axis}{end}" for axis in AXES for end in ("", "_low", "_high")]
    return DataFrame(numpy.nan, index=texts.index, columns=names)


def fit_scales(references: DataFrame, vocabulary: int) -> Scales | None:
    """The scales fitted to the `references` (which have `nlls`) that are not held out.

    Half of the held-out sources calibrate the intervals. The other half is left to test them on
    (`scales_quality`). None if one of the three has fewer than ENOUGH own texts.
    """
    graded = references[references["tokens"].map(len) >= SHORTEST]
    part = _parts(graded)
    own = graded["kind"] == "own"
    if min((own & (part == name)).sum() for name in ("fit", "calibrate", "test")) < ENOUGH:
        return None
    log_frequency = log_frequencies(graded["tokens"][own & (part == "fit")], vocabulary)
    fitted = graded[part == "fit"]
    rows = finer_features(fitted, log_frequency)
    used = fitted["share"].notna().to_numpy()
    centre, spread = rows[used].mean(0), rows[used].std(0) + 1e-9
    terms = _terms(rows, centre, spread)
    weights = []
    for axis in AXES:
        truth = true_shares(fitted, axis).to_numpy()
        mine = ~numpy.isnan(truth)
        penalty = PENALTY * numpy.eye(terms.shape[1])
        penalty[0, 0] = 0  # of the constant
        left = terms[mine].T @ terms[mine] + penalty
        weights.append(numpy.linalg.solve(left, terms[mine].T @ truth[mine]))
    scales = Scales(log_frequency, centre, spread, numpy.array(weights), numpy.zeros(len(AXES)))
    reach = [conformal_reach(errors) for errors in _errors(scales, graded[part == "calibrate"])]
    return Scales(log_frequency, centre, spread, scales.weights, numpy.array(reach))


def true_shares(references: DataFrame, axis: str) -> Series:
    """The damaged share of each reference text on an axis; missing where it is not known."""
    shares = references["share"].where(
        [axis in DAMAGED.get(kind, ()) for kind in references["kind"]],
        references["share"].where(references["share"].isna(), 0.0),
    )
    return shares.mask([UNKNOWN.get(kind) == axis for kind in references["kind"]])


def conformal_reach(errors: numpy.ndarray) -> float:
    """The half-width that holds a new error of the same distribution with probability LEVEL.

    The ceil(LEVEL (n + 1))-th smallest of n errors; 1, the whole scale, if n is too small.
    """
    rank = ceil(LEVEL * (len(errors) + 1))
    return float(numpy.sort(errors)[rank - 1]) if rank <= len(errors) else 1.0


def _parts(references: DataFrame) -> Series:
    """What each reference text is for, by its source: fit, calibrate or test."""
    held_out = numpy.sort(references["source"][references["held_out"]].unique())
    first = set(held_out[: len(held_out) // 2])
    return Series(
        numpy.where(
            references["held_out"],
            numpy.where(references["source"].isin(first), "calibrate", "test"),
            "fit",
        ),
        index=references.index,
    )


def _errors(scales: Scales, references: DataFrame) -> list[numpy.ndarray]:
    """The absolute errors of the estimates of each axis, where the share is known."""
    found = scales.shares(references)
    errors = [
        numpy.abs(found[:, index] - true_shares(references, axis).to_numpy())
        for index, axis in enumerate(AXES)
    ]
    return [values[~numpy.isnan(values)] for values in errors]


def _terms(rows: numpy.ndarray, centre: numpy.ndarray, spread: numpy.ndarray) -> numpy.ndarray:
    """1, the standardised features, and their products and squares."""
    scaled = ((rows - centre) / spread).clip(-LARGEST, LARGEST)
    first, second = numpy.triu_indices(scaled.shape[1])
    return numpy.hstack([numpy.ones((len(rows), 1)), scaled, scaled[:, first] * scaled[:, second]])


def scales_quality(scales: Scales | None, references: DataFrame) -> list[dict[str, object]]:
    """Rows of `label_quality.tsv`: of texts left to test on, how many intervals hold the truth."""
    if scales is None:
        return []
    graded = references[references["tokens"].map(len) >= SHORTEST]
    rows: list[dict[str, object]] = []
    for index, errors in enumerate(_errors(scales, graded[_parts(graded) == "test"])):
        reach = scales.reach[index]
        for measure, value in (
            (f"coverage of intervals of {AXES[index]} damage", (errors <= reach).mean()),
            (f"half-width of intervals of {AXES[index]} damage", reach),
        ):
            rows.append({"measure": measure, "value": float(value), "texts": len(errors)})
    return rows


def axes_table(labelled: Mapping[str, DataFrame]) -> DataFrame:
    """`label_axes.tsv`: for each backend's texts, one row per intervention and axis.

    `labelled` maps backends to rows with the key of a text and the columns of `Scales.estimates`.
    """
    rows = []
    for backend, texts in labelled.items():
        for _, part in texts.groupby(["sweep", "intervention"]):
            for axis in AXES:
                row = first_values(part, INTERVENTION) | {"backend": backend, "axis": axis}
                known = part[part[axis].notna()]
                if len(known):
                    row |= as_columns("share", mean(known, axis, "prompt").clipped(0, 1))
                rows.append(row | {"texts": len(known)})
    table = DataFrame(rows, columns=list(columns.LABEL_AXES)).astype({"block": "Int64"})
    return table.sort_values(["sweep", "intervention"], kind="stable")
