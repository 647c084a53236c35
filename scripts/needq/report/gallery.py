"""The gallery: every generated text, by prompt and number of blocks replaced."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas
from pandas import DataFrame, Series

from needq.common.keys import UNLABELLED

# texts of one prompt, intervention, noise and draw: each with its backends and its labels
Cards = dict[str, tuple[list[str], dict[str, None]]]
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
    known = {
        name: _by_key(rows.assign(label=rows["label"].fillna(UNLABELLED)), "label")
        for name, rows in labels.items()
    }
    found: dict[int, dict[tuple[int, str], dict[tuple, Cards]]] = {}
    for backend, rows in texts.items():
        for key, text in _by_key(rows, "text").items():
            _, intervention, blocks, noise, prompt, sample = key
            if None not in (noise, noise_seed) and noise != noise_seed:
                continue
            lines = found.setdefault(prompt, {}).setdefault((blocks, intervention), {})
            label = known.get(backend, {}).get(key, "")
            names, own = lines.setdefault((noise, sample), {}).setdefault(text, ([], {}))
            names.append(backend)
            own |= {label: None} if label else {}
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


def _row(intervention: str, blocks: int, lines: Mapping[tuple, Cards]):
    """One intervention's texts of one prompt."""
    parts = []
    for noise, sample in sorted(lines, key=lambda seeds: (seeds[0] or 0, seeds[1])):
        parts.append(
            [
                {
                    "noise_seed": noise,
                    "sample_seed": sample,
                    "backends": backends,
                    "label": " or ".join(own),
                    "text": text,
                }
                for text, (backends, own) in lines[noise, sample].items()
            ]
        )
    return {
        "intervention": intervention,
        "blocks": blocks,
        "first": parts[0],
        "others": [text for part in parts[1:] for text in part],
    }


def _values(column: Series) -> list[Any]:
    """A column's values, whole numbers as such and None where one is missing."""
    if pandas.api.types.is_numeric_dtype(column):
        return [None if pandas.isna(value) else int(value) for value in column]
    return column.tolist()


def _by_key(rows: DataFrame, column: str) -> dict[tuple, str]:
    """A column's values by what tells texts apart; a missing noise seed is None."""
    keys = [_values(rows[name]) for name in NAMES]
    return dict(zip(zip(*keys, strict=True), rows[column], strict=True))


def parted(summary: DataFrame) -> dict[str, list[tuple[str, str]]]:
    """The pairs of different backends that part under each intervention."""
    apart = summary[(summary["left"] != summary["right"]) & (summary["identical"] < 1)]
    found: dict[str, list[tuple[str, str]]] = {}
    for row in apart.itertuples(index=False):
        found.setdefault(row.intervention, []).append((row.left, row.right))
    return found
