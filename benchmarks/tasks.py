"""Accuracy of pristine models on a set of task items, by kind.

    python benchmarks/tasks.py resources/pocket-gpt2 simple
    python benchmarks/tasks.py results/smollm2/backup general
    python benchmarks/tasks.py random simple

A model is a folder as save_pretrained leaves it, for example the workflow's backup. `random` is 20
models of pocket-gpt2's shape and tokenizer with random weights. The intervals of one model are
Wilson's, over items. Those of `random` are t intervals over the models: the items of a kind share
words, and a random model likes some words better than others.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch
from scipy.stats import binomtest, t
from transformers import GPT2Config, GPT2LMHeadModel

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from needq.backup.encoder import Encoder  # noqa: E402
from needq.backup.task_files import read_cloze, read_grammar  # noqa: E402
from needq.backup.tasks import encode  # noqa: E402
from needq.common.backends import Backend  # noqa: E402
from needq.inference.backend import load, prepare  # noqa: E402
from needq.inference.native import NativeModel  # noqa: E402
from needq.inference.task_accuracy import answer_task  # noqa: E402

POCKET = ROOT / "resources/pocket-gpt2"
RANDOM_MODELS = 20
BACKEND = Backend()


def random_model(seed):
    """pocket-gpt2's shape, with the weights that transformers gives a new model."""
    torch.manual_seed(seed)
    return NativeModel(GPT2LMHeadModel(GPT2Config.from_pretrained(POCKET)).eval())


def interval(outcomes):
    """95% limits of the mean of outcomes [model, item]."""
    models, items = outcomes.shape
    if models == 1:
        # a tie is shared, so the sum need not be whole
        limits = binomtest(round(outcomes.sum()), items).proportion_ci(method="wilson")
        return limits.low, limits.high
    means = outcomes.mean(1)
    half = t.ppf(0.975, models - 1) * means.std(ddof=1) / models**0.5
    return means.mean() - half, means.mean() + half


def report(kinds, outcomes):
    """Print one row per kind of item, and one for all."""
    kinds = np.array(kinds)
    names = dict.fromkeys(kinds)
    for name, own in [*((k, outcomes[:, kinds == k]) for k in names), ("all", outcomes)]:
        low, high = interval(own)
        print(f"| {name} | {own.shape[1]} | {own.mean():.3f} | {low:.3f} to {high:.3f} |")


def main():
    """Print the accuracy on both tasks."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", help="a model's folder, or random")
    parser.add_argument("set", choices=["general", "simple"])
    arguments = parser.parse_args()
    prepare(BACKEND)
    if arguments.model == "random":
        folder, models = POCKET, map(random_model, range(RANDOM_MODELS))
    else:
        folder = Path(arguments.model)
        models = [load(folder, BACKEND)]
    vocabulary = json.loads((folder / "config.json").read_text(encoding="utf-8"))["vocab_size"]
    encoder = Encoder(folder / "tokenizer.json", vocabulary)
    items = ROOT / "resources/tasks" / arguments.set
    tasks = [
        encode(read(items / file), encoder, "<|endoftext|>", 256)
        for read, file in ((read_grammar, "grammar.jsonl"), (read_cloze, "cloze.jsonl"))
    ]
    outcomes = [
        [[answer.right for answer in answer_task(model, task, 32)] for task in tasks]
        for model in models
    ]
    print("| kind | items | right | 95% interval |\n|---|---:|---:|---:|")
    for task, own in zip(tasks, zip(*outcomes, strict=True), strict=True):
        report(task.kinds, np.array(own))


if __name__ == "__main__":
    main()
