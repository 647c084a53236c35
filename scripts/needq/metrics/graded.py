"""How much of a text is damaged, from 0 to 1, on three axes, each with a conformal interval.

Graded reference texts are the pristine model's own texts with a known share of damaged tokens. From
features of the text, a ridge regression estimates the share. The interval holds every share whose
held-out reference texts get estimates like it: split conformal prediction, by the true share
(label-conditional: Vovk 2012, "Conditional validity of inductive conformal predictors").
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

import numpy
from pandas import DataFrame, Series
from scipy.optimize import isotonic_regression

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
TRIED = numpy.linspace(0, 1, 101)  # the shares of which intervals are made
# texts with shares up to each of these are calibrated together: none, up to half, and more
RANGES = {"no damage": 0.0, "shares to 0.5": 0.5, "shares above 0.5": 1.0}


@dataclass(frozen=True)
class Scales:
    """A regression from the features of a text to its damaged share, for each axis.

    `log_frequency` [vocabulary]; `centre` and `spread` [features]; `weights` [axes, terms].
    `usual` [axes, TRIED] is the mean estimate of held-out texts with a share, and `reach` [axes,
    TRIED] how far from it the estimate of a text with this share is in 95%.
    """

    log_frequency: numpy.ndarray
    centre: numpy.ndarray
    spread: numpy.ndarray
    weights: numpy.ndarray
    usual: numpy.ndarray
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
                ends = likely_shares(found[:, index], self.usual[index], self.reach[index])
                for name, values in zip(
                    ("", "_low", "_high"), (found[:, index], *ends), strict=True
                ):
                    table.loc[long, f"{axis}{name}"] = values
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
    fit = (log_frequency, centre, spread, numpy.array(weights))
    none = numpy.zeros((len(AXES), len(TRIED)))
    known = _known(Scales(*fit, none, none), graded[part == "calibrate"])
    calibrated = [calibrate(*one) for one in known]
    usual, reach = (numpy.array(values) for values in zip(*calibrated, strict=True))
    return Scales(*fit, usual, reach)


def calibrate(truth: numpy.ndarray, found: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
    """For each share of TRIED, the usual estimate, and how far from it 95% of the estimates are.

    `truth` and `found` are the true shares of reference texts and their estimates. The mean
    estimate rises with the share (isotonic regression), and is linear between the shares of the
    texts. The reach is conformal within each of RANGES.
    """
    shares, place = numpy.unique(truth, return_inverse=True)
    counts = numpy.bincount(place)
    means = numpy.bincount(place, found) / counts
    means = isotonic_regression(means, weights=counts).x
    usual = numpy.interp(TRIED, shares, means)
    errors = numpy.abs(found - means[place])
    reaches = [conformal_reach(errors[range_of(truth) == index]) for index in range(len(RANGES))]
    return usual, numpy.array(reaches)[range_of(TRIED)]


def likely_shares(
    found: numpy.ndarray, usual: numpy.ndarray, reach: numpy.ndarray
) -> tuple[numpy.ndarray, numpy.ndarray]:
    """The lowest and the highest share of TRIED of which an estimate is not unusual.

    They include the estimate. If it is unusual of every share, the nearest one counts.
    """
    beyond = numpy.abs(found[:, None] - usual) - reach - 1e-9  # as rounding may have it
    likely = beyond <= numpy.maximum(beyond.min(1, keepdims=True), 0)
    low = TRIED[likely.argmax(1)]
    high = TRIED[len(TRIED) - 1 - likely[:, ::-1].argmax(1)]
    return numpy.minimum(low, found), numpy.maximum(high, found)


def range_of(shares: numpy.ndarray) -> numpy.ndarray:
    """Which of RANGES each share is in."""
    return numpy.searchsorted(list(RANGES.values()), shares - 1e-9)


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


def _known(scales: Scales, references: DataFrame) -> list[tuple[numpy.ndarray, numpy.ndarray]]:
    """For each axis, the true shares and the estimates of the texts whose share is known."""
    found = scales.shares(references)
    pairs = []
    for index, axis in enumerate(AXES):
        truth = true_shares(references, axis).to_numpy()
        known = ~numpy.isnan(truth)
        pairs.append((truth[known], found[known, index]))
    return pairs


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
    known = _known(scales, graded[_parts(graded) == "test"])
    for axis, usual, reach, (truth, found) in zip(
        AXES, scales.usual, scales.reach, known, strict=True
    ):
        low, high = likely_shares(found, usual, reach)
        holds, half = (low - 1e-9 <= truth) & (truth <= high + 1e-9), (high - low) / 2
        for measure, values in (("coverage", holds), ("half-width", half)):
            name = f"{measure} of intervals of {axis} damage"
            everywhere = {name: numpy.full(len(truth), True)}
            parts = {f"{name}, {part}": range_of(truth) == at for at, part in enumerate(RANGES)}
            for measured, mine in (everywhere | parts).items():
                if mine.any():
                    row = {"measure": measured, "value": float(values[mine].mean())}
                    rows.append(row | {"texts": int(mine.sum())})
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
