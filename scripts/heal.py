"""Rule heal: see rules/healing.smk."""

from pathlib import Path

from needq.backup.architectures import find_architecture
from needq.common import schemas, tables
from needq.common.backends import Backend
from needq.common.files import read_made
from needq.common.healing import Healing
from needq.common.rows import Manifest, Tokens
from needq.inference.session import session

files, params, wildcards = snakemake.input, snakemake.params, snakemake.wildcards
settings = Healing.model_validate_json(params.healing)
choice, parameters = params.choice, wildcards.parameters

with session(
    Backend(), files.weights, snakemake.log[0], files.noise, files.patches, **choice
) as work:
    from needq.inference import healing
    from needq.inference.fused import fuse_gelu
    from needq.inference.refit import refit

    model, patch = work.model, work.patches[0]
    fuse_gelu(model)
    batches = read_made(files.batches, list[list[list[int]]])
    documents = read_made(files.tokens, Tokens)["documents"][: settings.documents]
    weights = read_made(files.manifest, Manifest)["files"]["model.safetensors"]
    meaning = healing.meaning(settings, patch, weights, parameters, batches, documents)
    checkpoint = healing.Checkpoint(Path(params.checkpoint), meaning)
    architecture = find_architecture(read_made(files.config, dict))
    with work.patcher.applied(patch.slices):
        training = refit(model, architecture, parameters, settings)
        rows = healing.healing_rows(parameters, patch, training, batches, documents, checkpoint)
        if settings.save:
            healing.save_model(model, files.weights, snakemake.output.model)
    tables.write_rows(snakemake.output.rows, rows, schemas.HEALING)
    checkpoint.remove()
