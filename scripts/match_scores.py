"""Rule match_scores: see rules/corrupt.smk."""

from needq.backup.architectures import find_architecture
from needq.backup.replaceable import check_method
from needq.common.attention import NOISE
from needq.common.files import read_made
from needq.common.keys import MEASURED
from needq.common.rows import Tokens
from needq.common.tensors import read_tensors, read_weights, write_tensors
from needq.inference.session import session

files, matrix = snakemake.input, snakemake.wildcards.matrix

with session(NOISE, files.weights, snakemake.log[0]) as work:
    from needq.inference.attention import Watched, first_documents
    from needq.inference.matched_scores import matched_noise

    architecture = find_architecture(read_made(files.config, dict))
    check_method(architecture, matrix, MEASURED)
    documents = first_documents(read_made(files.tokens, Tokens)["documents"])
    gaussian = [read_tensors(file) for file in files.noise]
    watched, tensors = Watched(work.model, architecture), read_weights(files.weights)
    matched = matched_noise(watched, tensors, matrix, gaussian, *documents)
    for output, noise in zip(snakemake.output, matched, strict=True):
        write_tensors(output, noise)
