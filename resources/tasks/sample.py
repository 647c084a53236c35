"""Print 20 items of each task and set, as docs/tasks.md shows them.

    python sample.py

They are not picked by hand: their lines in the file have the lowest sha256. They keep the order of
the file.
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


def grammar(name: str) -> str:
    """The grammar items of a set, as a table of Markdown."""
    rows = [
        f"| `{item['UID']}` | {item['sentence_good']} | {item['sentence_bad']} |"
        for item in chosen(HERE / name / "grammar.jsonl")
    ]
    head = ["| phenomenon | grammatical | not grammatical |", "|---|---|---|"]
    return "\n".join([f"### Grammar, {name}", "", *head, *rows])


def cloze(name: str) -> str:
    """The cloze items of a set, as a table of Markdown."""
    rows = []
    for item in chosen(HERE / name / "cloze.jsonl"):
        passage, _, answer = item["text"].rpartition(" ")
        rows.append(
            f"| `{item['kind']}` | {passage} | **{answer}** | {', '.join(item['distractors'])} |"
        )
    head = ["| kind | passage | answer | distractors |", "|---|---|---|---|"]
    return "\n".join([f"### Cloze, {name}", "", *head, *rows])


def sample() -> str:
    """All four tables."""
    return "\n\n".join(make(name) for make in (grammar, cloze) for name in ("general", "simple"))


if __name__ == "__main__":
    print(sample())
