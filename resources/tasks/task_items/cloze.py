"""The kinds of passages of the cloze task, and how their items are built.

The items come in fours that share their four candidates: each of the four words is the answer once
and a distractor three times. So a rule that looks at nothing but the candidates is right in exactly
a quarter of the items.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from task_items.draw import Draw

Four = list[tuple[str, list[str]]]  # passage with its last word, distractors

PASSAGES = Path(__file__).parent / "passages"


def copies(words: str, frame: str) -> Four:
    """`copy`: the answer was mentioned, the distractors were not.

    The four passages differ in nothing else, so whoever did not read the mention must guess.
    """
    return _four(words.split(), lambda number, word: f"{frame.format(word)} {word}")


def bindings(words: str, owners: str, frame: str) -> Four:
    """`bind`: the answer and one distractor were mentioned, each with its owner.

    Which of the two is meant follows from the owner alone, who is as often the first as the second.
    """
    choices, people = words.split(), owners.split()

    def passage(number: int, word: str) -> str:
        other = choices[(number + 1) % len(choices)]
        things = (word, other) if number % 2 == 0 else (other, word)
        return f"{frame.format(*things, people[number % 2])} {word}"

    return _four(choices, passage)


def inferences(*passages: str) -> Four:
    """`infer`: no candidate was mentioned; the answer follows from what is."""
    words = [passage.rpartition(" ")[2] for passage in passages]
    return _four(words, lambda number, word: passages[number])


def _four(words: list[str], passage: Callable[[int, str], str]) -> Four:
    return [
        (passage(number, word), [other for other in words if other != word])
        for number, word in enumerate(words)
    ]


def _fours(name: str) -> Iterator[tuple[str, Four]]:
    """The fours of a file of passages, with their kind; its sections open with `# kind:`."""
    text = (PASSAGES / f"{name}.txt").read_text(encoding="utf-8")
    for section in text.removeprefix("# ").split("\n\n# "):
        heading, _, body = section.partition("\n")
        kind = heading.partition(":")[0]
        if kind == "infer":
            for block in body.strip().split("\n\n"):
                yield kind, inferences(*block.split("\n"))
        else:
            for line in body.splitlines():
                make = {"copy": copies, "bind": bindings}[kind]
                yield kind, make(*line.split(" | "))


def cloze_items(name: str, seed: int) -> list[dict]:
    """The items of a set; fours stay together, kinds are spread evenly over the file."""
    kinds: dict[str, list[Four]] = {}
    for kind, four in _fours(name):
        kinds.setdefault(kind, []).append(four)
    places = []
    for kind, fours in kinds.items():
        draw, numbers = Draw(seed, kind), tuple(range(len(fours)))
        for place in numbers:
            places.append(((place + 0.5) / len(fours), kind, fours[draw(numbers)]))
    return [
        {"kind": kind, "text": text, "distractors": distractors}
        for _, kind, four in sorted(places)
        for text, distractors in four
    ]
