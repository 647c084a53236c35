"""The constants of needq.plan.cost: seconds of a processor by kind of arithmetic, in one run.

    python benchmarks/cost.py                 # what a job computes, on one thread
    python benchmarks/cost.py --run RESULTS   # what its jobs took: rules, seconds and memory
    python benchmarks/draws.py                # what drawing tokens costs

Texts of a sweep are generated, stacked and one by one, and documents are scored, by two models of
random weights: a narrow one, whose calls cost most, and a wide one, whose products do. Five
constants fit the times best, relative to each:

    decode  seconds per 10^9 operations of products by weights, when texts are generated
    gflop   the same when documents are scored: of more rows at once
    weight  seconds per 10^6 weights that a forward pass reads
    call    seconds per block and forward pass
    value   seconds per 10^6 values that are computed one by one: of the stream, the MLP, and logits

Each kind is a process of its own, since torch reads its instruction set when it is imported.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

KINDS = {
    "float32": {},
    "float64": {"precision": "float64"},
    "bfloat16": {"precision": "bfloat16"},
    "float16": {"precision": "float16"},
    "bfloat16, baseline": {
        "precision": "bfloat16",
        "kernels": "eager",
        "instruction_set": "baseline",
    },
    "exact": {"arithmetic": "exact", "precision": "float64", "rng": "keyed"},
}
ROUNDS = 2
CHUNK_ROWS = 128  # of logits (needq.inference.likelihood)


def measure(kind, folders):
    """Rows of a least squares problem: what was done, and the seconds, as JSON."""
    from engine_ways import clocked, interventions, with_backend
    from needq.common.backends import Backend
    from needq.inference.session import choose_instruction_set

    choose_instruction_set(Backend(**KINDS[kind]))
    rows = []
    for folder in map(Path, folders):
        work = json.loads((folder / "work.json").read_text())
        patches = interventions(folder)
        for name, some, scored in (
            ("stacked", patches, False),
            ("alone", patches[:1], False),
            ("scored", patches, True),
        ):
            backend = Backend(**KINDS[kind])
            do = with_backend(backend, scored, folder, work)
            seconds = min(clocked(lambda do=do, s=some: do(s), "cpu")[0] for _ in range(ROUNDS))
            row = {"name": f"{folder.name} {name}", "seconds": seconds}
            rows.append(row | amounts(name, work, len(some)))
    print(json.dumps(rows))


def amounts(name, work, patches):
    """How often each constant counts in what `measure` does."""
    blocks, vocabulary = work["n_blocks"], work["vocabulary"]
    head, block = work["head"] / 2, work["block"] / 2 / blocks  # weights
    # the tree of prefixes: patch k shares k - 1 blocks with the one before
    passed = blocks + sum(blocks - max(0, k - 1) for k in range(1, patches))
    if name == "scored":
        rows, tokens = len(work["documents"]), len(work["documents"][0])
        through, logits = rows * tokens * passed, patches * rows * (tokens - 1)
        calls, read = passed, passed * block + logits / CHUNK_ROWS * head
    else:
        rows, width, new = len(work["prompts"]), len(work["prompts"][0]), work["tokens"]
        through = rows * width * passed + patches * rows * (new - 1) * blocks
        logits, calls = patches * rows * new, blocks * new
        read = new * (blocks * block + head)
    return {
        "gflop" if name == "scored" else "decode": 2 * (through * block + logits * head) / 1e9,
        "weight": read / 1e6,
        "call": calls,
        "value": (through * 14 * work["width"] + logits * vocabulary) / 1e6,
    }


def fit(rows):
    """The constants that fit best, and how far they are off at most."""
    import numpy as np
    from scipy.optimize import nnls

    names = ("decode", "gflop", "weight", "call", "value")
    relative = np.array([[row.get(name, 0) / row["seconds"] for name in names] for row in rows])
    constants, _ = nnls(relative, np.ones(len(rows)))
    fitted = relative @ constants
    return dict(zip(names, constants, strict=True)), max(*fitted, *(1 / fitted))


def of_run(results):
    """A row per rule of what a finished run's jobs took.

    Seconds are of a clock: Snakemake samples processor time every half minute, so it misses up to
    that much of each job. On cores that do nothing else, both are the same.
    """
    found = {}
    for file in sorted((results / "benchmarks").rglob("*.tsv")):
        [row] = list(csv.DictReader(file.open(), delimiter="\t"))
        rule = file.relative_to(results / "benchmarks").parts[0].removesuffix(".tsv")
        found.setdefault(rule, []).append((float(row["s"]), float(row["max_rss"])))
    print("| rule | jobs | seconds | peak MB |\n|---|---:|---:|---:|")
    for rule, jobs in found.items():
        seconds, memory = zip(*jobs, strict=True)
        print(f"| {rule} | {len(jobs)} | {sum(seconds):.1f} | {max(memory):.0f} |")


def main():
    """A line per kind of arithmetic."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--run", type=Path, help="results/RUN of a finished run")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure[0], options.measure[1:])
        return
    if options.run:
        of_run(options.run)
        return
    from engine import machine, prepare_work

    print(machine(options))
    work = argparse.Namespace(seeds=1, blocks=None, tokens=8, alone=1, device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        folders = [Path(folder, name) for name in ("narrow", "wide")]
        for place in folders:
            place.mkdir()
            prepare_work(place.name, place, work)
        for kind in options.kinds:
            command = [sys.executable, __file__, "--measure", kind, *folders]
            environment = os.environ | {"OMP_NUM_THREADS": "1"}
            made = subprocess.run(command, env=environment, check=True, capture_output=True)
            rows = json.loads(made.stdout.splitlines()[-1])
            constants, off = fit(rows)
            words = ", ".join(f"{name} {value:.2g}" for name, value in constants.items())
            times = ", ".join(f"{row['name']} {row['seconds']:.2f}" for row in rows)
            print(f"{kind}: {words}; off by {off:.2f} times at most ({times})", flush=True)


if __name__ == "__main__":
    main()
