"""A copy of the project on a config small enough for a test, and Snakemake running in it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
FAKE = ROOT / "tests/workflow/fake"

# 3 interventions (pristine, and block 5 with two noises) x 2 prompts x 2 sample seeds x 6 tokens
TINY = {
    "run": "tiny",
    "sweeps": {"cumulative": {"blocks": [5]}},
    "scored_sweeps": [],
    "noise_seeds": [0, 1],
    "generation": {
        "prompts": ["Once upon a time", "The dog"],
        "sample_seeds": [0, 1],
        "max_new_tokens": 6,
    },
    "evaluation": {"text": "two.txt", "tokens_per_document": 20},
    "probes": {"pairs": 1, "passages": 4},
    "labels": {"texts_per_prompt": 2},
    "compare": {"positions": [0, 2]},
    "ladder": {"backends": ["bfloat16"]},
    "ledger": {
        "pairs": [["one_bf16", "two_bf16"], ["one", "gpu"]],
        "blocks_replaced": [1],
        "noise_seeds": [0, 1],
    },
    "jobs": {"interventions_per_job": 100},
}
# instead of every backend; and decided on CUDA, as a cluster's profile demands
ONE_BACKEND = {
    "compare": {"positions": [0, 2], "pairs": []},
    "ladder": {"backends": []},
    "ledger": {"pairs": []},
    "cuda": False,
}
# all blocks, other matrices, orders and methods, and texts long enough for labels: for the claims
CLAIMS = {
    **ONE_BACKEND,
    "sweeps": {"cumulative": {"blocks": "all", "counts": [1, 12]}}
    | {name: {"counts": [1, 12]} for name in ("keys", "values", "outputs", "from_end", "zero")},
    "scored_sweeps": ["keys", "values", "outputs", "from_end", "single", "zero"],
    "generation": {"max_new_tokens": 12},
    "labels": {"texts_per_prompt": 20},
}
LIMIT = 300  # seconds that a test waits for an event

TEXT = "Lily saw a big dog in the park.\n\nTom had a red ball. He gave it to his friend.\n"


class Project:
    """A copy of the project in a folder of its own, where Snakemake runs."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.results = folder / "results/tiny"

    def configure(self, **changes):
        """Write the config overlay: TINY with `changes` of its keys, one level deep."""
        overlay = {key: value for key, value in TINY.items()}
        for key, value in changes.items():
            both = isinstance(value, dict) and isinstance(overlay.get(key), dict)
            overlay[key] = overlay[key] | value if both else value
        (self.folder / "tiny.yaml").write_text(yaml.safe_dump(overlay), encoding="utf-8")

    def start(self, *arguments, python=sys.executable, **environment):
        """Start Snakemake in a process group of its own, its two streams joined in run.log."""
        env = os.environ | {"CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(FAKE)} | environment
        command = [python, "-m", "snakemake", "--configfile", "tiny.yaml", *arguments]
        with open(self.folder / "run.log", "w", encoding="utf-8") as log:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # a shell that starts the tests in the background makes them ignore SIGINT
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )

    def run(self, *arguments, **environment):
        """Run Snakemake to its end: its exit code and what it said."""
        code = self.start(*arguments, **environment).wait()
        return code, self.said()

    def said(self):
        """What the last run wrote to its two streams."""
        return (self.folder / "run.log").read_text(encoding="utf-8")

    def finish(self, *arguments):
        """Run Snakemake on 2 cores, which has to succeed: what it said."""
        code, said = self.run("--cores", "2", *arguments)
        assert code == 0, said
        return said

    def planned(self, *arguments, **environment):
        """The rules that a dry run would run, each with its number of jobs; {} for nothing."""
        code, said = self.run("--dry-run", "--cores", "2", *arguments, **environment)
        assert code == 0, said
        if "Nothing to be done" in said:
            return {}
        table = said.split("Job stats:")[1].split("\n\n")[0]
        counts = {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", table, re.M)}
        counts.pop("total")
        return counts

    def copy(self, folder: Path):
        """This project with its results and Snakemake's records, times of files included."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Project(folder)

    def produced(self):
        """The bytes of every file of the results that is promised to be the same each time."""
        files = [file for file in self.results.rglob("*") if file.is_file()]
        names = {file.relative_to(self.results): file for file in files}
        return {
            str(name): file.read_bytes()
            for name, file in sorted(names.items())
            if name.parts[0] not in ("logs", "benchmarks", "report.html")
        }


def wait_for(event, run, project):
    """Wait until `event()` is true, which has to happen before the run ends."""
    end = time.monotonic() + LIMIT
    while not event():
        assert run.poll() is None, f"the run ended too early:\n{project.said()}"
        assert time.monotonic() < end, f"nothing in {LIMIT} s:\n{project.said()}"
        time.sleep(0.05)


def interrupt(run, flag):
    """What Ctrl-C does: SIGINT to every process that the terminal started."""
    os.killpg(run.pid, signal.SIGINT)
    assert run.wait(timeout=LIMIT) != 0
    flag.unlink()


def assert_same(found: dict, expected: dict):
    """Compare two results, and name the files that differ instead of printing them."""
    assert sorted(found) == sorted(expected)
    assert [name for name in expected if found[name] != expected[name]] == []


def fresh_project(folder: Path) -> Project:
    """The project's files (tracked, or new and not ignored) and the tiny config, no results."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file() and not name.startswith("tests/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / "two.txt").write_text(TEXT, encoding="utf-8")
    project = Project(folder)
    project.configure()
    return project
