# Healed: which models are healed, and what their jobs read and cost.
#
# INPUTS   a job's wildcards: parameters and healed
# OUTPUTS  HEALED, HEALED_ROWS, HEALED_MODEL, FACTORIAL, and the functions below

# by their names, the pristine model first
HEALED = {healing.healed_name(one): one for one in healing.healed(CONFIG)}
HEALED_ROWS = expand(
    "<results>/healing/{parameters}/{healed}.parquet",
    parameters=CONFIG.healing.parameters,
    healed=HEALED,
)
HEALED_MODEL = (
    {"model": directory("<results>/healing/models/{parameters}/{healed}")}
    if CONFIG.healing.save
    else {}
)
# the table of all mixtures of W_Q, W_K and W_V, if they are replaced
FACTORIAL = (
    {"factorial": "<results>/tables/factorial.tsv"}
    if comparisons.has_mixtures(USED.comparisons)
    else {}
)


wildcard_constraints:
    parameters="[a-z_]+",
    healed=r"\d+-(\d+|none)",


def healed_choice(wildcards):
    """The intervention that is healed, as it is found in the files of patches."""
    return choices.as_choice([HEALED[wildcards.healed]])


def healed_patches(wildcards):
    """The patches of the chunk that holds the intervention."""
    return patches_of([HEALED[wildcards.healed]])


def healed_noise(wildcards):
    """The stored noise that the intervention draws on."""
    return noise_paths([HEALED[wildcards.healed]])


def healing_job(wildcards, input):
    """What it costs to heal one model."""
    run = planned(input)
    return healing.healing_job(CONFIG, run.shape, run.documents)
