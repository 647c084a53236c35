"""Rule verify: see rules/verify.smk."""

from pathlib import Path

from needq.common.errors import UserError
from needq.common.logs import job
from needq.plan.interventions import Intervention
from needq.provenance import digests
from needq.provenance.recomputation import Recomputation

with job(snakemake.log[0]):
    config = snakemake.params.config
    if not snakemake.params.backends:
        raise UserError(
            "config: backends: none has arithmetic exact and rng keyed, so none verifies"
        )
    expected = digests.read(snakemake.params.expected)
    run = Recomputation(
        Path(snakemake.input.weights).parent,
        config,
        [Intervention.from_dict(member) for member in snakemake.params.members],
        snakemake.params.backends[0],
    )
    for said in digests.verify(expected, digests.of_config(config), run):
        print(said, flush=True)
