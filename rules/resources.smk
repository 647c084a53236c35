# Resources: what a job asks of a machine, scaled with the files it reads: the model's weights, its
# noise, two backends' logits.
#
# takes   a job's input (before the files are there, a dry run shows <TBD>) and its backend
# leaves  threads, gpu, mem_mb (MB) and runtime (minutes); each retry asks for as much again of the
#         last two, since a scheduler kills what asked for too little


def backend_threads(wildcards):
    """The CPU threads that a backend computes with."""
    return backend(wildcards)["threads"]


def gpus(wildcards):
    """How many GPUs a job of a backend occupies."""
    return int(backend(wildcards)["device"] == "cuda")


def array_memory(wildcards, input, attempt):
    """MB to hold the input as arrays."""
    return attempt * round(1000 + 3 * input.size_mb)


def lm_memory(wildcards, input, attempt):
    """MB to compute with the model: torch, the weights, the logits of a batch."""
    return attempt * round(2000 + 8 * input.size_mb)


def minutes(count, input, attempt):
    """Minutes to compute with the model under so many interventions."""
    return attempt * round(10 + count * input.size_mb / 250)


def lm_minutes(wildcards, input, attempt):
    """Minutes to compute with the model under each intervention of a chunk."""
    return minutes(len(CHUNKS[wildcards.chunk]), input, attempt)


def controls_minutes(wildcards, input, attempt):
    """Minutes to generate and score the controls' texts, about as for a block set each."""
    return minutes(CONFIG["labels"]["texts_per_prompt"], input, attempt)


def ledger_minutes(wildcards, input, attempt):
    """Minutes to compute one side of the ledger, under each of its backends."""
    return minutes(len(LEDGER_MEMBERS) * len(ledger_backends(wildcards)), input, attempt)


def verify_minutes(wildcards, input, attempt):
    """Minutes to compute under each intervention that the exact backend runs."""
    return minutes(len(EXACT_MEMBERS), input, attempt)


def ledger_threads(wildcards):
    """The CPU threads of one side of the ledger."""
    return ledger_machine(wildcards)["threads"]


def ledger_gpus(wildcards):
    """How many GPUs one side of the ledger occupies."""
    return int(ledger_machine(wildcards)["device"] == "cuda")
