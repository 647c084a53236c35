"""The project's own config, as YAML has it."""

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
SCHEMA_FILE = ROOT / "schemas/config.schema.yaml"
DEFAULT = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
