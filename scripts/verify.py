"""Rule verify: see rules/verify.smk."""

from pathlib import Path

from needq.common.errors import UserError
from needq.common.logs import job
from needq.common.settings import Backend, Generation
from needq.provenance import digests
from needq.provenance.recomputation import Recomputation, deciding_interventions

with job(snakemake.log[0]):
    params = snakemake.params
    if not params.backends:
        raise UserError(
            "config: divergence.backends: none has arithmetic exact and rng keyed, so none verifies"
        )
    expected = digests.read_expected(params.expected)
    recomputation = Recomputation(
        Path(snakemake.input.weights),
        Generation(**params.generation),
        deciding_interventions(params.deciding),
        Backend(**params.backends[0]),
    )
    config = digests.config_digests(params.deciding)
    for line in digests.verify(expected, config, recomputation):
        print(line, flush=True)
