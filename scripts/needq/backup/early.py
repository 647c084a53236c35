"""What the backup job would refuse of a model, found before the first job, where it is at hand."""

from importlib.util import find_spec
from pathlib import Path

from needq.backup.architectures import Architecture, find_architecture
from needq.backup.model_config import read_model_config
from needq.common.settings import ModelSource


def look(model: ModelSource) -> Architecture | None:
    """The architecture of a model folder; None for another source, which only the job can open.

    Raises UserError for what config.json, or the headers of the weights, show to be wrong. Where
    safetensors is missing, as in Snakemake's own environment with --use-conda, no header is read.
    """
    if model.source != "folder":
        return None
    folder = Path(model.location)
    if find_spec("safetensors") is None:
        return find_architecture(read_model_config(folder / "config.json"))
    from needq.backup.gate import admit
    from needq.backup.originals import FolderModel

    original = FolderModel(folder)
    admit(original.architecture, original.stored)
    return original.architecture
