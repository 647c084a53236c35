"""Rule trace_corners: see rules/ledger.smk."""

from needq.common import schemas, tables
from needq.common.backends import Backend
from needq.common.files import read_made, write_json
from needq.common.rows import Tokens
from needq.common.settings import Generation
from needq.common.tensors import write_tensors
from needq.inference.session import session
from needq.plan.corners import side_corners

files, params = snakemake.input, snakemake.params
left, right = (Backend(**settings) for settings in params.pair)
corners = side_corners(snakemake.wildcards.side, left, right)
corners = corners if snakemake.wildcards.process == "first" else corners[:1]
settings = Generation.model_validate_json(params.generation)

with session(
    corners[0].backend, files.weights, snakemake.log[0], patches=files.patches, **params.chosen
) as work:
    from needq.inference.trace import trace_corners

    tokens = read_made(files.tokens, Tokens)
    reference = [row for file in files.reference for row in tables.read_rows(file)]
    noise = {"left": files.left_noise, "right": files.right_noise}
    texts = (tokens, settings, params.documents)
    trace = trace_corners(work, corners, noise, *texts, reference, params.positions)
    tables.write_rows(snakemake.output.texts, trace.texts, schemas.TRACE)
    write_tensors(snakemake.output.logits, trace.logits)
    write_json(snakemake.output.provenance, work.record())
