"""The texts of a default run beside those that an NVIDIA H200 wrote (h200-texts/texts.parquet).

    python docs/evidence/compare_h200.py results/pocket-gpt2

Prints, for pairs of a backend here and a backend there, how many of the 366 texts are the same.
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


def texts(files):
    """The tokens of each backend's texts by their key."""
    found = {}
    for file in files:
        for row in parquet.read_table(file).to_pylist():
            own = found.setdefault(row["backend"], {})
            own[tuple(row[name] for name in KEY)] = row["tokens"]
    return found


def main():
    """A row per pair."""
    here = texts(sorted(Path(sys.argv[1]).glob("generate/*/first/*.parquet")))
    there = texts([HERE / "h200-texts/texts.parquet"])
    print("| here | on the H200 and its CPU | same texts | of | tokens |")
    print("|---|---|---:|---:|---:|")
    for left, right in PAIRS:
        if left in here:
            same = sum(here[left][key] == tokens for key, tokens in there[right].items())
            count = sum(map(len, there[right].values()))
            print(f"| {left} | {right} | {same} | {len(there[right])} | {count:,} |")


if __name__ == "__main__":
    main()
