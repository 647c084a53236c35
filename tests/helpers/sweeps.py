"""The sweep that tests run unless they say otherwise."""

SWEEP = {
    "matrix": "q",
    "blocks": "all",
    "steps": "cumulative",
    "counts": "all",
    "heads": "all",
    "dimensions": "all",
    "method": "gaussian",
    "dose": 1.0,
    "bias": "keep",
}
