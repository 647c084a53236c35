"""The gallery: all generated texts, by prompt, sweep and number of blocks replaced."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas
from pandas import DataFrame, Series

from needq.common.keys import UNLABELLED
from needq.report.content import Row, Sample, Text
from needq.report.pages import Pages

LARGEST = 1_000_000  # bytes; a larger page has the texts of one noise seed, of later sweeps first
Key = tuple[str, str, int, int | None, int, int]  # the values of NAMES of a text
Seeds = tuple[int | None, int]  # the noise seed and the sample seed of a text
# texts of one prompt, intervention, noise seed and sample seed, with their backends and labels
Cards = dict[str, tuple[list[str], dict[str, None]]]
NO_PAIRS: Mapping[str, Sequence[tuple[str, str]]] = {}
NAMES = ["sweep", "intervention", "blocks_replaced", "noise_seed", "prompt", "sample_seed"]


def grid(
    texts: Mapping[str, DataFrame],
    labels: Mapping[str, DataFrame],
    prompts: Sequence[str],
    noise_seed: int | None = None,
    diverging: Mapping[str, Sequence[tuple[str, str]]] = NO_PAIRS,
    whole: str | None = None,
) -> list[Sample]:
    """All texts by prompt, sweep and intervention, or only those of one noise seed.

    The sweep `whole` has those of all noise seeds. Sweeps are in the order of their texts.
    `diverging` are the pairs of `diverging_pairs`; a row has those whose texts diverge there.
    `texts` maps a backend to its rows of schemas.TEXTS; `labels` maps a backend to rows with
    `label`, if it has any. Backends that wrote the same text share an entry. Texts of the first
    noise seed and sample seed are apart from the others.
    """
    known = {
        name: _by_key(rows.assign(label=rows["label"].fillna(UNLABELLED)), "label")
        for name, rows in labels.items()
    }
    by_prompt: dict[int, dict[tuple[int, int, str], dict[Seeds, Cards]]] = {}
    sweeps: dict[str, int] = {}
    for backend, rows in texts.items():
        for key, text in _by_key(rows, "text").items():
            sweep, intervention, blocks, noise, prompt, sample = key
            order = (sweeps.setdefault(sweep, len(sweeps)), blocks, intervention)
            if sweep != whole and None not in (noise, noise_seed) and noise != noise_seed:
                continue
            lines = by_prompt.setdefault(prompt, {}).setdefault(order, {})
            label = known.get(backend, {}).get(key, "")
            names, own = lines.setdefault((noise, sample), {}).setdefault(text, ([], {}))
            names.append(backend)
            own |= {label: None} if label else {}
    return [
        {
            "prompt": prompts[prompt],
            "rows": [
                _row(intervention, blocks, lines, diverging.get(intervention, []))
                for (_, blocks, intervention), lines in sorted(rows.items())
            ],
        }
        for prompt, rows in sorted(by_prompt.items())
    ]


def write_gallery(
    page: Pages,
    texts: Mapping[str, DataFrame],
    labels: Mapping[str, DataFrame],
    prompts: Sequence[str],
    noise_seeds: Sequence[int],
    summary: DataFrame,
) -> str:
    """The page of all texts, or of the first noise seed where it would be larger than LARGEST.

    First texts of other noise seeds are left out in all sweeps but the first one, then there too.
    `texts` and `labels` are as for `grid`; `summary` is divergence_summary.tsv.
    """
    diverging = diverging_pairs(summary)
    sweeps = list(dict.fromkeys(sweep for rows in texts.values() for sweep in rows["sweep"]))

    def with_texts(noise_seed: int | None, whole: str | None, left_out: str) -> str:
        samples = grid(texts, labels, prompts, noise_seed, diverging, whole)
        return page.gallery(samples, count(samples), left_out)

    written = with_texts(None, None, "")
    seed, many = noise_seeds[0], "since there are too many for one page"
    if len(written.encode()) > LARGEST and len(sweeps) > 1:
        where = f"in the sweep {sweeps[0]} of all noise seeds, elsewhere of {seed} alone"
        written = with_texts(seed, sweeps[0], f"{where}, {many}")
    if len(written.encode()) > LARGEST:
        written = with_texts(seed, None, f"only of noise seed {seed}, {many}")
    return written


def count(samples: Sequence[Sample]) -> int:
    """The number of texts in a grid."""
    rows = [row for sample in samples for row in sample["rows"]]
    return sum(len(row["first"]) + len(row["others"]) for row in rows)


def _row(
    intervention: str,
    blocks: int,
    lines: Mapping[Seeds, Cards],
    pairs: Sequence[tuple[str, str]],
) -> Row:
    """The texts of one intervention and one prompt, and the `pairs` whose first ones diverge."""
    parts: list[list[Text]] = []
    for noise, sample in sorted(lines, key=lambda seeds: (seeds[0] or 0, seeds[1])):
        parts.append(
            [
                {
                    "noise_seed": noise,
                    "sample_seed": sample,
                    "backends": backends,
                    "labels": list(own),
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
        "diverging": [pair for pair in pairs if _apart(parts[0], *pair)],
    }


def _apart(texts: Sequence[Text], left: str, right: str) -> bool:
    """Whether two backends wrote different texts from the same prompt and seeds."""
    written = [
        {name: place for place, text in enumerate(texts) for name in text["backends"]}.get(backend)
        for backend in (left, right)
    ]
    return None not in written and written[0] != written[1]


def _values(column: Series) -> list[Any]:
    """The values of a column: numbers as whole numbers, None where a value is missing."""
    if pandas.api.types.is_numeric_dtype(column):
        return [None if pandas.isna(value) else int(value) for value in column]
    return column.tolist()


def _by_key(rows: DataFrame, column: str) -> dict[Key, str]:
    """The values of a column by the key of their text; a missing noise seed is None."""
    keys = [_values(rows[name]) for name in NAMES]
    return dict(zip(zip(*keys, strict=True), rows[column], strict=True))


def diverging_pairs(summary: DataFrame) -> dict[str, list[tuple[str, str]]]:
    """The pairs of different backends whose texts diverge, for each intervention."""
    diverging = summary[(summary["left"] != summary["right"]) & (summary["identical"] < 1)]
    pairs: dict[str, list[tuple[str, str]]] = {}
    for row in diverging.itertuples(index=False):
        pairs.setdefault(row.intervention, []).append((row.left, row.right))
    return pairs
