"""Write ../texts/stories.txt, the default evaluation text, and print the default prompts.

    python texts.py

Held-out stories in the order of their sha256: the first ones, up to 4,000 words, begin the text.
The next six give the prompts, their first 14 words each. Those after the six complete the text to
100 stories.
"""

import json

from train import HERE, split

STORIES = HERE.parent / "texts" / "stories.txt"
IN_TEXT = 100  # stories
PROMPTS = 6


def choose(held_out: list[str]) -> tuple[list[str], list[str]]:
    """(stories of the evaluation text, prompts)."""
    words, count = 0, 0
    while words < 4000:
        words += len(held_out[count].split())
        count += 1
    after = count + PROMPTS
    prompts = [" ".join(story.split()[:14]) for story in held_out[count:after]]
    return held_out[:count] + held_out[after : IN_TEXT + PROMPTS], prompts


if __name__ == "__main__":
    settings = json.loads((HERE / "train.json").read_text())
    stories, prompts = choose(split(HERE / "corpus.txt.bz2", settings["held_out"])[1])
    STORIES.write_text("\n\n".join(stories) + "\n", encoding="utf-8")
    print("\n".join(prompts))
