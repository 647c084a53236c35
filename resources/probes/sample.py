"""Print 20 items of each probe and set, as docs/probes.md shows them.

    python sample.py

Not picked: those whose lines in the file have the lowest sha256, in the order of the file.
"""

import hashlib
import json
from pathlib import Path

HERE = Path(__file__).parent
ITEMS = 20


def chosen(file: Path) -> list[dict]:
    """The sample of a file's items."""
    lines = file.read_text(encoding="utf-8").splitlines()
    lowest = set(sorted(lines, key=lambda line: hashlib.sha256(line.encode()).hexdigest())[:ITEMS])
    return [json.loads(line) for line in lines if line in lowest]


def structure(name: str) -> str:
    rows = [
        f"| `{item['UID']}` | {item['sentence_good']} | {item['sentence_bad']} |"
        for item in chosen(HERE / name / "structure.jsonl")
    ]
    head = [f"### Structure, {name}", "", "| phenomenon | grammatical | not |", "|---|---|---|"]
    return "\n".join([*head, *rows])


def meaning(name: str) -> str:
    rows = []
    for item in chosen(HERE / name / "meaning.jsonl"):
        passage, _, answer = item["text"].rpartition(" ")
        rows.append(
            f"| `{item['kind']}` | {passage} | **{answer}** | {', '.join(item['distractors'])} |"
        )
    head = ["| kind | passage | answer | distractors |", "|---|---|---|---|"]
    return "\n".join([f"### Meaning, {name}", "", *head, *rows])


def sample() -> str:
    return "\n\n".join(
        make(name) for make in (structure, meaning) for name in ("general", "simple")
    )


if __name__ == "__main__":
    print(sample())
