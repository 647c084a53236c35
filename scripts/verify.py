"""Rule verify: see rules/verify.smk."""

import json
import logging
from pathlib import Path

from needq.common.backends import Backend
from needq.common.errors import UserError
from needq.common.logs import job
from needq.common.settings import Generation
from needq.provenance import digests
from needq.provenance.recomputation import Recomputation, deciding_interventions

with job(snakemake.log[0]):
    params = snakemake.params
    if not params.backend:
        raise UserError(
            "config: divergence.backends: none has arithmetic exact and rng keyed, so none verifies"
        )
    deciding = json.loads(params.deciding)
    expected = digests.read_expected(params.expected)
    recomputation = Recomputation(
        Path(snakemake.input.weights),
        Generation.model_validate_json(params.generation),
        deciding_interventions(deciding),
        Backend(**params.backend),
        digests.documents_digested(deciding),
    )
    print(recomputation.describe_device(), flush=True)
    config = digests.config_digests(deciding)
    for line in digests.verify(expected, config, recomputation):
        print(line, flush=True)
        logging.info("%s", line)
