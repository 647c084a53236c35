"""Remake the .txt files from the .in files beside this one.

Needs uv (pip install uv). Pins that stand already are kept where they still fit: delete a .txt
first to take the newest versions.
"""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).parent

# The CPU build of torch (cp311, manylinux x86-64): not in the registry, so uv cannot know its hash.
TORCH_CPU_SHA256 = "6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b"


def compile_lock(name: str, overrides: Path, done: list[str]) -> str:
    """Resolve NAME.in for every supported Python at once; return the text of NAME.txt."""
    subprocess.run(
        ["uv", "pip", "compile", "--quiet", "--universal", "--python-version=3.11",
         "--fork-strategy=fewest",  # one version for all Pythons, so that results agree
         "--generate-hashes", "--no-header", "--no-annotate", "--override", str(overrides),
         *(f"--constraint={other}.txt" for other in done), f"{name}.in", "-o", f"{name}.txt"],
        cwd=HERE, check=True,
        env={key: value for key, value in os.environ.items() if key != "UV_FIND_LINKS"},
    )  # fmt: skip
    return (HERE / f"{name}.txt").read_text(encoding="utf-8")


def split(lock: str) -> dict[str, str]:
    """Each requirement's lines (pin, hashes) by its name."""
    blocks = re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE)
    return {re.match(r"[a-z0-9._-]+", block).group(): block for block in blocks if block}


def holds(earlier: str | None, lines: str) -> bool:
    """Whether an earlier file has a package wherever `lines` want it, not on Windows alone."""
    if earlier is None:
        return False
    pin = earlier.partition("\\")[0]
    return ";" not in pin or pin == lines.partition("\\")[0]


def write(name: str, source: str, requirements: Iterable[str]) -> None:
    """Write `name`.txt, with a line that says what it is made from."""
    header = f"# Made by lock.py from {source}: see README.md.\n"
    (HERE / f"{name}.txt").write_text(header + "".join(requirements), encoding="utf-8")


def add_cpu_build(base: dict[str, str]) -> None:
    """Let base.txt accept torch's CPU build too, and let cpu.txt ask for it alone."""
    cpu_hash = f"    --hash=sha256:{TORCH_CPU_SHA256}\n"
    pin = base["torch"].partition(" ")[0]
    write("cpu", "base.in", [f"{pin}+cpu \\\n{cpu_hash}"])
    if cpu_hash not in base["torch"]:  # uv keeps the hashes of a pin that stands
        base["torch"] = f"{base['torch'].rstrip()} \\\n{cpu_hash}"


def main() -> None:
    """Lock in the order of installation; what an earlier file holds, a later one leaves out."""
    locked: dict[str, str] = {}
    done: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        overrides = Path(folder) / "overrides.txt"
        # A marker that never holds takes the CUDA packages out of what torch requires.
        cuda = re.findall(r"^[a-z][a-z0-9-]*", (HERE / "cuda.in").read_text("utf-8"), re.MULTILINE)
        overrides.write_text("".join(f'{name} ; python_version < "0"\n' for name in cuda), "utf-8")
        for name in ("build", "base", "cluster", "test", "docs", "cuda"):
            if name == "cuda":
                overrides.write_text("", "utf-8")
            new = split(compile_lock(name, overrides, done))
            if name == "base":
                add_cpu_build(new)
            new = {key: lines for key, lines in new.items() if not holds(locked.get(key), lines)}
            write(name, f"{name}.in", new.values())
            locked = new | locked
            done.append(name)


if __name__ == "__main__":
    main()
