# Noise: whose noise a process of the ledger takes for its corners, and where it lies.
#
# INPUTS   a job's wildcards: a pair's left and right, and its side
# OUTPUTS  the files of noise, as the functions below


def native_noise_paths(side):
    """The noise that a side of the ledger (LEFT-RIGHT/SIDE) draws itself."""
    names = selection.noise_names(USED.ledger_interventions)
    return [f"<results>/ledger/{side}/noise/{name}.safetensors" for name in names]


def side_noise(wildcards, side):
    """The noise that the corners of one process take from a side of the ledger."""
    if side not in USED.corner_noise(wildcards.side, wildcards.left, wildcards.right):
        return []
    if CONFIG.divergence.backends[getattr(wildcards, side)].noise == "keyed":
        return noise_paths(USED.ledger_interventions)
    return native_noise_paths(f"{wildcards.left}-{wildcards.right}/{side}")


def left_noise(wildcards):
    """The noise that the corners of one process take from the left backend."""
    return side_noise(wildcards, "left")


def right_noise(wildcards):
    """The noise that the corners of one process take from the right backend."""
    return side_noise(wildcards, "right")
