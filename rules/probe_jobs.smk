# Costs: what a job of the probes reads, and what it costs.
#
# INPUTS   a job's wildcard seed, and its input: the backup's config.json
# OUTPUTS  files and settings of the job, as the functions below


def probe_choice(wildcards):
    """The interventions that a job serves, as they are found in the files of patches."""
    return choices.as_choice(probes.served(CONFIG, wildcards.seed))


def probe_patches(wildcards):
    """The patches that a job serves, and others in the same files."""
    return patches_of(probes.served(CONFIG, wildcards.seed))


def probe_noise(wildcards):
    """The stored noise of the interventions that a job serves."""
    return noise_paths(probes.served(CONFIG, wildcards.seed))


def probe_job(wildcards, input):
    """What a job costs."""
    run = planned(input)
    return probes.fit_job(CONFIG, run.shape, run.documents, wildcards.seed)
