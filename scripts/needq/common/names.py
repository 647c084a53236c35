"""What readers call sweeps, interventions and methods (needq.plan.names makes a run's words)."""

from typing import TypedDict

# what replaces a matrix, in a few words
METHOD_NAMES = {
    "gaussian": "Gaussian noise",
    "matched_scores": "noise, scores matched",
    "matched_outputs": "noise at equal change",
    "rotated_heads": "rotated heads",
    "rotated_inputs": "rotated inputs",
    "rolled_heads": "rolled heads",
    "permuted": "permuted weights",
    "zero": "zeros",
    "identity": "identity",
    "scaled": "multiplied by a dose",
}


class Names(TypedDict):
    """The words for names of sweeps and for ids of interventions."""

    sweeps: dict[str, str]
    steps: dict[str, str]  # of interventions, where the sweep is known: `6 blocks`
    interventions: dict[str, str]  # by themselves: `W_Q of the first 6 blocks`


NO_NAMES: Names = {"sweeps": {}, "steps": {}, "interventions": {}}
