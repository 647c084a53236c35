"""A made-up run, in the files that the stages before the tables leave: quick, and of known shape.

The numbers only look like a language model's: nll rises with the blocks replaced, texts begin to
loop, and the second backend diverges from the first more and more often.
"""

from pathlib import Path

import numpy
from needq.common import schemas, tables
from needq.common.keys import LABELS, text_hash
from pandas import DataFrame

BLOCKS = 12
PROMPTS = 8
SAMPLE_SEEDS = (0, 1)
NOISE_SEEDS = (0, 1, 2, 3, 4)
DOCUMENTS = 16
NEW_TOKENS = 48
ITEMS = 40
VOCABULARY = 4096
HOSTILE = '<script>alert("x")</script>\t"><img src=x onerror=alert(1)>\nthe end\\'


def keys(blocks, noise_seed):
    return {
        "sweep": "cumulative",
        "intervention": f"q/cumulative/{blocks:02d}",
        "block": None,
        "blocks_replaced": blocks,
        "noise_seed": noise_seed,
    }


def interventions():
    return [keys(0, None)] + [
        keys(blocks, seed) for seed in NOISE_SEEDS for blocks in range(1, BLOCKS + 1)
    ]


def texts(shift):
    """Rows of generate; `shift` names the backend: another one diverges from it in some texts."""
    rows = []
    for intervention in interventions():
        blocks, noise_seed = intervention["blocks_replaced"], intervention["noise_seed"] or 0
        for prompt in range(PROMPTS):
            for sample_seed in SAMPLE_SEEDS:
                rng = numpy.random.default_rng([blocks, noise_seed, prompt, sample_seed])
                variety = max(3, int(400 / (1 + blocks**2)))
                tokens = rng.integers(0, variety, NEW_TOKENS)
                if shift and rng.random() < blocks / 20:
                    start = int(rng.integers(0, NEW_TOKENS))
                    tokens[start:] = rng.integers(variety, 2 * variety, NEW_TOKENS - start)
                text = HOSTILE if blocks == BLOCKS else " ".join(f"word{token}" for token in tokens)
                rows.append(
                    {
                        **intervention,
                        "prompt": prompt,
                        "sample_seed": sample_seed,
                        "tokens": tokens.tolist(),
                        "margins": rng.exponential(0.1, NEW_TOKENS).tolist(),
                        "exits": rng.exponential(2, NEW_TOKENS).tolist(),
                        "entries": [numpy.inf] * NEW_TOKENS,
                        "text": text,
                        "ended": False,
                    }
                )
    return rows


def text_scores(rows):
    """Rows of score's texts."""
    rng = numpy.random.default_rng(7)
    return [
        {
            **{name: row[name] for name in keys(0, 0)},
            "prompt": row["prompt"],
            "sample_seed": row["sample_seed"],
            "tokens": len(row["tokens"]),
            "pristine_nll": 2 + 0.4 * row["blocks_replaced"] + rng.normal(0, 0.3),
        }
        for row in rows
    ]


def answers():
    """Rows of score's tasks: cloze is lost before grammar, and every fourth passage is copied."""
    rng = numpy.random.default_rng(9)
    rows = []
    for intervention in interventions():
        blocks = intervention["blocks_replaced"]
        for task, (chance, half) in {"grammar": (0.5, 8), "cloze": (0.25, 4)}.items():
            right = chance + (0.95 - chance) / (1 + numpy.exp(blocks - half))
            for item in range(ITEMS):
                kind = "copy" if task == "cloze" and item % 4 == 0 else "infer"
                row = {"task": task, "item": item, "kind": kind}
                answer = float(rng.random() < right)
                margin = 4 * (answer - 0.5) + rng.normal() / 4
                rows.append(intervention | row | {"right": answer, "margin": margin})
    return rows


def labels(rows):
    """Rows of labels: the article's quarters; the first sample seed's last texts are too short."""
    found = []
    for row in rows:
        label = LABELS[max(row["blocks_replaced"] - 1, 0) // 3]
        short = row["blocks_replaced"] == BLOCKS and row["sample_seed"] == 0
        label = None if short else label
        names = (*keys(0, 0), "prompt", "sample_seed")
        found.append(
            {name: row[name] for name in names}
            | {"text_hash": text_hash(row["tokens"])}
            | {"label": label}
            | {
                f"{axis}{end}": None if short else row["blocks_replaced"] / 20 + off
                for axis in ("local", "contextual", "repetition")
                for end, off in (("", 0.1), ("_low", 0.0), ("_high", 0.2))
            }
        )
    return found


def nlls(pristine, lost):
    """The nll of 150 tokens and that of each band: less is lost at the beginning."""
    shares = {"0_39": 0.4, "40_99": 1.0, "from_100": 1.48}  # their mean over 150 tokens is 1
    return {"nll": pristine + lost} | {
        f"nll_{band}": pristine + share * lost for band, share in shares.items()
    }


def evaluation():
    """Rows of score's evaluation text."""
    rng = numpy.random.default_rng(8)
    document_effect = rng.normal(0, 0.25, DOCUMENTS)
    rows = []
    for intervention in interventions():
        blocks = intervention["blocks_replaced"]
        noise_effect = rng.normal(0, 0.3) if blocks else 0
        for document in range(DOCUMENTS):
            lost = 6.5 * (1 - numpy.exp(-blocks / 4)) + noise_effect
            lost = abs(lost + rng.normal(0, 0.1)) if blocks else 0.0
            rows.append(
                {
                    **intervention,
                    "document": document,
                    "tokens": 150,
                    "bytes": 620,
                    **nlls(2.1 + document_effect[document], lost),
                    "kl": lost * 1.1,
                    "top1_agreement": float(numpy.exp(-lost)),
                    "logits_sha256": "0" * 64,
                }
            )
    return rows


def divergence(left, right, names):
    """Rows of diff."""
    rows = []
    for first, second in zip(left, right, strict=True):
        pairs = enumerate(zip(first["tokens"], second["tokens"], strict=True))
        place = next((index for index, (a, b) in pairs if a != b), None)
        row = {name: first[name] for name in keys(0, 0)}
        row |= {
            "left": names[0],
            "right": names[1],
            "prompt": first["prompt"],
            "sample_seed": first["sample_seed"],
            "text_hash": text_hash(first["tokens"]),
            "identical": place is None,
            "first_divergent_token": place,
            "tokens": NEW_TOKENS,
            "margin": None if place is None else first["margins"][place],
        }
        if first["sample_seed"] == SAMPLE_SEEDS[0]:
            far = 0.0 if names[0] == names[1] else 1e-5 * (1 + first["blocks_replaced"])
            row |= {"max_abs_logit": far, "max_ulp": far * 1e6, "kl": far**2, "top1_flips": 0}
            row["logit_error"] = far
        rows.append(row)
    return rows


def read(folder: Path, pattern: str) -> DataFrame:
    """The rows of all files of a run that match a pattern."""
    return tables.read_frame(sorted(folder.glob(pattern)))


def stages(folder: Path, backend: str) -> list:
    """What `metrics.degradation` takes for a backend of the run written to `folder`."""
    patterns = ("generate/{}/first/*.parquet", "score/{}/first/*.texts.parquet")
    patterns += ("score/{}/first/*.evaluation.parquet", "score/{}/first/*.tasks.parquet")
    patterns += ("labels/{}.parquet",)
    return [read(folder, one.format(backend)) for one in patterns]


def write(folder: Path, chunk_size: int = 10_000) -> None:
    """Write the run's files under `folder`, in chunks of so many rows."""
    made = {"cpu": texts(0), "cpu_float64": texts(1)}
    for backend, rows in made.items():
        generate, score = folder / f"generate/{backend}/first", folder / f"score/{backend}/first"
        named = {"backend": backend}
        _write(generate, "", _with(named, rows), schemas.TEXTS, chunk_size)
        _write(score, ".texts", _with(named, text_scores(rows)), schemas.TEXT_SCORES, chunk_size)
        _write(score, ".evaluation", _with(named, evaluation()), schemas.EVALUATION, chunk_size)
        _write(score, ".tasks", _with(named, answers()), schemas.TASKS, chunk_size)
        (folder / "labels").mkdir(exist_ok=True)
        tables.write_rows(
            folder / f"labels/{backend}.parquet", _with(named, labels(rows)), schemas.LABELS
        )
    for left, right in (("cpu", "cpu"), ("cpu_float64", "cpu_float64"), ("cpu", "cpu_float64")):
        rows = divergence(made[left], made[right], (left, right))
        _write(folder / f"diff/{left}-{right}", "", rows, schemas.DIVERGENCE, chunk_size)


def _with(named, rows):
    return [named | row for row in rows]


def _write(folder, suffix, rows, schema, chunk_size):
    for start in range(0, len(rows), chunk_size):
        part = rows[start : start + chunk_size]
        tables.write_rows(folder / f"{start:012x}{suffix}.parquet", part, schema)
