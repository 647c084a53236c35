"""Rule match_outputs: see rules/mlp.smk."""

from needq.backup.architectures import find_architecture
from needq.common.attention import NOISE
from needq.common.files import read_made, write_json
from needq.common.rows import Tokens
from needq.common.tensors import read_tensors, read_weights, write_tensors
from needq.inference.session import session

files, output = snakemake.input, snakemake.output

with session(NOISE, files.weights, snakemake.log[0]) as work:
    from needq.inference.attention import Watched, first_documents
    from needq.inference.matched_outputs import matched_mixtures

    architecture = find_architecture(read_made(files.config, dict))
    documents = first_documents(read_made(files.tokens, Tokens)["documents"])
    pairs = zip(files.noise_of_query, files.noise, strict=True)
    noises = [(read_tensors(query), read_tensors(mlp)) for query, mlp in pairs]
    mixtures, changes = matched_mixtures(
        Watched(work.model, architecture),
        read_weights(files.weights),
        snakemake.wildcards.matrix,
        dict(zip(snakemake.params.seeds, noises, strict=True)),
        *documents,
    )
    for file, mixture in zip(output.noise, mixtures.values(), strict=True):
        write_tensors(file, mixture)
    write_json(output.changes, changes)
