"""The config's group `probes`, and what every stage of the probes calls the same."""

from typing import Annotated

from pydantic import Field

from needq.common import values
from needq.common.backends import Backend
from needq.common.group import Settings

# what is read from the residual stream, in the order of tables and figures
PREVIOUS, NAME, NUMBER, ENDING, POSITION = PROPERTIES = (
    "previous token",
    "last name",
    "number of the subject",
    "end of sentence",
    "position",
)
ACCURACY, R2 = "accuracy", "R2"  # what is measured of a probe; R2 of the position alone
# the streams come from the CPU in float32, whatever the reference backend is, and from the kernels
# that every family has
BACKEND = Backend(kernels="eager")
FOLDS = 2  # half of the documents train a probe, and the other half test it; then vice versa
ITEMS = 4000  # tokens of a property, at most: a fit of some 2,000 takes a fraction of a second


class Probes(Settings):
    """Linear probes on the residual stream: what it tells of the text after each block, in the
    pristine model and with blocks replaced (docs/probes.md).
    """

    run: values.Flag = False
    """Whether probes are fitted."""
    sweep: values.Text = "cumulative"
    """The sweep whose interventions the model is probed under. It needs cumulative steps."""
    blocks_replaced: Annotated[values.BlocksReplaced, Field(min_length=1)] = [1, 3, 6, "all"]
    """Which interventions of the sweep, by the number of blocks that they replace. all: as many as
    it replaces at most. In a list with all, numbers that the sweep does not have are left out. The
    pristine model is always probed.
    """
    noise_seeds: values.CountOrSeeds = 5
    """How many of the config's noise seeds are used, from the first on. Or a list of them."""
