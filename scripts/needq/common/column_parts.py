"""What columns of several tables mean, and those of intervals."""


def with_intervals(names: tuple[str, ...], meanings: dict[str, str]) -> dict[str, str]:
    """`meanings`, and after each of `names` those of its columns NAME_low and NAME_high."""
    empty = "Empty if there are too few values for an interval."
    columns = {}
    for name, meaning in meanings.items():
        columns[name] = meaning
        if name in names:
            columns[f"{name}_low"] = f"Lower end of the 95% interval of {name}. {empty}"
            columns[f"{name}_high"] = f"Upper end of the 95% interval of {name}. {empty}"
    return columns


KEYS = {
    "sweep": "Name of the sweep (a family of interventions), as in the config.",
    "intervention": "Name of the intervention: MATRIX/SWEEP/COUNT, where COUNT is the number of "
    "blocks replaced; 00 is the pristine model. If the sweep replaces single blocks: "
    "MATRIX/SWEEP/BLOCK, where BLOCK is the index of the replaced block; none is the pristine "
    "model. BLOCKhHEAD is a single head, BLOCKdGROUP a group of dimensions. If the sweep has "
    "doses: MATRIX/SWEEP/PERCENT.",
    "block": "Index of the replaced block, from 0. Empty unless the sweep replaces single blocks, "
    "or a part of one.",
    "blocks_replaced": "Number of blocks whose matrix is replaced. 0 is the pristine model.",
}
BACKEND = "Name of the backend that computed this row, as in the config."
NOISE_SEEDS = "Number of noise seeds that the means are taken over. 0 if there is no noise."
TEXTS = "Number of texts that were generated under the intervention."
