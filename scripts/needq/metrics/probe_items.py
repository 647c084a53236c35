"""The tokens that probes are trained and tested on, with their labels and control tasks.

The control task of a property gives each word of the vocabulary a random label, the same wherever
the word stands (Hewitt and Liang 2019). A probe that does as well on it has learnt words by heart.
All choices are keyed, so they do not depend on the model, its noise, or the order of work.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from needq.common.errors import UserError
from needq.common.probes import (
    ENDING,
    FOLDS,
    ITEMS,
    NAME,
    NUMBER,
    POSITION,
    PREVIOUS,
    PROPERTIES,
)
from needq.common.rows import ProbeItem
from needq.corrupt.keyed import key, uniform
from needq.metrics.token_labels import (
    Label,
    find_names,
    last_names,
    sentence_ends,
    subject_numbers,
    token_spans,
)

PREVIOUS_TOKENS = 6  # classes of the previous token: the most frequent ones
# classes of the last name: the most frequent ones, of so many documents that both halves have some
NAMES, NAME_DOCUMENTS = 8, 6
EVERY_NAME = 1000  # any name may be a subject
EVERY_PLACE = ""  # the only class of the position
LEAST = 20  # items of a class in each fold; a class with fewer is left out

Candidate = tuple[int, int, str]  # document, token, label


def probe_items(
    documents: Sequence[Sequence[int]], decode: Callable[[Sequence[int]], str]
) -> list[ProbeItem]:
    """The items of every property that the text has enough of, property by property.

    `documents` are token ids, the begin token first. Classes are as frequent as each other, so
    guessing is right as often as there are classes. UserError if no property has enough.
    """
    folds = fold_of_documents(len(documents))
    items: list[ProbeItem] = []
    found = candidates(documents, decode)
    for name in PROPERTIES:
        items += _items(name, found[name], folds, documents)
    if not items:
        raise UserError(
            f"evaluation.text: {len(documents)} documents are too few for probes, which need "
            f"{LEAST} tokens of each label in each half of the documents"
        )
    return items


def candidates(
    documents: Sequence[Sequence[int]], decode: Callable[[Sequence[int]], str]
) -> dict[str, list[Candidate]]:
    """Every token of each property that its rule applies to, with its label.

    A token is named by its place in the ids of its document, where 0 is the begin token. The label
    of the position is the place itself.
    """
    spelled = [token_spans(ids[1:], decode) for ids in documents]
    names = find_names([text for text, _ in spelled], 1, EVERY_NAME)
    shown = find_names([text for text, _ in spelled], NAME_DOCUMENTS, NAMES)
    frequent = frequent_previous(documents)
    found: dict[str, list[Candidate]] = {name: [] for name in PROPERTIES}
    for document, ((text, spans), ids) in enumerate(zip(spelled, documents, strict=True)):
        mentioned = last_names(text, spans, names)
        labels: dict[str, list[Label]] = {
            PREVIOUS: [None, *(str(token) if token in frequent else None for token in ids[1:-1])],
            NAME: [name if name in shown else None for name in mentioned],
            NUMBER: subject_numbers(text, spans, names),
            ENDING: sentence_ends(text, spans),
            POSITION: [str(place) for place in range(1, len(ids))],
        }
        for name, own in labels.items():
            found[name] += [
                (document, place, label) for place, label in enumerate(own, 1) if label is not None
            ]
    return found


def frequent_previous(documents: Sequence[Sequence[int]]) -> set[int]:
    """The tokens that most often stand before another one, the begin token aside."""
    counts = Counter(token for ids in documents for token in ids[1:-1])
    ranked = sorted(counts, key=lambda token: (-counts[token], token))
    return set(ranked[:PREVIOUS_TOKENS])


def fold_of_documents(count: int) -> list[int]:
    """The fold (0 or 1) of each document; the folds are of one size, or of one document more."""
    order = np.argsort(uniform(key("probes", "folds"), count))
    folds = np.empty(count, int)
    folds[order] = np.arange(count) % FOLDS
    return folds.tolist()


def _items(
    name: str,
    found: Sequence[Candidate],
    folds: Sequence[int],
    documents: Sequence[Sequence[int]],
) -> Iterator[ProbeItem]:
    """The items of one property, in the order of the text; none if it has too few."""
    by_class: dict[str, list[Candidate]] = {}
    for place in np.argsort(uniform(key("probes", "items", name), len(found)), kind="stable"):
        label = EVERY_PLACE if name == POSITION else found[place][2]
        by_class.setdefault(label, []).append(found[place])
    classes = sorted(label for label, own in by_class.items() if _enough(own, folds))
    if len(classes) < (1 if name == POSITION else 2):
        return
    most = min(ITEMS // len(classes), *(len(by_class[label]) for label in classes), ITEMS)
    chosen = [(*one, number) for number, c in enumerate(classes) for one in by_class[c][:most]]
    for document, token, label, number in sorted(chosen):
        drawn = uniform(key("probes", "control", name, documents[document][token]), 1)[0]
        yield {
            "property": name,
            "document": document,
            "token": token,
            "fold": folds[document],
            "label": label,
            "target": float(token if name == POSITION else number),
            "control": float(drawn if name == POSITION else int(drawn * len(classes))),
        }


def _enough(found: Sequence[Candidate], folds: Sequence[int]) -> bool:
    """Whether each fold has enough of the candidates of one class."""
    counts = Counter(folds[document] for document, _, _ in found)
    return all(counts[fold] >= LEAST for fold in range(FOLDS))
