"""A copy of the project on a config small enough for a test, and Snakemake running in it."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import yaml
from default_config import DEFAULT

ROOT = Path(__file__).parents[2]
FAKE = ROOT / "tests/workflow/fake"

# 3 interventions (pristine, and block 5 with two noises) x 2 prompts x 2 sample seeds x 6 tokens
TINY = {
    "run": "tiny",
    "sweeps": {
        "cumulative": {"block_order": [5]},
        **{name: {"run": "off"} for name in DEFAULT["sweeps"] if name != "cumulative"},
    },
    "noise_seeds": [0, 1],
    "generation": {
        "prompts": ["Once upon a time", "The dog"],
        "sample_seeds": [0, 1],
        "max_new_tokens": 6,
    },
    "evaluation": {
        "text": "two.txt",
        "tokens_per_document": 20,
        "ngram_text": "resources/texts/evaluation.txt",
    },
    "tasks": {"pairs": 1, "passages": 4},
    "labels": {"texts_per_prompt": 2},
    "divergence": {
        "positions": [0, 2],
        "causes": {
            "pairs": [["cpu_a_bf16", "cpu_b_bf16"], ["cpu_a", "cuda_a"]],
            "blocks_replaced": [0, 1],
            "noise_seeds": [0, 1],
        },
    },
    "jobs": {"interventions_per_job": 100},
}
# What a model could write to be executed by a page that trusts it: the rich run's tokenizer spells
# two letters so.
MARKUP = {
    " ": "<script>window.hacked=1</script>",
    "l": '"><img src=x onerror="window.hacked=1">',
}
# a prompt that would end the report's own script, begin another, and name a wildcard
HOSTILE_PROMPT = "The <b>big</b> {dog}</script><script>window.hacked=document.title=1</script>"
# The one run that most tests read. TINY, and what the claims compare (all blocks; other matrices,
# orders and methods), texts long enough for labels, and a model and a prompt that write markup.
# CUDA is decided, as a cluster's profile demands.
RICH = {
    "model": DEFAULT["model"] | {"location": "hostile"},
    "sweeps": {"cumulative": {"block_order": "forward", "counts": [1, 12]}}
    | {
        name: {"run": "scores", "counts": [1, 12]}
        for name in ("keys", "values", "outputs", "from_end", "zero")
    }
    | {"single": {"run": "scores"}},
    "generation": {"prompts": ["Once upon a time", HOSTILE_PROMPT], "max_new_tokens": 12},
    "labels": {"texts_per_prompt": 20},
    "cuda": False,
}
# the reference backend alone, instead of every backend
ONE_BACKEND = {
    "divergence": {"pairs": [], "precisions": {"backends": []}, "causes": {"pairs": []}},
    "cuda": False,
}
LIMIT = 300  # seconds that a test waits for an event

TEXT = "Lily saw a big dog in the park.\n\nTom had a red ball. He gave it to his friend.\n"


def merged(values: dict, changes: dict) -> dict:
    """`values` with `changes` of its keys, group by group, as Snakemake merges overlays."""
    result = values | changes
    for key, change in changes.items():
        if isinstance(change, dict) and isinstance(values.get(key), dict):
            result[key] = merged(values[key], change)
    return result


class Project:
    """A copy of the project in a folder of its own, where Snakemake runs."""

    def __init__(self, folder: Path, settings: dict):
        self.folder = folder
        self.settings = settings
        self.results = folder / "results/tiny"

    def configure(self, **changes):
        """Write the config overlay: this project's settings with `changes` of its keys."""
        overlay = merged(self.settings, changes)
        (self.folder / "tiny.yaml").write_text(yaml.safe_dump(overlay), encoding="utf-8")

    def start(self, *arguments, python=sys.executable, **environment):
        """Start Snakemake in a process group of its own, its two streams joined in run.log."""
        env = os.environ | {"CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(FAKE)}
        env |= {"OMP_WAIT_POLICY": "PASSIVE"}  # idle threads would take the cores of other tests
        env |= environment
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

    def file(self, pattern):
        """The one file of the results that fits a pattern, seen from the project's folder."""
        (file,) = self.results.glob(pattern)
        return str(file.relative_to(self.folder))

    def remove(self, *patterns):
        """Remove the files and folders of the results that fit patterns; each has to fit some."""
        for pattern in patterns:
            paths = list(self.results.glob(pattern))
            assert paths, pattern
            for path in paths:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

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

    def copy(self, folder: Path, **changes):
        """This project with its results and Snakemake's records, times of files included."""
        logs = shutil.ignore_patterns("*.snakemake.log")
        shutil.copytree(self.folder, folder, symlinks=True, ignore=logs)
        project = Project(folder, merged(self.settings, changes))
        project.configure()
        return project

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
    names = found.keys() | expected.keys()
    differing = sorted(name for name in names if found.get(name) != expected.get(name))
    assert not differing, differing


def write_hostile_model(folder: Path):
    """The bundled model with a tokenizer that spells two letters as markup."""
    shutil.copytree(ROOT / "resources/pocket-gpt2", folder)
    tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    spell = [
        {"type": "Replace", "pattern": {"String": letter}, "content": markup}
        for letter, markup in MARKUP.items()
    ]
    tokenizer["decoder"] = {"type": "Sequence", "decoders": [tokenizer["decoder"], *spell]}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")


def fresh_project(folder: Path) -> Project:
    """The project's files (tracked, or new and not ignored) and the tiny config, no results."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file() and not name.startswith("tests/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / "two.txt").write_text(TEXT, encoding="utf-8")
    write_hostile_model(folder / "hostile")
    project = Project(folder, TINY)
    project.configure()
    return project
