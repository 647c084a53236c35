"""Rule trace_causes: see rules/ledger.smk."""

from needq.common import schemas, tables
from needq.common.files import read_made, write_json
from needq.common.rows import Tokens
from needq.common.settings import Backend, Generation
from needq.common.tensors import write_tensors
from needq.inference.session import session

files, params = snakemake.input, snakemake.params
backends = [Backend(**values) for values in params.backends]
settings = Generation.model_validate_json(params.generation)

with session(
    backends[0], files.weights, snakemake.log[0], files.noise, files.patches, **params.chosen
) as work:
    from needq.inference.trace import trace_backends

    tokens = read_made(files.tokens, Tokens)
    reference = [row for file in files.reference for row in tables.read_rows(file)]
    traces = list(trace_backends(work, backends, tokens, settings, reference, params.positions))
    texts = [text for trace in traces for text in trace.texts]
    logits = {key: values for trace in traces for key, values in trace.logits.items()}
    tables.write_rows(snakemake.output.texts, texts, schemas.TRACE)
    write_json(snakemake.output.provenance, [trace.record for trace in traces])
    write_tensors(snakemake.output.logits, logits)
