# Seeds: the noise seeds under which subsets of blocks are scored, what each needs, and its cost.
#
# INPUTS   a job's noise seed, and the backup's config.json
# OUTPUTS  SUBSETS_DECIDE, SUBSET_SCORES, and the functions below

# whether the claims are about these subsets
SUBSETS_DECIDE = subsets.decide_claims(USED)
# of each noise seed; none if subsets are not run
SUBSET_SCORES = expand("<results>/subsets/{seed}.parquet", seed=subsets.subset_seeds(CONFIG))


def subset_patches(wildcards):
    """The patches that hold the one which replaces all blocks under a noise seed."""
    return patches_of(subsets.all_replaced(CONFIG, int(wildcards.seed)))


def subset_noise(wildcards):
    """The stored noise that this patch draws on."""
    return noise_paths(subsets.all_replaced(CONFIG, int(wildcards.seed)))


def subset_choice(wildcards):
    """Which patch it is."""
    return choices.as_choice(subsets.all_replaced(CONFIG, int(wildcards.seed)))


def subsets_job(wildcards, input):
    """What it costs to score documents under the subsets of blocks, under one noise seed."""
    run = planned(input)
    return subsets.subsets_job(CONFIG, run.shape, run.documents)
