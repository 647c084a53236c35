# Resources: what a job asks of a machine. A job that computes with the model asks for what `-n`
# estimates, with room to spare; others by the files that they read, or for the profile's default.
#
# INPUTS   a job's input (before the files are there, a dry run shows <TBD>) and its backend
# OUTPUTS  threads, gpu, mem_mb (MB) and runtime (minutes); each retry asks for as much again of the
#          last two, since a scheduler kills what asked for too little

from functools import cache


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


@cache
def planned_with(config):
    """The run with a model by the config.json of its backup."""
    return estimate.Run(CONFIG, CUDA, cost.backed_up_shape(config))


def planned(input):
    """The run with the model that is backed up: what its jobs cost is what -n promises."""
    return planned_with(str(input.config))


def generate_job(wildcards, input):
    """What it costs to generate the texts of a chunk."""
    return planned(input).generate(backend(wildcards), USED.chunks[wildcards.chunk])


def logits_job(wildcards, input):
    """What it costs to compute logits of the reference's tokens under a chunk."""
    return planned(input).logits(backend(wildcards), USED.chunks[wildcards.chunk])


def repeat_job(wildcards, input):
    """What it costs to generate and compute again what a repeat has of a chunk."""
    return planned(input).repeat(backend(wildcards), USED.chunks[wildcards.chunk])


def score_job(wildcards, input):
    """What it costs to score under each intervention of a chunk."""
    chunk, name = wildcards.chunk, wildcards.backend
    return planned(input).score(name, chunk, USED.chunks[chunk])


def reference_job(wildcards, input):
    """What it costs to generate and score the reference texts."""
    return planned(input).reference_texts(CONFIG.divergence.backends[REFERENCE])


def select_job(wildcards, input):
    """What it costs to answer every item, from which some are selected."""
    return planned(input).select_items(CONFIG.divergence.backends[REFERENCE])


def noise_job(wildcards, input):
    """What it costs to draw the noise of one side of the ledger."""
    return planned(input).native_noise(side_backend(wildcards))


def corners_job(wildcards, input):
    """What it costs to compute one side of the ledger, at each of its corners."""
    pair, process = (wildcards.left, wildcards.right), wildcards.process
    return planned(input).corners(wildcards.side, *pair, process)


def verify_job(wildcards, input):
    """What it costs to compute under each intervention that the exact backend runs."""
    return planned(input).verify()


def memory_of(job):
    """The function that says how many MB a job is given."""

    def mem_mb(wildcards, input, attempt):
        return attempt * round(job(wildcards, input).memory_asked)

    return mem_mb


def minutes_of(job):
    """The function that says how many minutes a job is given."""

    def runtime(wildcards, input, attempt):
        return attempt * round(job(wildcards, input).minutes_asked)

    return runtime


def side_threads(wildcards):
    """The CPU threads of one side of the ledger."""
    return side_backend(wildcards).threads


def side_gpus(wildcards):
    """How many GPUs one side of the ledger occupies by itself."""
    return int(side_backend(wildcards).device == "cuda")


def corner_gpus(wildcards):
    """How many GPUs the corners of one side occupy: the random stream of the other may be on it."""
    return int(any(backend.device == "cuda" for backend in pair_backends(wildcards)))
