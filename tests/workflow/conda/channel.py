"""A local conda channel of two packages: this Python's own CPython and its bundled pip, repacked.

Neither is conda-forge's build. It is a channel as conda knows it: linux-64/NAME.tar.bz2, repodata.
"""

import asyncio
import ensurepip
import io
import json
import platform
import sys
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from rattler.index import index_fs

PYTHON = platform.python_version()
LIBRARY = f"lib/python{sys.version_info.major}.{sys.version_info.minor}"
LEFT_OUT = {"__pycache__", "site-packages", "test", "tests", "idlelib", "ensurepip"}
TIME = 1700000000  # seconds: a package's date is part of conda's metadata


def bundled_pip() -> Path:
    """The wheel of pip that comes with this Python."""
    (wheel,) = Path(ensurepip.__file__).parent.glob("_bundled/pip-*.whl")
    return wheel


def write_package(
    folder: Path, name: str, version: str, depends: list[str], members: Iterable[tarfile.TarInfo]
) -> None:
    """Write a conda package; `members` are its files, each with what tarfile reads it from."""
    build = "repacked_0"
    index = {"name": name, "version": version, "build": build, "build_number": 0}
    index |= {"depends": depends, "subdir": folder.name, "timestamp": TIME * 1000}
    with tarfile.open(
        folder / f"{name}-{version}-{build}.tar.bz2", "w:bz2", compresslevel=1
    ) as tar:
        names = []
        for member, content in members:
            tar.addfile(member, content)
            names.append(member.name)
        for file, text in (("index.json", json.dumps(index)), ("files", "\n".join(names) + "\n")):
            tar.addfile(*from_bytes(f"info/{file}", text.encode()))


def from_bytes(name: str, content: bytes) -> tuple[tarfile.TarInfo, io.BytesIO]:
    """A member of a package with this content."""
    member = tarfile.TarInfo(name)
    member.size, member.mtime = len(content), TIME
    return member, io.BytesIO(content)


def link(name: str, target: str) -> tuple[tarfile.TarInfo, None]:
    """A member of a package that is a symbolic link."""
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.mtime = tarfile.SYMTYPE, target, TIME
    return member, None


def python_members() -> Iterable:
    """The interpreter and the standard library; its shared library stays where this Python's is."""
    program = Path(sys.executable).resolve()
    member, content = from_bytes(f"bin/{program.name}", program.read_bytes())
    member.mode = 0o755
    yield member, content
    for name in {"python", "python3"} - {program.name}:
        yield link(f"bin/{name}", program.name)
    source = Path(sys.base_prefix, LIBRARY)
    for file in sorted(source.rglob("*")):
        if file.is_file() and not LEFT_OUT.intersection(file.relative_to(source).parts):
            yield from_bytes(f"{LIBRARY}/{file.relative_to(source)}", file.read_bytes())


def pip_members() -> Iterable:
    """The files of the bundled wheel; python -m pip runs them."""
    with zipfile.ZipFile(bundled_pip()) as wheel:
        for name in wheel.namelist():
            yield from_bytes(f"{LIBRARY}/site-packages/{name}", wheel.read(name))


def build(channel: Path) -> None:
    """Write the channel to the folder `channel`, whose name is the channel's."""
    for name in ("linux-64", "noarch"):
        (channel / name).mkdir(parents=True)
    folder = channel / "linux-64"
    write_package(folder, "python", PYTHON, [], python_members())
    version = bundled_pip().name.split("-")[1]
    write_package(folder, "pip", version, ["python"], pip_members())
    asyncio.run(index_fs(channel))


if __name__ == "__main__":
    build(Path(sys.argv[1]))
