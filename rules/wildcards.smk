# Wildcards: what a job's wildcards stand for.
#
# takes   a job's wildcards: chunk, backend, process, or a pair's left and right, and its side
# leaves  the interventions, files and settings that they name


def members(wildcards):
    """The interventions that a process serves of a chunk, as plain values for params."""
    chunk = CHUNKS[wildcards.chunk]
    if wildcards.get("process") == "second":
        chunk = interventions.controlled(chunk, CONFIG["noise_seeds"])
    return [member.to_dict() for member in chunk]


def noise_files(wildcards):
    """The stored noise that the interventions of a chunk draw on."""
    return noise_paths(CHUNKS[wildcards.chunk])


def backend(wildcards):
    """The config of a backend."""
    return CONFIG["backends"][wildcards.backend]


def own_texts(wildcards):
    """The texts of a chunk and backend, if any are generated under its sweeps."""
    if wildcards.chunk not in FULL_CHUNKS:
        return []
    return f"{RESULTS}/generate/{wildcards.backend}/first/{wildcards.chunk}.parquet"


def own_probes(wildcards):
    """The probes, if the backend answers them and the chunk's sweeps are run in full."""
    if wildcards.chunk not in FULL_CHUNKS or wildcards.backend not in PROBED:
        return []
    return f"{RESULTS}/backup/probes.json"


def right_process(wildcards):
    """The process whose results stand on the right: the second, if a backend meets itself."""
    return "second" if wildcards.left == wildcards.right else "first"


def right_texts(wildcards):
    """The texts on the right."""
    process = right_process(wildcards)
    return f"{RESULTS}/generate/{wildcards.right}/{process}/{wildcards.chunk}.parquet"


def right_logits(wildcards):
    """The logits on the right."""
    process = right_process(wildcards)
    return f"{RESULTS}/score/{wildcards.right}/{process}/{wildcards.chunk}.logits.safetensors"


def pair_precisions(wildcards):
    """The floating-point formats of the two backends."""
    return [CONFIG["backends"][name]["precision"] for name in (wildcards.left, wildcards.right)]


def ledger_pair(wildcards):
    """The two backends that a pair of the ledger starts from."""
    return [CONFIG["backends"][name] for name in (wildcards.left, wildcards.right)]


def ledger_backends(wildcards):
    """What one side of the ledger computes with: the null control's process, the first alone."""
    backends = causes.backends_of(wildcards.side, *ledger_pair(wildcards))
    return backends[:1] if wildcards.process == "second" else backends


def ledger_machine(wildcards):
    """The backend that one side of the ledger starts from."""
    return CONFIG["backends"][getattr(wildcards, wildcards.side)]
