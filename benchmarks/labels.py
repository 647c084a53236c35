"""Print how well labels are told apart, by length of text and number of controls (docs/labels.md).

    PYTHONPATH=scripts python benchmarks/labels.py results/pocket-gpt2

The run is one of the default config; its own texts (backend cpu) are labelled, too.
"""

import sys
from pathlib import Path

import pandas
import yaml
from needq.common import tables
from needq.common.files import read_json
from needq.inference.backend import load, prepare
from needq.inference.generate import generate
from needq.inference.sampling import Row
from needq.inference.score import token_nlls
from needq.metrics import calibration, labels

SEEDS = range(100)  # of 6 prompts: 600 texts, 300 of them held out


def main(run: Path) -> None:
    """Make the texts once, cut them to each length, and fit and evaluate there."""
    config = yaml.safe_load(Path("config.yaml").read_text(encoding="utf-8"))
    backend, settings = config["backends"]["cpu"], config["generation"]
    prepare(backend)
    model = load(run / "backup", backend)
    tokens = read_json(run / "backup/tokens.json")
    vocabulary = read_json(run / "backup/config.json")["vocab_size"]

    def nlls(rows: list) -> list:
        return [values.numpy() for values in token_nlls(model, rows, backend["batch"])]

    work = [
        Row(ids, f"control {index}", seed, index)
        for seed in SEEDS
        for index, ids in enumerate(tokens["prompts"])
    ]
    longer = settings | {"max_new_tokens": 100}
    continuations = generate(model, work, longer, tokens["end"], backend)
    for length in (20, 32, 64, 100):
        own = [
            (row.ids, made.tokens[:length]) for row, made in zip(work, continuations, strict=True)
        ]
        controls = calibration.controls(own, vocabulary)
        controls["nlls"] = nlls([(own[row.source][0], row.tokens) for row in controls.itertuples()])
        for count in (300, 60, 30):
            kept = controls[controls["held_out"] | (controls["source"] < count)]
            classifier = labels.fit(kept, vocabulary)
            counts = labels.confusion(classifier, kept)
            pairs = [f"{share:.1%}" for share in labels.pair_accuracy(counts).values()]
            print(f"{length} tokens, {count} controls a kind:", *pairs, flush=True)
            if count == 300:
                held_out = classifier.labelled(kept[kept["held_out"]])
                far = ~held_out["typical"].dropna().astype(bool)
                print(counts.to_string(), f"\nheld out that resemble no control: {far.mean():.1%}")
            if (length, count) == (settings["max_new_tokens"], 300):
                texts = tables.read_frame(list(run.glob("generate/cpu/first/*.parquet")))
                texts["nlls"] = nlls(
                    [
                        (tokens["prompts"][row.prompt], list(row.tokens))
                        for row in texts.itertuples()
                    ]
                )
                found = classifier.labelled(texts).fillna("too short")
                print(pandas.crosstab(texts["blocks_replaced"], found["label"]).to_string())
                print("the run's texts resemble a control:", found["typical"].value_counts())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
