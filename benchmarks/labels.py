"""Print how well labels are told apart, by length and number of reference texts (docs/labels.md).

    PYTHONPATH=scripts python benchmarks/labels.py results/pocket-gpt2

The run is one of the default config. Its own texts (backend cpu) are labelled, too.
"""

import sys
from pathlib import Path

import pandas
import yaml
from needq.common import tables
from needq.common.files import read_json
from needq.inference.backend import load, prepare
from needq.inference.generate import pristine_texts
from needq.inference.score import token_nlls
from needq.metrics import calibration, labels
from needq.plan.config import read_config

TEXTS_PER_PROMPT = 100  # for 6 prompts: 600 texts, 300 of them held out


def main(run: Path) -> None:
    """Make the texts once, cut them to each length, and fit and evaluate there."""
    config = read_config(yaml.safe_load(Path("config.yaml").read_text(encoding="utf-8")))
    backend, settings = config.divergence.backends["cpu"], config.generation
    prepare(backend)
    model = load(run / "backup", backend)
    tokens = read_json(run / "backup/tokens.json")
    vocabulary = read_json(run / "backup/config.json")["vocab_size"]

    def nlls(texts: list) -> list:
        return [values.numpy() for values in token_nlls(model, texts, backend.batch)]

    longer = settings.changed(max_new_tokens=100)
    longest = pristine_texts(model, tokens, longer, backend, TEXTS_PER_PROMPT)
    for length in (20, 32, 64, 100):
        own = [(prompt, new[:length]) for prompt, new in longest]
        references = calibration.make_reference_texts(own, vocabulary)
        references["nlls"] = nlls(
            [(own[text.source][0], text.tokens) for text in references.itertuples()]
        )
        for count in (300, 60, 30):
            kept = references[references["held_out"] | (references["source"] < count)]
            classifier = labels.fit(kept, vocabulary)
            counts = labels.confusion(classifier, kept)
            pairs = [f"{share:.1%}" for share in labels.pair_accuracy(counts).values()]
            print(f"{length} tokens, {count} reference texts per kind:", *pairs, flush=True)
            if count == 300:
                held_out = classifier.labelled(kept[kept["held_out"]])
                far = ~held_out["in_distribution"].dropna().astype(bool)
                print(counts.to_string())
                print(f"held-out texts that resemble no reference text: {far.mean():.1%}")
            if (length, count) == (settings.max_new_tokens, 300):
                texts = tables.read_frame(list(run.glob("generate/cpu/first/*.parquet")))
                texts["nlls"] = nlls(
                    [
                        (tokens["prompts"][text.prompt], list(text.tokens))
                        for text in texts.itertuples()
                    ]
                )
                labelled = classifier.labelled(texts).fillna("too short")
                print(pandas.crosstab(texts["blocks_replaced"], labelled["label"]).to_string())
                near = labelled["in_distribution"].value_counts()
                print("texts of the run that resemble a reference text:", near)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
