"""Units whose damage is ranked: heads, groups of dimensions, single blocks; and sweeps of doses.

The Snakefile asks, so nothing but plain Python is imported.
"""

from collections.abc import Iterator

from needq.common.keys import SCALED
from needq.common.units import Step, Unit
from needq.plan.interventions import (
    DIMENSIONS,
    DOSES,
    HEADS,
    IN_ONE_BLOCK,
    RUN,
    interventions,
    sweeps_run,
)
from needq.plan.selection import Selection

PERCENT = 100
JOBS = 2  # of units, and of doses: for tables, and for a figure with its page


def unit_sweeps(selection: Selection) -> list[str]:
    """The sweeps whose units are ranked; none, unless a sweep has heads or groups of dimensions."""
    sweeps = selection.config.sweeps
    names = scored_sweeps(selection)
    if not {HEADS, DIMENSIONS} & {sweeps[name].steps for name in names}:
        return []
    return [name for name in names if sweeps[name].steps in IN_ONE_BLOCK]


def dose_sweeps(selection: Selection) -> list[str]:
    """The sweeps of doses."""
    sweeps = selection.config.sweeps
    return [name for name in scored_sweeps(selection) if sweeps[name].steps == DOSES]


def units(selection: Selection) -> list[Unit]:
    """Every unit of these sweeps, sweep by sweep."""
    found = {}
    for one in interventions(selection.config, unit_sweeps(selection)):
        if one.block_indices:
            found[one.id] = Unit(
                sweep=one.sweep,
                matrix=one.matrix,
                steps=one.steps,
                intervention=one.id,
                block=one.block_indices[0],
                head=one.heads[0] if one.steps == HEADS and one.heads else None,
                group=one.group[0] if one.group else None,
                noise=one.noise_seed is not None,
            )
    return list(found.values())


def doses(selection: Selection) -> list[Step]:
    """Every dose of these sweeps, sweep by sweep, that of the pristine model included."""
    found = {}
    for one in interventions(selection.config, dose_sweeps(selection)):
        pristine = 1.0 if one.method == SCALED else 0.0
        found[one.id] = Step(
            sweep=one.sweep,
            matrix=one.matrix,
            method=one.method,
            intervention=one.id,
            dose=pristine if one.dose is None else one.dose / PERCENT,
        )
    return list(found.values())


def unit_pages(selection: Selection) -> Iterator[str]:
    """The pages that these sweeps have."""
    if unit_sweeps(selection):
        yield "units"
    if dose_sweeps(selection):
        yield "doses"


def table_jobs(selection: Selection) -> int:
    """How many jobs of tables and pages these sweeps have."""
    return JOBS * len(list(unit_pages(selection)))


def scored_sweeps(selection: Selection) -> list[str]:
    """The sweeps that the reference backend scores."""
    exact = selection.backends[selection.reference].arithmetic == "exact"
    return sweeps_run(selection.config.sweeps, *RUN, exact=exact)
