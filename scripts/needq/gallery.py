"""The gallery: every generated text, by prompt and number of blocks replaced."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas
from pandas import DataFrame

NAMES = ["sweep", "intervention", "blocks_replaced", "noise_seed", "prompt", "sample_seed"]


def grid(
    texts: Mapping[str, DataFrame],
    labels: Mapping[str, DataFrame],
    prompts: Sequence[str],
    noise_seed: int | None = None,
) -> list[dict[str, Any]]:
    """All texts by prompt and intervention; those of one noise seed, if that is given.

    `texts` maps a backend to its rows of generate, `labels` one to its rows with `label`, as far as
    there are any. Backends whose texts are equal stand together. Texts of the first noise seed and
    sample seed come first, the others apart. Returns [{prompt, rows: [{intervention, blocks,
    first: [text], others: [text]}]}], each text {noise_seed, sample_seed, backends, label, text}.
    """
    known = {name: _by_key(rows, "label") for name, rows in labels.items()}
    found: dict[int, dict[tuple[int, str], dict[tuple, dict[tuple, list[str]]]]] = {}
    for backend, rows in texts.items():
        for key, text in _by_key(rows, "text").items():
            _, intervention, blocks, noise, prompt, sample = key
            if None not in (noise, noise_seed) and noise != noise_seed:
                continue
            lines = found.setdefault(prompt, {}).setdefault((blocks, intervention), {})
            label = known.get(backend, {}).get(key, "")
            same = lines.setdefault((noise, sample), {})
            same.setdefault((text, label), []).append(backend)
    return [
        {
            "prompt": prompts[prompt],
            "rows": [
                _row(intervention, blocks, lines)
                for (blocks, intervention), lines in sorted(rows.items())
            ],
        }
        for prompt, rows in sorted(found.items())
    ]


def count(samples: Sequence[Mapping[str, Any]]) -> int:
    """How many texts a grid shows."""
    rows = [row for sample in samples for row in sample["rows"]]
    return sum(len(row["first"]) + len(row["others"]) for row in rows)


def _row(intervention: str, blocks: int, lines: Mapping[tuple, Mapping[tuple, list[str]]]):
    """One intervention's texts of one prompt."""
    parts = []
    for noise, sample in sorted(lines, key=lambda seeds: (seeds[0] or 0, seeds[1])):
        parts.append(
            [
                {
                    "noise_seed": noise,
                    "sample_seed": sample,
                    "backends": backends,
                    "label": label,
                    "text": text,
                }
                for (text, label), backends in lines[noise, sample].items()
            ]
        )
    return {
        "intervention": intervention,
        "blocks": blocks,
        "first": parts[0],
        "others": [text for part in parts[1:] for text in part],
    }


def _by_key(rows: DataFrame, column: str) -> dict[tuple, str]:
    """A column's values by what tells texts apart; a missing noise seed is None."""
    keys = [
        [None if pandas.isna(value) else value for value in rows[name].tolist()] for name in NAMES
    ]
    return dict(zip(zip(*keys, strict=True), rows[column], strict=True))
