"""From a model's config.json to its architecture: its sizes, and where its matrices lie."""

from needq.backup.families import FAMILIES
from needq.backup.layout import Architecture
from needq.backup.model_config import checked
from needq.common.files import ModelConfig


def find_architecture(config: ModelConfig) -> Architecture:
    """The architecture of a model by its `config.json`; UserError if it is not supported."""
    used = checked(config)
    name = used["architectures"][0]
    return FAMILIES[name].architecture(name, used)
