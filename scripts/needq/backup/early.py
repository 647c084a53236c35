"""What the jobs would refuse of a model, found before the first of them, where it is at hand."""

from importlib.util import find_spec
from pathlib import Path

from needq.backup.architectures import find_architecture
from needq.backup.layout import Architecture
from needq.backup.model_config import read_model_config
from needq.common.settings import ModelSource


def check_early(model: ModelSource) -> Architecture | None:
    """The architecture of a model folder; None for other sources, which are left to the job.

    UserError for what its config.json, or the headers of its weights, show to be wrong. Where
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
