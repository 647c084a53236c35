"""Rule collect_stories: see rules/first_page.smk."""

import json

from needq.backup.tokens import decoder
from needq.common import tables
from needq.common.backends import Backend
from needq.common.files import write_json
from needq.common.logs import job
from needq.common.published import read_table
from needq.common.settings import Sweep
from needq.plan.interventions import sweep_interventions
from needq.report.answer import headline
from needq.report.stories import collect, explain

with job(snakemake.log[0]):
    files, params = snakemake.input, snakemake.params
    sweep, names = Sweep.model_validate_json(params.sweep), list(params.backends)
    written = [files.texts, *([files.others] if files.others else [])]
    stories = collect(
        params.n_blocks,
        json.loads(params.prompts),
        sweep_interventions(params.name, sweep, params.n_blocks, params.noise_seeds),
        headline(read_table(files.degradation), names[0], params.name),
        [tables.read_frame(own) for own in written],
        tables.read_frame(files.nlls),
        tables.read_frame([files.labels]),
        decoder(files.tokenizer),
    )
    backends = [Backend(**values) for values in params.backends.values()]
    stories |= {"backends": names, "why": explain(*backends) if files.others else ""}
    write_json(snakemake.output.stories, stories)
