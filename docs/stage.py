"""Copy what the documents are made of to build/docs, where mkdocs reads it: python docs/stage.py

It is a copy of the repository's own files, but for large ones and tests, so that a link leads
where it leads in the repository.
"""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
LEFT_OUT = ("tests/", "resources/pocket-gpt2/corpus.txt.bz2")
LARGEST = 2_000_000  # bytes


def stage(target: Path) -> None:
    """Put the files into an empty folder `target`."""
    shutil.rmtree(target, ignore_errors=True)
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        source = ROOT / name
        if name.startswith(LEFT_OUT) or not source.is_file() or source.stat().st_size > LARGEST:
            continue
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target / name)


if __name__ == "__main__":
    stage(ROOT / "build/docs")
