"""Print how well labels are told apart, and how far damaged shares are known (docs/labels.md).

    PYTHONPATH=scripts python benchmarks/labels.py results/pocket-gpt2

The run is one of the default config. Its own texts (backend cpu) are labelled, too.
"""

import sys
from pathlib import Path

import numpy
import pandas
import yaml
from needq.common import tables
from needq.common.files import read_json
from needq.inference.backend import load, prepare
from needq.inference.generate import pristine_texts
from needq.inference.score import token_nlls
from needq.metrics import calibration, graded, graded_texts, labels
from needq.plan.config import read_config

TEXTS_PER_PROMPT = 50  # for 6 prompts: 300 texts, 150 of them held out
LENGTHS = (100, 32, 64, 20)
SPLITS = 200


def main(run: Path) -> None:
    """Make the texts once, cut them to each length, and fit and evaluate there."""
    config = read_config(yaml.safe_load(Path("config.yaml").read_text(encoding="utf-8")))
    backend, settings = config.divergence.backends["cpu"], config.generation
    prepare(backend)
    model = load(run / "backup", backend)
    tokens = read_json(run / "backup/tokens.json")
    vocabulary = read_json(run / "backup/config.json")["vocab_size"]
    own_references = tables.read_frame([run / "labels/reference_texts.parquet"])
    print_scales(own_references, vocabulary, "the run's reference texts")

    def scored(references: pandas.DataFrame, own: list) -> pandas.DataFrame:
        texts = [(own[text.source][0], text.tokens) for text in references.itertuples()]
        nlls = [values.numpy() for values in token_nlls(model, texts, backend.batch)]
        return references.assign(nlls=nlls)

    longest = pristine_texts(
        model, tokens, settings.changed(max_new_tokens=100), backend, TEXTS_PER_PROMPT
    )
    for length in LENGTHS:
        own = [(prompt, new[:length]) for prompt, new in longest]
        made = calibration.make_reference_texts(own, vocabulary)
        references = scored(graded_texts.with_graded_texts(made, own), own)
        for count in (150, 60, 30):
            kept = references[references["held_out"] | (references["source"] < count)]
            classifier = labels.fit(kept, vocabulary)
            counts = labels.confusion(classifier, kept)
            pairs = [f"{share:.1%}" for share in labels.pair_accuracy(counts).values()]
            none = counts["none of these"].sum() / counts.to_numpy().sum()
            print(
                f"{length} tokens, {count} own texts fitted:", *pairs, f"none of these {none:.1%}"
            )
            if count == 60:
                print(counts.to_string(), flush=True)
        print_scales(references, vocabulary, f"{length} tokens")
    texts = tables.read_frame([run / "labels/cpu.parquet"])
    print(pandas.crosstab(texts["blocks_replaced"], texts["label"].fillna("unlabelled")))
    print(texts.groupby("blocks_replaced")[list(graded.AXES)].mean().round(2).to_string())


def print_scales(references: pandas.DataFrame, vocabulary: int, name: str) -> None:
    """Estimates by true share, and the coverage and half-width of their intervals.

    As in the default run, 60 sources are fitted to, and 30 calibrate, chosen at random many times.
    """
    kept = references[references["held_out"] | (references["source"] < 60)]
    scales = graded.fit_scales(kept, vocabulary)
    new = kept[kept["held_out"] & (kept["tokens"].map(len) >= 8)].reset_index(drop=True)
    found = scales.shares(new)
    for index, axis in enumerate(graded.AXES):
        mine = new["kind"].isin([axis, "own"])
        means = pandas.Series(found[mine, index]).groupby(new["share"][mine].to_numpy()).mean()
        print(f"{name}, {axis}, mean by true share:", *means.round(2).tolist())
        truth, sources = graded.true_shares(new, axis).to_numpy(), new["source"].to_numpy()
        known = ~numpy.isnan(truth)
        truth, estimate, sources = truth[known], found[known, index], sources[known]
        rng, covered, halves = numpy.random.default_rng(0), [], []
        for _ in range(SPLITS):
            calibrate = numpy.isin(sources, rng.permutation(numpy.unique(sources))[:30])
            scale = graded.calibrate(truth[calibrate], estimate[calibrate])
            low, high = graded.likely_shares(estimate[~calibrate], *scale)
            true = truth[~calibrate]
            held = pandas.Series((low <= true + 1e-9) & (true - 1e-9 <= high))
            halves.append(pandas.Series((high - low) / 2).groupby(true).mean())
            covered.append(held.groupby(true).mean())
        for what, values in (("coverage", covered), ("half-width", halves)):
            shown = pandas.DataFrame(values).mean().round(3 if what == "coverage" else 2)
            print(f"{name}, {axis}, {what} by true share:", *shown.tolist(), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
