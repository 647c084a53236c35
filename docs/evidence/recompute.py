"""Headline numbers of a default run, computed again in other ways than the library does.

    python docs/evidence/recompute.py results/pocket-gpt2

Points come from the parquet files of the run by plain loops; intervals from a bootstrap that draws
noise seeds and documents again, where the library has a formula; the n-gram model is counted anew;
flips are drawn in a simulation. It fails if a number is not that of the tables.
"""

import bz2
import json
import math
import random
import re
import sys
from collections import Counter, defaultdict
from itertools import pairwise, permutations
from pathlib import Path

from pyarrow import parquet

RUN = Path(sys.argv[1])
ROOT = Path(__file__).parents[2]
DRAWS = 4000
chance = random.Random(0)


def rows(pattern):
    """The rows of parquet files as dictionaries."""
    found = []
    for file in sorted(RUN.glob(pattern)):
        found += parquet.read_table(file).to_pylist()
    return found


def table(name):
    """The rows of a table as dictionaries of text."""
    head, *lines = (RUN / f"tables/{name}.tsv").read_text(encoding="utf-8").splitlines()
    names = head.split("\t")
    return [dict(zip(names, line.split("\t"), strict=True)) for line in lines]


def only(name, **wanted):
    """The one row of a table with these values."""
    [row] = [r for r in table(name) if all(r[k] == str(v) for k, v in wanted.items())]
    return row


EVALUATION = rows("score/cpu/first/*.evaluation.parquet")
PRISTINE = {
    row["document"]: row
    for row in EVALUATION
    if row["sweep"] == "cumulative" and row["blocks_replaced"] == 0
}
DOCUMENTS = sorted(PRISTINE)
SEEDS = sorted({row["noise_seed"] for row in EVALUATION if row["noise_seed"] is not None})


def rises(sweep, blocks=None, block=None):
    """The rise of nll by (noise seed, document) of an intervention of the reference backend."""
    return {
        (row["noise_seed"], row["document"]): row["nll"] - PRISTINE[row["document"]]["nll"]
        for row in EVALUATION
        if row["sweep"] == sweep
        and row["blocks_replaced"] > 0
        and blocks in (None, row["blocks_replaced"])
        and block in (None, row["block"])
    }


def mean(values):
    """The mean."""
    values = list(values)
    return math.fsum(values) / len(values)


def bootstrap(statistic):
    """A 95% interval: noise seeds and documents are drawn again, each with replacement.

    Two factors that are both drawn again vary a little too much (Owen 2007), so it is a check of
    about 10 to 20%, not more.
    """
    found = []
    for _ in range(DRAWS // 10):
        seeds = chance.choices(SEEDS, k=len(SEEDS))
        documents = chance.choices(DOCUMENTS, k=len(DOCUMENTS))
        found.append(statistic(seeds, documents))
    found.sort()
    return found[int(0.025 * len(found))], found[int(0.975 * len(found)) - 1]


def check(name, ours, theirs, tolerance):
    """Print a line; fail if two numbers differ by more than the tolerance."""
    fine = abs(ours - theirs) <= tolerance
    print(f"| {name} | {theirs:.4g} | {ours:.4g} | {'yes' if fine else 'NO'} |")
    if not fine:
        FAILED.append(name)


FAILED = []


def damage():
    """Rises by 6 and 12 blocks, one of them with its interval."""
    row = only("degradation", backend="cpu", sweep="cumulative", blocks_replaced=0)
    check("nll, pristine", mean(r["nll"] for r in PRISTINE.values()), float(row["nll"]), 1e-5)
    for blocks in (1, 6, 12):
        own = rises("cumulative", blocks)
        row = only("degradation", backend="cpu", sweep="cumulative", blocks_replaced=blocks)
        check(f"rise, {blocks} blocks", mean(own.values()), float(row["rise"]), 1e-5)
    low, high = bootstrap(lambda seeds, ids: mean(own[s, d] for s in seeds for d in ids))
    width = float(row["rise_high"]) - float(row["rise_low"])
    check("rise, 12 blocks: low", low, float(row["rise_low"]), 0.25 * width)
    check("rise, 12 blocks: high", high, float(row["rise_high"]), 0.25 * width)
    late = [
        r["nll_from_100"] - PRISTINE[r["document"]]["nll_from_100"]
        for r in EVALUATION
        if r["sweep"] == "cumulative"
        and r["blocks_replaced"] == 12
        and r.get("nll_from_100") is not None
    ]
    if late:
        check("rise from token 100 on, 12 blocks", mean(late), float(row["rise_from_100"]), 1e-5)


def matrices():
    """W_K beside W_Q with b_Q; all blocks beside the sum of single ones; orders; participation."""
    steps = sorted({r["blocks_replaced"] for r in EVALUATION if r["sweep"] == "keys"} - {0})
    keys = mean(v for count in steps for v in rises("keys", count).values())
    queries = mean(v for count in steps for v in rises("with_bias", count).values())
    row = claim("damage by replacing W_K / damage by replacing W_Q and b_Q")
    check("W_K / (W_Q and b_Q)", keys / queries, float(row["estimate"]), 1e-4)
    single = [mean(rises("single", block=block).values()) for block in range(12)]
    ratio = mean(rises("cumulative", 12).values()) / sum(single)
    row = claim("damage by replacing W_Q of all blocks / sum of damages")
    check("all blocks / sum of single blocks", ratio, float(row["estimate"]), 1e-4)
    share = sum(single) ** 2 / sum(d**2 for d in single) / 12
    row = claim("effective number of blocks that share the damage")
    # the library subtracts from the sum of squares what chance adds
    check("effective share of blocks", share, float(row["estimate"]), 0.01)
    first = mean(rises("cumulative", 6).values())
    for sweep, words in (("from_end", "last"), ("at_random", "random")):
        row = claim(f"damage of 6 blocks .*{words}.* / damage of the first 6")
        other = mean(rises(sweep, 6).values())
        check(f"6 {words} blocks / first 6", other / first, float(row["estimate"]), 1e-4)


def claim(pattern):
    """The row of claims.tsv whose test fits a pattern."""
    [row] = [row for row in table("claims") if re.match(pattern, row["test"])]
    return row


def bigrams():
    """The nll of a bigram model with modified Kneser-Ney smoothing, counted with dictionaries."""
    sys.path.insert(0, str(ROOT / "scripts"))
    from needq.backup.encoder import Encoder

    encoder = Encoder(RUN / "backup/tokenizer.json", 4000)
    held_out = set((ROOT / "resources/texts/stories.txt").read_text().strip().split("\n\n"))
    packed = (ROOT / "resources/pocket-gpt2/corpus.txt.bz2").read_bytes()
    corpus = bz2.decompress(packed).decode("utf-8").splitlines()
    pairs = Counter()
    for story in corpus:
        if story not in held_out:
            ids = [0, *encoder.ids(story, "a story"), 0]
            pairs.update(pairwise(ids))
    contexts = Counter(new for _, new in pairs)
    unigram = interpolate([((), token, count) for token, count in contexts.items()], None)
    bigram = interpolate([((old,), new, count) for (old, new), count in pairs.items()], unigram)
    tokens = json.loads((RUN / "backup/tokens.json").read_text())["documents"]
    nll = [mean(-math.log(bigram((old,), new)) for old, new in pairwise(ids)) for ids in tokens]
    row = only("baselines", n=2)
    check("nll of a bigram model", mean(nll), float(row["nll"]), 0.002)


def interpolate(counted, lower):
    """Modified Kneser-Ney (Chen and Goodman 1998) of (context, token, count) and a lower order."""
    of_count = Counter(min(count, 4) for _, _, count in counted)
    y = of_count[1] / (of_count[1] + 2 * of_count[2])
    discounts = [n - (n + 1) * y * of_count[n + 1] / max(of_count[n], 1) for n in (0, 1, 2, 3)]
    discounts[0] = 0
    if min(discounts[1:]) <= 0:  # too few words to tell: those that KenLM falls back to
        discounts = [0, 0.5, 1.0, 1.5]
    total, left, shares = Counter(), Counter(), {}
    for context, token, count in counted:
        discount = discounts[min(count, 3)]
        total[context] += count
        left[context] += discount
        shares[context, token] = count - discount

    def probability(context, token):
        below = lower(context[1:], token) if lower else 1 / 4000
        if not total[context]:
            return below
        return (shares.get((context, token), 0) + left[context] * below) / total[context]

    return probability


def texts():
    """The share of near normal texts, and the flips of bfloat16, drawn in a simulation."""
    labels = defaultdict(list)
    for r in rows("labels/cpu.parquet"):
        labels[r["sweep"], r["block"]].append(r)
    one = [
        r["label"] == "near normal" for r in labels["cumulative", None] if r["blocks_replaced"] == 1
    ]
    row = only("labels", backend="cpu", sweep="cumulative", blocks_replaced=1, label="near normal")
    check("near normal, 1 block", mean(one), float(row["share"]), 1e-6)
    alone = [
        mean([r["label"] == "near normal" for r in own])
        for (sweep, block), own in labels.items()
        if sweep == "single" and block is not None
    ]
    test = "share of texts labelled near normal, each block in turn"
    [row] = [r for r in table("claims") if r["test"].startswith(test)]
    check("near normal, the worst block alone", min(alone), float(row["estimate"]), 1e-6)
    name = ("intervention", "noise_seed", "prompt", "sample_seed")
    exact, half = (
        {tuple(r[k] for k in name): r for r in rows(f"generate/{backend}/first/*.parquet")}
        for backend in ("exact", "cpu_keyed_bf16")
    )
    differing = sum(exact[key]["tokens"] != half[key]["tokens"] for key in exact)
    [row] = [
        r for r in table("flips") if r["right"] == "cpu_keyed_bf16" and not r["blocks_replaced"]
    ]
    check("texts in which bfloat16 diverges", differing, float(row["diverged"]), 0)
    squares = defaultdict(list)
    for r in rows("diff/exact-cpu_keyed_bf16/*.parquet"):
        if r["logit_error"] is not None:
            squares[r["blocks_replaced"]].append(r["logit_error"] ** 2)
    error = {blocks: math.sqrt(mean(values)) for blocks, values in squares.items()}
    flipped = 0
    for _ in range(DRAWS // 40):
        for text in exact.values():
            s = error[text["blocks_replaced"]]
            leads = zip(text["margins"], text["exits"], text["entries"], strict=True)
            # each lead is lost if an error of its own exceeds it
            flipped += any(chance.gauss(0, s) > lead for three in leads for lead in three)
    deviation = math.sqrt(float(row["predicted"]) / (DRAWS // 40))
    simulated = flipped / (DRAWS // 40)
    check("texts in which it should", simulated, float(row["predicted"]), 4 * deviation)


def items():
    """How many items were selected, and how many of them the pristine model gets right."""
    pool = table("items")
    wanted = sum(r["right"] == "1" and float(r["ngram_right"]) < 1 for r in pool)
    check("items right, and not by a 5-gram", wanted, selected(pool), 0)


def selected(pool):
    """How many items the run selected."""
    return sum(r["selected"] in ("1", "True", "true") for r in pool)


def shapley():
    """The Shapley shares of the ledger, as means over the orders of the causes."""
    for left, right in sorted({(r["left"], r["right"]) for r in table("ledger")}):
        corners = {
            frozenset() if r["corner"] in ("", "none") else frozenset(r["corner"].split(" + ")): r
            for r in table("ledger_corners")
            if (r["left"], r["right"]) == (left, right)
        }
        share = {causes: float(r["diverged_share"]) for causes, r in corners.items()}
        share.setdefault(frozenset(), 0.0)
        causes = sorted(max(share, key=len))
        for cause in causes:
            added = []
            for order in permutations(causes):
                before = frozenset(order[: order.index(cause)])
                added.append(share[before | {cause}] - share[before])
            row = only("ledger", left=left, right=right, cause=cause, effect="share")
            name = f"Shapley share of {cause}, {left} and {right}"
            check(name, mean(added), float(row["estimate"]), 1e-5)


if __name__ == "__main__":
    print("| number | in the tables | computed again | agree |")
    print("|---|---:|---:|---|")
    for part in (damage, matrices, bigrams, texts, items, shapley):
        part()
    if FAILED:
        sys.exit(f"{len(FAILED)} numbers differ: {', '.join(FAILED)}")
