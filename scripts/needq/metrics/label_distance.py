"""How many blocks lie between the texts of two labels, with its interval."""

import numpy

from needq.metrics import statistics
from needq.metrics.holm import At
from needq.metrics.statistics import Estimate

NEAREST = 0.1  # of one text; what is missing to the largest distance counts as this at least


def distance_of_labels(places: numpy.ndarray, later: numpy.ndarray, earlier: numpy.ndarray) -> At:
    """The mean place of texts labelled `later` minus that of texts labelled `earlier`, in blocks.

    `places` (steps,) ascend; both tables (seeds, prompts, steps) have 1 where a text has the label,
    or a mean over several texts. No text has both labels.

    The distance D is at most `furthest_apart`, M, and the two labels overlap by what is missing.
    Where seeds or prompts differ, the overlap grows with their variance. So its estimate is skewed
    as a variance of five values is, and an interval of D +- t errors has its low end too high. The
    interval is the jackknife's of Fisher's (1921) z = arctanh(D / M), which is much less skewed,
    turned back to D. M is that of the whole table.
    """
    table = numpy.concatenate([later, earlier], axis=2)
    value = _distance(places, table.mean((0, 1)))
    most = furthest_apart(places, *(part.mean((0, 1)).sum() for part in (later, earlier)))
    edge = 1 - NEAREST / later.size

    def fishers_z(mean: numpy.ndarray) -> float:
        return float(numpy.arctanh(numpy.clip(_distance(places, mean) / most, -edge, edge)))

    _, centre, variance, freedom = statistics.jackknife(table, fishers_z)

    def at(level: float) -> Estimate:
        found = statistics.interval(centre, variance, freedom, level)
        return Estimate(value, *(float(most * numpy.tanh(end)) for end in (found.low, found.high)))

    return at


def furthest_apart(places: numpy.ndarray, later: float, earlier: float) -> float:
    """The largest distance that so many texts can have: one label first, the other one last.

    `later` and `earlier` are numbers of texts, where each of the ascending `places` has one.
    Between whole numbers the mean place is interpolated, so it is smooth, and no distance is above.
    """
    texts = numpy.arange(1, len(places) + 1)
    ends = [
        float(numpy.interp(own, texts, numpy.cumsum(order) / texts))
        for own, order in ((later, places[::-1]), (earlier, places))
    ]
    return ends[0] - ends[1]


def _distance(places: numpy.ndarray, mean: numpy.ndarray) -> float:
    later, earlier = numpy.split(mean, 2)
    return float(places @ later / later.sum() - places @ earlier / earlier.sum())
