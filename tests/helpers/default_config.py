"""The project's own config, as YAML has it, and changes of it."""

import copy
from pathlib import Path

import yaml
from snakemake.utils import update_config

ROOT = Path(__file__).parents[2]
SCHEMA_FILE = ROOT / "schemas/config.schema.yaml"
DEFAULT = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
OVERLAYS = sorted((ROOT / "configs").glob("*.yaml"))


def at_hand(overlay, folder):
    """An overlay whose model a user has to put there first, with files made up in a folder."""
    model = overlay["model"]
    if model["source"] in ("hub", "wheel") or (ROOT / model["location"]).exists():
        return overlay
    place = folder / Path(model["location"]).name
    if model["source"] == "gguf":
        place.write_bytes(b"GGUF")
    else:
        place.mkdir()
        for name in ("config.json", "tokenizer.json", "model.safetensors"):
            (place / name).write_text("{}")
    return overlay | {"model": model | {"location": str(place)}}


def overlaid(*overlays):
    """The default config under overlays, merged as Snakemake merges them."""
    config = copy.deepcopy(DEFAULT)
    for overlay in overlays:
        update_config(config, overlay)
    return config


def with_changes(*changes):
    """The default config with the values of some keys (dotted) replaced."""
    config = copy.deepcopy(DEFAULT)
    for key, value in changes:
        group_of(config, key)[key.rpartition(".")[2]] = value
    return config


def group_of(config, key):
    """The group that a key (dotted) of a config is in."""
    for part in key.split(".")[:-1]:
        config = config[part]
    return config
