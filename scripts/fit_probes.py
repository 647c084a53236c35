"""Rule fit_probes: see rules/probes.smk."""

from needq.common import schemas, tables
from needq.common.files import read_made
from needq.common.probes import BACKEND
from needq.common.rows import Tokens
from needq.inference.session import session

files, chosen = snakemake.input, snakemake.params.chosen

with session(
    BACKEND, files.weights, snakemake.log[0], files.noise, files.patches, **chosen
) as work:
    from needq.inference.score import documents_together
    from needq.inference.streams import each_stream
    from needq.metrics.probe_rows import probe_rows

    items = tables.read_rows(files.labels)
    documents = read_made(files.tokens, Tokens)["documents"]
    model, patches = work.model, work.patches
    together = documents_together(model, BACKEND, documents)
    streams = each_stream(model, work.patcher, patches, documents, together)
    rows = list(probe_rows(items, patches, list(map(len, documents)), streams))
    tables.write_rows(snakemake.output.rows, rows, schemas.PROBES)
