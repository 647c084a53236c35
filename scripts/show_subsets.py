"""Rule show_subsets: see rules/subsets.smk."""

from needq.common import published
from needq.common.files import write_text
from needq.common.logs import job
from needq.figures import theme
from needq.figures.subsets import draw_subsets
from needq.report.subsets import SubsetPages

with job(snakemake.log[0]):
    files, output = snakemake.input, snakemake.output
    page = SubsetPages(files.templates, **snakemake.params.page)
    shapley, interactions, sizes, summary = (
        published.read_table(files[name])
        for name in ("shapley", "interactions", "sizes", "summary")
    )
    theme.save(draw_subsets(shapley, interactions, sizes), output.svg, output.png)
    write_text(output.page, page.subsets(shapley, interactions, sizes, summary))
