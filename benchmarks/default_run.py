"""The wall time of the default run as it was at commit c605f96, with today's needq or that of then.

    python benchmarks/default_run.py                      # this checkout, as committed
    python benchmarks/default_run.py --checkout FOLDER    # another one, by its own default config
    python benchmarks/default_run.py -n                   # only shows that it would start

A clone in a temporary folder is run on two cores, by the .venv of the checkout. Nothing else should
run on the machine meanwhile. A checkout of c605f96 has these settings as its own default, so it
takes no overlay; benchmarks/default_c605f96.yaml says the same in today's words.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
COMMIT = "c605f96"
TEXT = "resources/texts/stories.txt"


def frozen(clone):
    """Write the overlay of the frozen config into a clone; its path there."""
    overlay = yaml.safe_load((ROOT / f"benchmarks/default_{COMMIT}.yaml").read_text())
    today = yaml.safe_load((clone / "config.yaml").read_text())
    for name in today["sweeps"].keys() - overlay["sweeps"].keys():
        overlay["sweeps"][name] = {"run": "off"}
    (clone / "frozen.yaml").write_text(yaml.safe_dump(overlay))
    text = subprocess.check_output(["git", "show", f"{COMMIT}:{TEXT}"], cwd=ROOT)
    (clone / TEXT).write_bytes(text)
    return "frozen.yaml"


def main():
    """Clone, run, and print the wall time."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--checkout", type=Path, help="run its own default config")
    parser.add_argument("--python", help="the Python to run it with, not that of its .venv")
    parser.add_argument("--cores", default="2")
    parser.add_argument("-n", "--dry-run", action="store_true")
    options = parser.parse_args()
    checkout = (options.checkout or ROOT).absolute()
    python = options.python or checkout / ".venv/bin/python"
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder, "needq")
        subprocess.run(["git", "clone", "--quiet", checkout, clone], check=True)
        command = [python, "-m", "snakemake", "--quiet", "rules", "--cores", options.cores]
        if options.checkout is None:
            command += ["--configfile", frozen(clone)]
        else:
            command += ["--config", "cuda=no"]
        command += ["-n"] if options.dry_run else []
        start = time.monotonic()
        code = subprocess.run(command, cwd=clone).returncode
        said = subprocess.check_output(["git", "log", "-1", "--format=%h %s"], cwd=clone, text=True)
        print(f"{said.strip()}: exit {code}, {time.monotonic() - start:.0f} s of wall time")
    sys.exit(code)


if __name__ == "__main__":
    main()
