"""What probes look for: labels of tokens, made by code from the text alone.

Each rule gives a label to the tokens that it applies to. docs/probes.md lists the rules and their
limits. A token's characters are half-open ranges of its document's text.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence

from needq.metrics.subject_number import TITLES, subjects

Span = tuple[int, int]  # the characters of a token in its document's text
Label = str | None  # None where the rule does not apply

CAPITALISED = re.compile(r"\b[A-Z][a-z]+\b")
WORD = re.compile(r"\b[a-z]+\b")
BEFORE_CAPITAL = frozenset(".!?:;-—–\"'“”‘’(\n")  # after these, any word may have a capital
ENDS, LATER = "ends", "goes on"


def token_spans(
    ids: Sequence[int], decode: Callable[[Sequence[int]], str]
) -> tuple[str, list[Span]]:
    """The text of token ids, and the characters of each token.

    A token's characters are those by which the text of all ids up to it is longer. Of several
    tokens of one character, the first has it.
    """
    text, spans, end = decode(ids), [], 0
    for count in range(1, len(ids) + 1):
        start, end = end, max(end, len(decode(ids[:count])))
        spans.append((start, end))
    return text, spans


def find_names(texts: Sequence[str], least: int, most: int) -> list[str]:
    """Names of people and animals, by the number of texts that they are in: the most frequent.

    A name is a word with a capital inside a sentence that no text has in small letters. Each is in
    `least` texts or more; there are at most `most`.
    """
    small = {word for text in texts for word in WORD.findall(text)}
    inside, found = set(), Counter[str]()
    for text in texts:
        own = set()
        for match in CAPITALISED.finditer(text):
            before = text[: match.start()].rstrip(" ")[-1:]
            if before and before not in BEFORE_CAPITAL:
                inside.add(match[0])
            own.add(match[0])
        found.update(own)
    names = [name for name in found if name in inside and name.lower() not in small | OTHERS]
    names.sort(key=lambda name: (-found[name], name))
    return [name for name in names if found[name] >= least][:most]


# words with a capital that are no names
OTHERS = frozenset(title.lower() for title in TITLES) | frozenset(
    "monday tuesday wednesday thursday friday saturday sunday january february march april may "
    "june july august september october november december christmas english".split()
)


def last_names(text: str, spans: Sequence[Span], names: Collection[str]) -> list[Label]:
    """The name that was mentioned last before each token; None before any, and inside a name."""
    mentions = [match for match in CAPITALISED.finditer(text) if match[0] in names]
    labels: list[Label] = []
    for start, end in spans:
        first = _first_letter(text, start, end)
        inside = any(match.start() < end and first < match.end() for match in mentions)
        before = [match[0] for match in mentions if match.end() <= first]
        labels.append(before[-1] if before and not inside else None)
    return labels


def subject_numbers(text: str, spans: Sequence[Span], names: Collection[str]) -> list[Label]:
    """The number of the sentence's subject, for the tokens after the subject in its sentence."""
    found = list(subjects(text, names))
    labels: list[Label] = []
    for start, end in spans:
        first = _first_letter(text, start, end)
        own = [one.number for one in found if one.start <= first and end <= one.end]
        labels.append(own[0] if own and end > start else None)
    return labels


def sentence_ends(text: str, spans: Sequence[Span]) -> list[Label]:
    """Whether the next token begins with a full stop, an exclamation or a question mark."""
    labels: list[Label] = []
    for start, end in spans[1:]:
        following = text[start:end].lstrip()
        labels.append((ENDS if following[0] in ".!?" else LATER) if following else None)
    return [*labels, None]


def _first_letter(text: str, start: int, end: int) -> int:
    """Where the characters of a token begin, without the white space before its word."""
    return start + len(text[start:end]) - len(text[start:end].lstrip())
