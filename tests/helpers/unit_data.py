"""Made-up scores of documents under sweeps of units and of doses."""

import numpy
import pandas


def unit(name, block, head=None, group=None, sweep="heads", steps="heads", noise=True):
    """An entry of `needq.plan.units.units`."""
    return {
        "sweep": sweep,
        "matrix": "q",
        "steps": steps,
        "intervention": name,
        "block": block,
        "head": head,
        "group": group,
        "noise": noise,
    }


def heads(blocks, count, **changes):
    """The units of a sweep of heads."""
    return [
        unit(f"q/heads/{block:02d}h{head:02d}", block, head, **changes)
        for block in range(blocks)
        for head in range(count)
    ]


def evaluation(sweep, names, rises, noise=True, pristine=2.0):
    """Rows of schemas.EVALUATION with these rises (seeds, documents, units).

    The pristine nll of document d is `pristine` + d.
    """
    seeds, documents, _ = numpy.shape(rises)
    keys = {"sweep": sweep, "backend": "cpu"}
    rows = [
        keys
        | {"intervention": f"{sweep}/none", "blocks_replaced": 0, "noise_seed": None}
        | {"document": document, "nll": pristine + document}
        for document in range(documents)
    ]
    rows += [
        keys
        | {"intervention": name, "blocks_replaced": 1, "noise_seed": seed if noise else None}
        | {"document": document, "nll": pristine + document + rises[seed][document][at]}
        for at, name in enumerate(names)
        for seed in range(seeds)
        for document in range(documents)
    ]
    table = pandas.DataFrame(rows).astype({"noise_seed": "Int64"})
    return table.sample(frac=1, random_state=0)  # no order is relied upon


def crossed(rng, seeds, documents, units, effects=None, spread=1.0):
    """Rises with effects of units, and chance by seed and unit, document and unit, and cell."""
    rises = numpy.zeros((seeds, documents, units)) + (0 if effects is None else effects)
    rises += spread * rng.normal(size=(seeds, 1, units))
    rises += spread * rng.normal(size=(1, documents, units))
    return rises + spread * rng.normal(size=(seeds, documents, units))
