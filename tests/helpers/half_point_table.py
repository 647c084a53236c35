"""Print how often intervals of half-points and of their difference hold the truth (docs/claims.md).

PYTHONPATH=scripts python tests/helpers/half_point_table.py
"""

import numpy
from needq.metrics import half_points
from simulated import BLOCKS, answers, true_half_point

COUNT = 400

if __name__ == "__main__":
    print("| items | scale of the fall | spread of seeds | half-point | difference |")
    print("| --- | --- | --- | --- | --- |")
    for items in (100, 300):
        for scale in (0.3, 1.0, 2.5):
            for spread in (0.3, 1.0):
                rng = numpy.random.default_rng([items, int(10 * scale), int(10 * spread)])
                truth = true_half_point(6, scale, spread)
                other = true_half_point(4, scale, spread, 0.8, 0.25)
                single = difference = 0
                for _ in range(COUNT):
                    shift = rng.normal(0, spread, 5)
                    grammar = answers(rng, 6, scale, shift, items)
                    cloze = answers(rng, 4, scale, shift, items, 0.8, 0.25)
                    found = half_points.half_point_estimate(BLOCKS, grammar, 0.5)
                    single += found.low <= truth <= found.high
                    found = half_points.half_point_difference(BLOCKS, [grammar, cloze], [0.5, 0.25])
                    difference += found.low <= truth - other <= found.high
                shares = f"{single / COUNT:.1%} | {difference / COUNT:.1%}"
                print(f"| {items} | {scale} | {spread} | {shares} |", flush=True)
