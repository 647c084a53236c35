"""Write ../texts/stories.txt, the default evaluation text, and print the default prompts.

    python texts.py

Held-out stories in the order of their sha256: the first ones, up to 4,000 words, are the text; the
next six give the prompts, their first 14 words each.
"""

import json

from train import HERE, split

STORIES = HERE.parent / "texts" / "stories.txt"


def choose(held_out: list[str]) -> tuple[list[str], list[str]]:
    """(stories of the evaluation text, prompts)."""
    words, count = 0, 0
    while words < 4000:
        words += len(held_out[count].split())
        count += 1
    prompts = [" ".join(story.split()[:14]) for story in held_out[count : count + 6]]
    return held_out[:count], prompts


if __name__ == "__main__":
    settings = json.loads((HERE / "train.json").read_text())
    stories, prompts = choose(split(HERE / "corpus.txt.bz2", settings["held_out"])[1])
    STORIES.write_text("\n\n".join(stories) + "\n", encoding="utf-8")
    print("\n".join(prompts))
