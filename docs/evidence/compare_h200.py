"""The texts of a default run beside those that an NVIDIA H200 wrote.

    python docs/evidence/compare_h200.py results/pocket-gpt2

Prints, for pairs of a backend here and a backend there, how many texts are the same: the 366 texts
of each backend (h200-texts/texts.parquet), and those of the ledger of causes for which the H200
drew the tokens, and the noise too (pocket-gpt2-cuda/cuda_a_texts.parquet).
"""

import sys
from pathlib import Path

from pyarrow import parquet

HERE = Path(__file__).parent
KEY = ("intervention", "noise_seed", "prompt", "sample_seed")
# a backend of this run, and one of the run on the H200
PAIRS = [("exact", "exact_cuda"), ("exact", "exact"), ("predicted_cuda", "cuda"), ("cpu", "cpu")]
PAIRS += [("cpu", "cuda"), ("exact", "cuda_keyed"), ("exact", "cuda_keyed_tf32")]
PAIRS += [("exact", "cuda_keyed_fp16"), ("exact", "cuda_keyed_bf16"), ("exact", "cpu_keyed_bf16")]


# the ledger's texts here, whose random numbers are predicted
LEDGER = "ledger/cpu_a-predicted_cuda_a/right/first.parquet"


def texts(files, name="backend"):
    """The tokens of each backend's (or corner's) texts by their key."""
    found = {}
    for file in files:
        for row in parquet.read_table(file).to_pylist():
            own = found.setdefault(row[name], {})
            own[tuple(row[part] for part in KEY)] = row["tokens"]
    return found


def compared(left, right, here, there):
    """A row of the table."""
    same = sum(here[key] == tokens for key, tokens in there.items())
    return f"| {left} | {right} | {same} | {len(there)} | {sum(map(len, there.values())):,} |"


def main():
    """A row per pair."""
    run = Path(sys.argv[1])
    here = texts(sorted(run.glob("generate/*/first/*.parquet")))
    there = texts([HERE / "h200-texts/texts.parquet"])
    print("| here | on the H200 and its CPU | same texts | of | tokens |")
    print("|---|---|---:|---:|---:|")
    for left, right in PAIRS:
        if left in here:
            print(compared(left, right, here[left], there[right]))
    if (run / LEDGER).exists():
        here = texts([run / LEDGER], "corner")
        there = texts([HERE / "pocket-gpt2-cuda/cuda_a_texts.parquet"], "corner")
        for corner, own in here.items():
            backends = (f"{name}, {corner}" for name in ("predicted_cuda_a", "cuda_a"))
            print(compared(*backends, own, there[f"{corner} + arithmetic"]))


if __name__ == "__main__":
    main()
