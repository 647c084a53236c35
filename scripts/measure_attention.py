"""Rule measure_attention: see rules/attention.smk."""

from pathlib import Path

from needq.backup.architectures import find_architecture
from needq.common import tables
from needq.common.attention import TABLE
from needq.common.files import read_made
from needq.common.rows import Tokens
from needq.common.tensors import read_tensors, read_weights, write_tensors
from needq.inference.session import session
from needq.metrics.attention import attention_table

files = snakemake.input

with session(TABLE, files.weights, snakemake.log[0]) as work:
    from needq.inference.attention import Watched, first_documents
    from needq.inference.attention_maps import attention_maps
    from needq.inference.attention_rows import attention_rows

    watched = Watched(work.model, find_architecture(read_made(files.config, dict)))
    tokens, weights = read_made(files.tokens, Tokens), read_weights(files.weights)
    noises = ((Path(file).stem, read_tensors(file)) for file in files.noise)
    rows = attention_rows(watched, weights, noises, *first_documents(tokens["documents"]))
    tables.write_table(snakemake.output.table, attention_table(rows), tables.MEASURED)
    maps = attention_maps(watched, weights, read_tensors(files.noise[0]), tokens["prompts"][0])
    write_tensors(snakemake.output.maps, maps)
