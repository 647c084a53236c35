"""Comparisons: which sweeps of a config the claims compare, and as what.

A claim compares sweeps that differ in one setting, so the settings of a sweep say what it is
compared as, and no config has to. Nothing but plain Python is imported, since the Snakefile asks.
"""

from collections.abc import Mapping
from typing import Any, get_args

from needq.common.keys import EQUAL_CHANGE, SCALED
from needq.common.settings import Sweep
from needq.plan.interventions import RUN, SCORES, TEXTS, step_counts, sweeps_run

# W_Q replaced by Gaussian noise from the first block on, as the article does
ARTICLE = Sweep()
# the settings by which a sweep differs; how many steps it has, and what is computed, is none
SETTINGS = [name for name in Sweep.model_fields if name not in ("run", "exact", "counts")]
# the setting that differs, and what the sweep is then compared as
MATRICES = {("matrix", name): name for name in ("k", "v", "o", "qk", "qv", "kv", "qkv")}
ORDERS = {
    ("block_order", "reversed"): "end",
    ("block_order", "random"): "random",
    ("steps", "single"): "single",
}
# what a sweep is compared as that replaces W_Q by another method or b_Q too: method and bias
METHODS = {
    **{method: (method, "keep") for method in get_args(Sweep.model_fields["method"].annotation)},
    "bias": ("gaussian", "replace"),
}
# the article's, one that has doses, and one for the MLP
del METHODS["gaussian"], METHODS[SCALED], METHODS[EQUAL_CHANGE]
METHODS |= {f"{m}_bias": (m, "replace") for m in METHODS if m != "bias"}


def find_comparisons(sweeps: Mapping[str, Sweep], n_blocks: int) -> dict[str, str]:
    """The sweeps to compare: "q", the article's own, and those that differ from it in one setting.

    A sweep of another method may replace b_Q too.

    Maps what a sweep is compared as to its name. The sweep of "q" has run: texts and replaces one
    block as well as all `n_blocks`. Without it there is nothing to compare.
    """
    compared: dict[str, str] = {}
    for name in sweeps_run(sweeps, TEXTS):
        counts = step_counts(sweeps[name], n_blocks)
        if not _differing(sweeps[name]) and 1 in counts and n_blocks in counts:
            compared.setdefault("q", name)
    if not compared:
        return {}
    for name in sweeps_run(sweeps, *RUN):
        differing = _differing(sweeps[name])
        kind = None
        if len(differing) == 1:
            kind = (MATRICES | ORDERS).get(differing[0])
        if differing and {setting for setting, _ in differing} <= {"method", "bias"}:
            own = (sweeps[name].method, sweeps[name].bias)
            kind = next(kind for kind, method in METHODS.items() if method == own)
        if kind:
            compared.setdefault(kind, name)
    return compared


def find_switched_off(
    sweeps: Mapping[str, Sweep], default: Mapping[str, Mapping[str, object]], n_blocks: int
) -> dict[str, str]:
    """The sweeps that config.yaml runs and this config does not, by what they are compared as.

    `default` has the settings of the sweeps of config.yaml, as YAML reads them (off is False).
    """
    off = {
        name: sweep.model_copy(update={"run": SCORES})
        for name, sweep in sweeps.items()
        if sweep.run == "off" and name in default and default[name].get("run") not in ("off", False)
    }
    compared = find_comparisons(dict(sweeps) | off, n_blocks)
    ran = find_comparisons(sweeps, n_blocks)
    return {kind: name for kind, name in compared.items() if name in off and kind not in ran}


def _differing(sweep: Sweep) -> list[tuple[str, Any]]:
    """The settings in which a sweep is not the article's."""
    values = {name: getattr(sweep, name) for name in SETTINGS}
    return [
        (name, str(value) if isinstance(value, list) else value)
        for name, value in values.items()
        if value != getattr(ARTICLE, name)
    ]


# mixtures of W_Q, W_K and W_V, as comparisons name them; "" is the pristine model
MIXTURES = ("", "q", "k", "v", "qk", "qv", "kv", "qkv")


def has_mixtures(comparisons: Mapping[str, str]) -> bool:
    """Whether W_Q, W_K and W_V are replaced alone, in pairs, and all three."""
    return set(MIXTURES) - {""} <= set(comparisons)
