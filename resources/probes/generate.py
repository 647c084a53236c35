"""Write the items of both probes, in both sets: general/ and simple/.

    python generate.py

The same seed gives the same bytes, in any version of Python from 3.11 on.
"""

import json
from pathlib import Path

from probe_items.cloze import meaning_items
from probe_items.phenomena import structure_items
from probe_items.words_general import GENERAL
from probe_items.words_simple import SIMPLE

HERE = Path(__file__).parent
SEED = 0


def made() -> dict[str, str]:
    """The content of each file, by its name relative to this folder."""
    files = {}
    for name, lexicon in (("general", GENERAL), ("simple", SIMPLE)):
        files[f"{name}/structure.jsonl"] = _json_lines(structure_items(lexicon, SEED))
        files[f"{name}/meaning.jsonl"] = _json_lines(meaning_items(name, SEED))
    return files


def _json_lines(items: list[dict]) -> str:
    return "".join(json.dumps(item) + "\n" for item in items)


def main() -> None:
    for name, content in made().items():
        file = HERE / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
