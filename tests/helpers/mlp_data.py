"""Made-up scores under noise in W_Q and in the MLP, and made-up changes of outputs."""

import numpy
import pandas

COUNTS = (1, 3, 6)
BLOCKS = (0, 1, 2)


def entry(sweep, matrix="mlp", method="gaussian", steps="cumulative", reference="query"):
    """An entry of `needq.plan.mlp.mlp_sweeps`."""
    names = ("sweep", "matrix", "method", "steps", "reference")
    return dict(zip(names, (sweep, matrix, method, steps, reference), strict=True))


SWEEPS = [
    entry("query", "q", reference=None),
    entry("mlp"),
    entry("equal", method="matched_outputs"),
    entry("single", "q", steps="single", reference=None),
    entry("single_equal", method="matched_outputs", steps="single", reference="single"),
]


def rows_of(sweep, matrix, rises, places, single=False, noise=True):
    """Rows of schemas.EVALUATION with these rises (seeds, documents, steps); pristine nll is 2."""
    seeds, documents, _ = rises.shape
    about = {"sweep": sweep, "backend": "cpu"}
    none = {"intervention": f"{matrix}/{sweep}/{'none' if single else '00'}", "blocks_replaced": 0}
    rows = [
        about | none | {"block": None, "noise_seed": None, "document": d, "nll": 2 + d}
        for d in range(documents)
    ]
    for at, place in enumerate(places):
        where = {"block": place, "blocks_replaced": 1} if single else {"blocks_replaced": place}
        step = {"block": None, "intervention": f"{matrix}/{sweep}/{place:02d}"} | where
        rows += [
            about
            | step
            | {"noise_seed": seed if noise else None, "document": document}
            | {"nll": 2 + document + rises[seed, document, at]}
            for seed in range(seeds)
            for document in range(documents)
        ]
    return rows


def evaluation(seeds=5, documents=20, spread=0.1, ratio=2.0):
    """Scores of SWEEPS: the MLP at equal change does `ratio` times the damage of W_Q.

    W_Q of one block does no damage at all.
    """
    rng = numpy.random.default_rng(0)

    def around(means):
        by_seed = spread * rng.normal(size=(seeds, 1, 1))
        by_document = spread * rng.normal(size=(1, documents, 1))
        cells = spread * rng.normal(size=(seeds, documents, len(means)))
        return numpy.asarray(means) * (1 + by_seed + by_document) + 0.1 * cells

    query, single = around([0.0, 0.5, 1.0]), around([0.1, 0.2, 0.4])
    rows = rows_of("query", "q", query, COUNTS)
    rows += rows_of("mlp", "mlp", around([1.0, 3.0, 5.0]), COUNTS)
    rows += rows_of("equal", "mlp", ratio * query, COUNTS)
    rows += rows_of("single", "q", single, BLOCKS, single=True)
    rows += rows_of("single_equal", "mlp", ratio * single, BLOCKS, single=True)
    table = pandas.DataFrame(rows).astype({"noise_seed": "Int64", "block": "Int64"})
    return table.sample(frac=1, random_state=0)  # no order is relied upon


def changes(blocks=6, seeds=5):
    """Rows of OutputChange: noise alone changes an output four times as much as noise in W_Q."""
    return [
        {
            "matrix": "mlp",
            "block": block,
            "noise_seed": seed,
            "noise_fraction": 0.1,
            "change": 0.2 + 0.01 * block,
            "change_w_q": 0.2 + 0.01 * block,
            "change_all_noise": 0.8 + 0.04 * block,
        }
        for block in range(blocks)
        for seed in range(seeds)
    ]
