"""Write the items of both tasks, in both sets: general/ and simple/.

    python generate.py

The same seed gives the same bytes, in any version of Python from 3.11 on.
"""

import json
from pathlib import Path

from task_items.cloze import cloze_items
from task_items.phenomena import grammar_items
from task_items.words_general import GENERAL
from task_items.words_simple import SIMPLE

HERE = Path(__file__).parent
SEED = 0


def made() -> dict[str, str]:
    """The content of each file, by its name relative to this folder."""
    files = {}
    for name, lexicon in (("general", GENERAL), ("simple", SIMPLE)):
        files[f"{name}/grammar.jsonl"] = _json_lines(grammar_items(lexicon, SEED))
        files[f"{name}/cloze.jsonl"] = _json_lines(cloze_items(name, SEED))
    return files


def _json_lines(items: list[dict]) -> str:
    return "".join(json.dumps(item) + "\n" for item in items)


def main() -> None:
    """Write all files of items."""
    for name, content in made().items():
        file = HERE / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
