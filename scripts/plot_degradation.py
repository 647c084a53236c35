"""Rule plot_degradation: see rules/degradation.smk."""

from needq.common import published
from needq.common.logs import job
from needq.figures import degradation, histogram, labels, theme

with job(snakemake.log[0]):
    files, params = snakemake.input, snakemake.params
    reference, cuda = params.reference, params.cuda
    baselines = published.read_table(files.baselines[0]) if files.baselines else None
    table, shares = published.read_table(files.degradation), published.read_table(files.labels)
    written = table[table["sweep"].isin(params.sweeps)]
    scored = written[written["backend"] == reference]
    own = [
        rows[(rows["backend"] == reference) & (rows["sweep"] == params.sweep)]
        for rows in (shares, table)
    ]
    drawn = {
        "labels": labels.draw_labels(*own, params.n_blocks, cuda),
        "degradation": degradation.draw_evaluation(scored, baselines, cuda),
        "texts": degradation.draw_texts(written, cuda),
        "q_histogram": histogram.draw_histogram(published.read_table(files.histogram)),
    }
    theme.save_all(drawn, snakemake.output)
