# Resources: what a job asks of a machine, scaled with the files that it reads: the model's weights,
# its noise, two backends' logits. A rule that says nothing asks for the default of the profile.
#
# INPUTS   a job's input (before the files are there, a dry run shows <TBD>) and its backend
# OUTPUTS  threads, gpu, mem_mb (MB) and runtime (minutes); each retry asks for as much again of the
#          last two, since a scheduler kills what asked for too little


def backend_threads(wildcards):
    """The CPU threads that a backend computes with."""
    return backend(wildcards).threads


def gpus(wildcards):
    """How many GPUs a job of a backend occupies."""
    return int(backend(wildcards).device == "cuda")


def array_memory(wildcards, input, attempt):
    """MB to hold the input as arrays."""
    return attempt * round(1000 + 3 * input.size_mb)


def backup_memory(wildcards, attempt):
    """MB to back the model up, which is known of a model at hand."""
    return attempt * at_hand.backup_memory(CONFIG.model)


def lm_memory(wildcards, input, attempt):
    """MB to compute with the model: torch, the weights, the logits of a batch."""
    return attempt * round(2000 + 8 * input.size_mb)


def minutes(count, input, attempt):
    """Minutes to compute with the model under `count` interventions."""
    return attempt * round(10 + count * input.size_mb / 250)


def lm_minutes(wildcards, input, attempt):
    """Minutes to compute with the model under each intervention of a chunk."""
    return minutes(len(USED.chunks[wildcards.chunk]), input, attempt)


def reference_minutes(wildcards, input, attempt):
    """Minutes to generate and score the reference texts, about as for an intervention each."""
    return minutes(CONFIG.labels.texts_per_prompt, input, attempt)


def ledger_minutes(wildcards, input, attempt):
    """Minutes to compute one side of the ledger, at each of its corners."""
    corners = USED.side_corners(wildcards.side, wildcards.left, wildcards.right)
    documents = CONFIG.divergence.causes.documents / len(CONFIG.generation.prompts)
    count = len(USED.ledger_interventions) * len(corners) * (1 + documents)
    return minutes(count, input, attempt)


def verify_minutes(wildcards, input, attempt):
    """Minutes to compute under each intervention that the exact backend runs."""
    return minutes(sum(map(len, USED.exact_chunks.values())), input, attempt)


def side_threads(wildcards):
    """The CPU threads of one side of the ledger."""
    return side_backend(wildcards).threads


def side_gpus(wildcards):
    """How many GPUs one side of the ledger occupies by itself."""
    return int(side_backend(wildcards).device == "cuda")


def corner_gpus(wildcards):
    """How many GPUs the corners of one side occupy: the random stream of the other may be on it."""
    return int(any(backend.device == "cuda" for backend in pair_backends(wildcards)))
