# Costs: what the jobs cost that watch the attention of the model.
#
# INPUTS   a job's input: the backup's config.json
# OUTPUTS  what the jobs cost, as the functions below


def match_job(wildcards, input):
    """What it costs to scale the noise of one matrix."""
    return attention.match_job(CONFIG, planned(input).shape)


def attention_job(wildcards, input):
    """What it costs to measure attention."""
    return attention.attention_job(CONFIG, planned(input).shape)


def mix_job(wildcards, input):
    """What it costs to mix the MLP with noise."""
    return mlp.mix_job(CONFIG, planned(input).shape)
