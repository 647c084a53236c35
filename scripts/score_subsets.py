"""Rule score_subsets: see rules/subsets.smk."""

from needq.common import schemas, tables
from needq.common.backends import Backend
from needq.common.files import read_made
from needq.common.rows import Tokens
from needq.common.subsets import Subsets
from needq.corrupt.subsets import scored_subsets
from needq.inference.session import session

files, params = snakemake.input, snakemake.params
backend, settings = Backend(**params.backend), Subsets.model_validate_json(params.subsets)
seed = int(snakemake.wildcards.seed)

with session(
    backend, files.weights, snakemake.log[0], files.noise, files.patches, **params.choice
) as work:
    from needq.inference import subsets
    from needq.inference.score import documents_together

    work.fuse()
    [patch], n_blocks = work.patches, work.model.n_blocks
    documents = subsets.chosen_documents(read_made(files.tokens, Tokens), settings)
    together = documents_together(work.model, backend, documents)
    chosen = scored_subsets(n_blocks, seed, settings.permutations)
    nlls = subsets.score_subsets(work.model, work.patcher, patch, chosen, documents, together)
    arrays = subsets.subset_arrays(seed, chosen, documents, nlls)
    tables.write_arrays(snakemake.output.scores, arrays, schemas.SUBSETS)
