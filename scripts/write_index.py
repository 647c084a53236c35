"""Rule write_index: see rules/first_page.smk."""

from needq.backup.architectures import find_architecture
from needq.backup.tasks import chances
from needq.common.files import read_made, write_text
from needq.common.logs import job
from needq.common.published import read_table
from needq.common.settings import Config
from needq.provenance import digests
from needq.provenance.record import ProvenanceRecord
from needq.report import index
from needq.report.cells import in_order
from needq.report.pages import Pages

with job(snakemake.log[0]):
    files, params, page = snakemake.input, snakemake.params, snakemake.params.page
    config = Config.model_validate_json(params.config)
    run = index.Run(
        config=config,
        sweep=params.sweep,
        comparisons=params.comparisons,
        compared=page["backends"],
        cuda=page["cuda"],
        vocabulary=find_architecture(read_made(files.config, dict)).vocabulary,
        chances=chances(files.asked),
        record=read_made(files.provenance, ProvenanceRecord),
        digests=digests.read_first(files.digests),
        expected=digests.read_first(files.expected),
    )
    known = {name: read_table(files[name]) for name in index.NEEDED}
    known |= {name: read_table(files[name][0]) for name in index.OPTIONAL if files[name]}
    for name in ("summary", "trend"):
        known[name] = in_order(known[name], page["pairs"])
    content = index.content(run, index.Tables(**known))
    own = (page["pages"], files.figure, files.divergence_figure)
    content |= index.first_screen(read_made(files.stories, index.Stories), config)
    content |= index.surroundings(*own, snakemake.output.config, content["verified"])
    shown = Pages(files.templates, **page)
    for name, text in index.files(shown, content, config).items():
        write_text(snakemake.output[name], text)
