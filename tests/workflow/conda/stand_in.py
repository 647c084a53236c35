"""A stand-in for the `conda` program: it answers what Snakemake asks, and is not conda.

It solves and installs with py-rattler, from the local channels under NEEDQ_TEST_CHANNELS. A YAML's
pip section, which conda hands to pip, it links from the environment that this runs in: pip has
installed the same wheels there. `pip check` then finds what the section lacks. Activation is
PREFIX/bin/activate beside it.
"""

import asyncio
import itertools
import json
import os
import re
import subprocess
import sys
from importlib.metadata import distribution, distributions
from pathlib import Path

import yaml
from rattler import Channel, ChannelConfig, VirtualPackage, install, solve
from rattler.platform import Platform

CHANNELS = os.environ["NEEDQ_TEST_CHANNELS"]
ANSWERS = {
    "--version": "conda 24.7.1",
    "info": json.dumps(
        {"conda_prefix": CHANNELS, "platform": "linux-64", "conda_version": "24.7.1"}
    ),
    "config": json.dumps({"get": {"channel_priority": "strict"}}),
    "clean": "",
}


async def create(packages: list[str], channels: list[str], prefix: str) -> None:
    """Solve for packages, and link them into `prefix`."""
    config = ChannelConfig(channel_alias=f"file://{CHANNELS}/")
    records = await solve(
        sources=[Channel(name, config) for name in channels],
        specs=packages,
        platforms=[Platform("linux-64"), Platform("noarch")],
        virtual_packages=VirtualPackage.detect(),
    )
    await install(records, prefix, cache_dir=Path(CHANNELS, "cache"), show_progress=False)


def env_create(file: str, prefix: str) -> None:
    """conda env create: first conda's packages, then pip's."""
    environment = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
    packages = [item for item in environment["dependencies"] if isinstance(item, str)]
    asyncio.run(create(packages, environment["channels"], prefix))
    for item in environment["dependencies"]:
        if isinstance(item, dict):
            for pin in item["pip"]:
                link(*pin.split("=="), Path(prefix))
            # needed by the builds of torch that know CUDA, which ask pip for them
            for package in distributions():
                if re.match("nvidia-|cuda-|triton", package.name) and "torch" in str(item["pip"]):
                    link(package.name, package.version, Path(prefix))
            subprocess.run([f"{prefix}/bin/python", "-m", "pip", "check"], check=True)


def link(name: str, version: str, prefix: Path) -> None:
    """Link the files of an installed package into an environment."""
    package = distribution(name)
    if package.version.partition("+")[0] != version:
        sys.exit(f"the stand-in for conda has {name} {package.version}, and {version} is wanted")
    here = Path(sys.prefix)
    for file in package.files or []:
        source = Path(os.path.normpath(package.locate_file(file)))
        target = prefix / source.relative_to(here)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.parent == prefix / "bin":
            text = source.read_bytes()
            target.write_bytes(text.replace(bytes(here), bytes(prefix), 1))
            target.chmod(0o755)
        else:
            try:
                os.link(source, target)
            except OSError:  # another file system
                target.symlink_to(source)


def main(arguments: list[str]) -> None:
    if arguments[:2] == ["env", "create"]:
        options = dict(itertools.pairwise(arguments))
        env_create(options["--file"], options["--prefix"])
    elif arguments[0] in ANSWERS:
        print(ANSWERS[arguments[0]])
    else:
        sys.exit(f"the stand-in for conda does not know: {arguments}")


main(sys.argv[1:])
