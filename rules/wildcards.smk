# Wildcards: what a job's wildcards stand for.
#
# INPUTS   a job's wildcards: chunk, backend, process, or a pair's left and right, and its side
# OUTPUTS  the files and settings that they name

# the pairs of the ledger as its folders are called
LEDGER_PAIRS = [f"{left}-{right}" for left, right in USED.ledger_pairs]


def noise_paths(interventions):
    """The stored noise that interventions draw on."""
    names = selection.noise_names(interventions)
    return expand("<results>/corrupt/noise/{name}.safetensors", name=names)


def noise_files(wildcards):
    """The stored noise that the interventions of a chunk draw on."""
    return noise_paths(USED.chunks[wildcards.chunk])


def chunk_interventions(wildcards):
    """The interventions of a chunk, as plain values: for the patches, which carry them on."""
    return [intervention.to_dict() for intervention in USED.chunks[wildcards.chunk]]


def backend(wildcards):
    """The settings of a backend."""
    return CONFIG.divergence.backends[wildcards.backend]


def backend_settings(wildcards):
    """The settings of a backend, as plain values."""
    return backend(wildcards).model_dump()


def scored_documents(wildcards):
    """How many documents a backend scores, from the first one on; None for all."""
    return USED.documents_of(wildcards.backend)


def own_texts(wildcards):
    """The texts of a chunk and backend, if it generates any under its sweeps."""
    if wildcards.chunk not in USED.chunks_of(wildcards.backend):
        return []
    return f"<results>/generate/{wildcards.backend}/first/{wildcards.chunk}.parquet"


def own_tasks(wildcards):
    """The items to answer, if the backend answers them under the chunk's sweeps."""
    if wildcards.chunk not in USED.task_chunks or wildcards.backend not in USED.answering:
        return []
    return "<results>/tasks/asked.json"


def right_process(wildcards):
    """The process whose results are on the right: the second, if a backend meets itself."""
    return "second" if wildcards.left == wildcards.right else "first"


def right_texts(wildcards):
    """The texts on the right."""
    process = right_process(wildcards)
    return f"<results>/generate/{wildcards.right}/{process}/{wildcards.chunk}.parquet"


def right_logits(wildcards):
    """The logits on the right."""
    process = right_process(wildcards)
    return f"<results>/score/{wildcards.right}/{process}/{wildcards.chunk}.logits.safetensors"


def pair_backends(wildcards):
    """The settings of the two backends of a pair."""
    return [CONFIG.divergence.backends[name] for name in (wildcards.left, wildcards.right)]


def pair_precisions(wildcards):
    """The floating-point formats of the two backends."""
    return [backend.precision for backend in pair_backends(wildcards)]


def ledger_pair(wildcards):
    """The two backends of a pair of the ledger, as plain values."""
    return [backend.model_dump() for backend in pair_backends(wildcards)]


def ledger_choice(wildcards):
    """The interventions that a process of the ledger serves; the second repeats the first seed."""
    choice = USED.ledger_choice
    seeds = choice["noise_seeds"]
    again = seeds[: 1 + (None in seeds)]  # the pristine model comes first
    return choice | {"noise_seeds": again if wildcards.process == "second" else seeds}


def side_backend(wildcards):
    """The backend of one side of the ledger."""
    return CONFIG.divergence.backends[getattr(wildcards, wildcards.side)]


def side_settings(wildcards):
    """The backend of one side of the ledger, as plain values."""
    return side_backend(wildcards).model_dump()


def traces(ending):
    """The files of both sides and processes of a pair of the ledger, in one order."""
    return [
        f"<results>/ledger/{{left}}-{{right}}/{side}/{process}{ending}"
        for side in ("left", "right")
        for process in ("first", "second")
    ]
