"""The distance of two labels: by hand, its limit, and how often its interval holds the truth."""

from itertools import product

import claim_coverage
import numpy
import pytest
from needq.metrics import statistics
from needq.metrics.label_distance import distance_of_labels, furthest_apart

PLACES = numpy.arange(1.0, 5.0)


def labels(*texts):
    """Tables (seeds, prompts, steps) of both labels; `texts` have L, E or - at each step."""
    letters = numpy.array([[list(text) for text in seed] for seed in texts])
    return [(letters == one) * 1.0 for one in "LE"]


def test_a_distance_by_hand():
    later, earlier = labels(["EELL", "EL-L"], ["EELL", "ELEL"])
    found = distance_of_labels(PLACES, later, earlier)(0.95)
    late, early = [3, 4, 2, 4, 3, 4, 2, 4], [1, 2, 1, 1, 2, 1, 3]
    assert found.mean == pytest.approx(numpy.mean(late) - numpy.mean(early))
    most = numpy.mean([3, 4]) - numpy.interp(7 / 4, [1, 2], [1, 1.5])

    def fishers_z(mean):
        late, early = numpy.split(mean, 2)
        return numpy.arctanh((PLACES @ late / late.sum() - PLACES @ early / early.sum()) / most)

    _, centre, variance, freedom = statistics.jackknife(
        numpy.concatenate([later, earlier], axis=2), fishers_z
    )
    ends = statistics.interval(centre, variance, freedom)
    assert (found.low, found.high) == pytest.approx(
        (most * numpy.tanh(ends.low), most * numpy.tanh(ends.high))
    )


def test_no_distance_is_above_the_largest():
    """Every way to give four places to two labels or to neither, places unequally far apart."""
    places = numpy.array([1.0, 2.0, 5.0, 12.0])
    reached = {}
    for of_places in product("LE-", repeat=4):
        late, early = ([one == label for one in of_places] for label in "LE")
        if any(late) and any(early):
            distance = places[late].mean() - places[early].mean()
            key = sum(late), sum(early)
            reached[key] = max(reached.get(key, -numpy.inf), distance)
            assert distance <= furthest_apart(places, *key) + 1e-12
    for key, distance in reached.items():
        assert distance == pytest.approx(furthest_apart(places, *key))
    # of shares, too: this is the case of the means of a table
    rng = numpy.random.default_rng(0)
    for late, rest in rng.random((1000, 2, 4)):
        early = (1 - late) * rest
        distance = places @ late / late.sum() - places @ early / early.sum()
        assert distance <= furthest_apart(places, late.sum(), early.sum()) + 1e-12


def test_labels_that_do_not_overlap_have_the_largest_distance():
    later, earlier = labels(["EELL", "EELL"], ["EELL", "EELL"])
    found = distance_of_labels(PLACES, later, earlier)(0.95)
    assert found.mean == pytest.approx(2)
    assert (found.low, found.high) == pytest.approx((2, 2), abs=0.02)
    turned = distance_of_labels(PLACES, earlier, later)(0.95)
    assert turned.mean == pytest.approx(-2)
    assert turned.high < 0


def test_one_seed_gives_no_interval():
    later, earlier = labels(["EELL", "ELEL"])
    assert numpy.isnan(distance_of_labels(PLACES, later, earlier)(0.95).low)


@pytest.mark.parametrize(
    ("simulate", "least", "most"),
    [
        (claim_coverage.label_order, 0.95, 0.985),
        (claim_coverage.label_order_by_both, 0.93, 0.97),
        (claim_coverage.label_order_by_prompt, 0.93, 0.97),
        (claim_coverage.label_order_by_seed, 0.91, 0.95),  # docs/claims.md
    ],
)
def test_intervals_hold_the_truth(simulate, least, most):
    rng, held = numpy.random.default_rng(5), 0
    for _ in range(1000):
        found, truth = simulate(rng)
        held += found.low <= truth <= found.high
    assert least <= held / 1000 <= most
