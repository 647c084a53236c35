"""Rule collect_stories: see rules/first_page.smk."""

from needq.backup.tokens import decoder
from needq.common import tables
from needq.common.files import write_json
from needq.common.logs import job
from needq.common.published import read_table
from needq.common.settings import Config
from needq.plan.interventions import interventions
from needq.report.answer import headline
from needq.report.stories import collect, explain

with job(snakemake.log[0]):
    files, params = snakemake.input, snakemake.params
    config, names = Config.model_validate_json(params.config), params.names
    degradation = headline(read_table(files.degradation), names[0], params.sweep)
    written = [files.texts, *([files.others] if files.others else [])]
    stories = collect(
        config.model.n_blocks,
        config.generation.prompts,
        interventions(config, [params.sweep]),
        degradation,
        [tables.read_frame(own) for own in written],
        tables.read_frame(files.nlls),
        tables.read_frame([files.labels]),
        decoder(files.tokenizer),
    )
    backends = [config.divergence.backends[name] for name in names]
    stories |= {"backends": names, "why": explain(*backends) if files.others else ""}
    write_json(snakemake.output.stories, stories)
