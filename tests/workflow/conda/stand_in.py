"""A stand-in for the `conda` program: it answers what Snakemake asks, and is not conda.

It solves and installs with py-rattler, from the local channels under NEEDQ_TEST_CHANNELS, and runs
pip for a YAML's pip section as conda does. Activation is PREFIX/bin/activate beside it.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
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
            with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirements:
                requirements.write("\n".join(item["pip"]) + "\n")
                requirements.flush()
                command = [f"{prefix}/bin/python", "-m", "pip", "install", "--quiet", "-U"]
                subprocess.run([*command, "-r", requirements.name], check=True)


def main(arguments: list[str]) -> None:
    if arguments[:2] == ["env", "create"]:
        options = dict(zip(arguments, arguments[1:], strict=False))
        env_create(options["--file"], options["--prefix"])
    elif arguments[0] in ANSWERS:
        print(ANSWERS[arguments[0]])
    else:
        sys.exit(f"the stand-in for conda does not know: {arguments}")


main(sys.argv[1:])
