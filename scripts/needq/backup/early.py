"""What the backup job would refuse of a model, found before the first job, where it is at hand."""

from importlib.util import find_spec
from pathlib import Path

from needq.backup.architectures import find_architecture
from needq.backup.model_config import read_model_config
from needq.common.settings import ModelSource


def check_early(model: ModelSource) -> None:
    """UserError for what a folder's config.json, or the headers of its weights, show to be wrong.

    Where safetensors is missing, as in Snakemake's own environment with --use-conda, no header is
    read. The other sources are left to the job.
    """
    if model.source != "folder":
        return
    folder = Path(model.location)
    if find_spec("safetensors") is None:
        find_architecture(read_model_config(folder / "config.json"))
        return
    from needq.backup.gate import admit
    from needq.backup.originals import FolderModel

    original = FolderModel(folder)
    admit(original.architecture, original.stored)
