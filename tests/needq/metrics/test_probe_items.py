"""The items of probes: balanced, in two folds, with control labels that words decide."""

from collections import Counter

import pytest
from needq.common.errors import UserError
from needq.common.probes import ENDING, NAME, NUMBER, POSITION, PREVIOUS, PROPERTIES
from needq.metrics import probe_items as module
from needq.metrics.probe_items import (
    candidates,
    fold_of_documents,
    frequent_previous,
    probe_items,
)

BEGIN = 0
TEXTS = [
    f"One day, {name} saw a {kind}. The {kind} was big and {name} was happy. They ran to {other}. "
    * 3
    for name, other in [("Lily", "Tim"), ("Tim", "Lily")] * 8
    for kind in ("dog", "cats")
]
WORDS = sorted(
    {word for text in TEXTS for word in text.replace(".", " .").replace(",", " ,").split()}
)


def encode(text):
    """A token for each word and sign, the begin token first."""
    words = text.replace(".", " .").replace(",", " ,").split()
    return [BEGIN, *(WORDS.index(word) + 1 for word in words)]


def decode(ids):
    """Words with spaces between them, but before signs."""
    return "".join(
        WORDS[token - 1] if place == 0 or WORDS[token - 1] in ".," else f" {WORDS[token - 1]}"
        for place, token in enumerate(ids)
    )


DOCUMENTS = [encode(text) for text in TEXTS]


@pytest.fixture(scope="module")
def items():
    return probe_items(DOCUMENTS, decode)


def own(items, name):
    return [item for item in items if item["property"] == name]


def test_every_property_has_items(items):
    assert list(dict.fromkeys(item["property"] for item in items)) == list(PROPERTIES)


def test_candidates_say_what_is_in_the_text():
    found = candidates(DOCUMENTS[:1], decode)
    ids = DOCUMENTS[0]
    for name in (PREVIOUS, NUMBER, ENDING, POSITION):
        assert found[name]
    assert all(label == str(token) for _, token, label in found[POSITION])
    for _, token, label in found[PREVIOUS]:
        assert token >= 2  # the begin token is before the first one
        assert label == str(ids[token - 1])
    for _, token, label in found[ENDING]:
        ends = WORDS[ids[token + 1] - 1] == "."
        assert label == ("ends" if ends else "goes on")
    # a name of one document is no class
    assert found[NAME] == []
    assert {label for _, _, label in candidates(DOCUMENTS, decode)[NAME]} == {"Lily", "Tim"}


def test_the_previous_token_is_one_of_the_most_frequent(monkeypatch):
    monkeypatch.setattr(module, "PREVIOUS_TOKENS", 2)
    counts = Counter(token for ids in DOCUMENTS for token in ids[1:-1])
    assert frequent_previous(DOCUMENTS) == {token for token, _ in counts.most_common(2)}
    labels = {label for _, _, label in candidates(DOCUMENTS, decode)[PREVIOUS]}
    assert labels == {str(token) for token, _ in counts.most_common(2)}


def test_classes_are_equally_frequent_and_in_both_folds(items):
    for name in (PREVIOUS, NAME, NUMBER, ENDING):
        counts = Counter(item["target"] for item in own(items, name))
        assert len(counts) > 1
        assert len(set(counts.values())) == 1
        assert sorted(counts) == list(range(len(counts)))
        assert len({(item["label"], item["target"]) for item in own(items, name)}) == len(counts)
        for fold in (0, 1):
            assert {i["target"] for i in own(items, name) if i["fold"] == fold} == set(counts)
    assert all(item["target"] == item["token"] for item in own(items, POSITION))


def test_no_property_has_more_items_than_it_may(monkeypatch):
    monkeypatch.setattr(module, "ITEMS", 100)
    few = probe_items(DOCUMENTS, decode)
    assert Counter(item["property"] for item in few) == {
        **{NAME: 100, NUMBER: 100, ENDING: 100, POSITION: 100},
        PREVIOUS: 100 // 6 * 6,
    }
    everything = candidates(DOCUMENTS, decode)
    for item in few:
        assert (item["document"], item["token"], item["label"]) in everything[item["property"]]


def test_control_labels_are_those_of_words(items):
    for name in PROPERTIES:
        labels = {}
        for item in own(items, name):
            word = DOCUMENTS[item["document"]][item["token"]]
            assert labels.setdefault(word, item["control"]) == item["control"]
        classes = {item["target"] for item in own(items, name)}
        if name == POSITION:
            assert len(set(labels.values())) == len(labels)
            assert all(0 < value < 1 for value in labels.values())
        else:
            assert set(labels.values()) <= classes
            assert len(set(labels.values())) > 1
    # other properties, other labels
    first, second = (
        {(DOCUMENTS[i["document"]][i["token"]], i["control"]) for i in own(items, name)}
        for name in (NUMBER, ENDING)
    )
    assert first != second


def test_documents_are_in_one_fold_each(items):
    folds = fold_of_documents(len(DOCUMENTS))
    assert sorted(folds) == [0] * 16 + [1] * 16
    assert all(item["fold"] == folds[item["document"]] for item in items)
    assert sorted(fold_of_documents(5)) == [0, 0, 0, 1, 1]


def test_items_are_the_same_every_time(items):
    assert probe_items(DOCUMENTS, decode) == items


def test_a_property_without_enough_tokens_is_left_out():
    few = probe_items(DOCUMENTS[:4], decode)
    assert NAME not in {item["property"] for item in few}
    assert POSITION in {item["property"] for item in few}


def test_a_text_that_is_too_short_is_refused():
    with pytest.raises(UserError, match=r"^evaluation\.text: 2 documents are too few for probes"):
        probe_items([ids[:15] for ids in DOCUMENTS[:2]], decode)
