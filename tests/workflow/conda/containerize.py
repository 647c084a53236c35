"""Print the Dockerfile of the workflow: python tests/workflow/conda/containerize.py > Dockerfile

`snakemake --containerize` makes it from envs/*.yaml. It asks conda who it is before that, and the
stand-in beside this answers.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
ABOUT = """\
# Every environment of the workflow in one image (docs/conda.md). Nobody has built it yet.
# Made by snakemake --containerize: python tests/workflow/conda/containerize.py > Dockerfile
"""


def dockerfile() -> str:
    """What snakemake --containerize prints, below a comment that says so."""
    with tempfile.TemporaryDirectory() as folder:
        command = Path(folder, "bin/conda")
        command.parent.mkdir()
        command.write_text(f'#!/bin/sh\nexec {sys.executable} {HERE}/stand_in.py "$@"\n')
        command.chmod(0o755)
        Path(folder, "bin/activate").touch()
        variables = {"NEEDQ_TEST_CHANNELS": folder, "PATH": f"{folder}/bin:{os.environ['PATH']}"}
        result = subprocess.run(
            [sys.executable, "-m", "snakemake", "--containerize"],
            cwd=ROOT,
            env=os.environ | variables,
            capture_output=True,
            text=True,
            check=True,
        )
    return ABOUT + result.stdout


if __name__ == "__main__":
    print(dockerfile(), end="")
