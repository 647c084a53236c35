"""What tests know of the small models that conftest.py makes."""

from pathlib import Path

from needq.backup.architectures import find_architecture
from needq.common.files import read_json
from needq.common.settings import ModelSource

ROOT = Path(__file__).parents[2]
BLOCKS = 4


def config_of(source, **changes):
    """The config's `model` for a folder."""
    n_blocks = find_architecture(read_json(source / "config.json")).n_blocks
    return ModelSource(**{"location": str(source), "n_blocks": n_blocks} | changes)
