"""What tests know of the small models that conftest.py makes."""

from pathlib import Path

from needq.backup.architectures import adapter
from needq.common.files import read_json

ROOT = Path(__file__).parents[2]
BLOCKS = 4


def config_of(source, **changes):
    """The config's `model` for a folder."""
    blocks = adapter(read_json(source / "config.json")).blocks
    model = {"source": "folder", "location": str(source), "revision": None}
    return model | {"digests": [], "blocks": blocks} | changes
