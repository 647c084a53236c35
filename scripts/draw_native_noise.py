"""Rule draw_native_noise: see rules/ledger.smk."""

from pathlib import Path

from needq.common.backends import Backend
from needq.common.logs import job
from needq.common.tensors import write_tensors
from needq.inference.session import choose_instruction_set

backend = Backend(**snakemake.params.backend)
choose_instruction_set(backend)

with job(snakemake.log[0]):
    import torch
    from needq.inference.backend import prepare
    from needq.inference.native_noise import native_noise

    prepare(backend)
    weights = Path(snakemake.input.weights)
    noise = native_noise(weights, backend, torch.device(backend.device))
    for file in snakemake.output:
        write_tensors(file, noise[Path(file).stem])
