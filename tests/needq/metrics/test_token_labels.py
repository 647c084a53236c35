"""Labels of tokens, by hand, on tokens that are words, pieces of words, and bytes."""

import re

from hypothesis import given
from hypothesis import strategies as st
from needq.metrics.token_labels import (
    find_names,
    last_names,
    sentence_ends,
    subject_numbers,
    token_spans,
)

NAMES = {"Lily", "Tim"}


def spans(text):
    """Tokens as GPT-2's are: a word with the space before it, a sign, or a word's ending."""
    return [match.span() for match in re.finditer(r" ?[A-Za-z]+|'s|[^\w\s]", text)]


def labelled(rule, text, *more):
    """The tokens that a rule applies to, without spaces, with their labels."""
    found = rule(text, spans(text), *more)
    assert len(found) == len(spans(text))
    return [
        (text[start:end].strip(), label)
        for (start, end), label in zip(spans(text), found, strict=True)
        if label is not None
    ]


def by_bytes(ids):
    return bytes(ids).decode("utf-8", errors="replace")


@given(text=st.text(max_size=40))
def test_spans_of_bytes_part_the_text(text):
    found, own = token_spans(list(text.encode()), by_bytes)
    assert found == text
    assert [start for start, _ in own] == [0, *(end for _, end in own)][:-1]
    assert "".join(text[start:end] for start, end in own) == text


def test_the_first_token_of_a_character_has_it():
    text, own = token_spans(list("aé€".encode()), by_bytes)
    assert (text, own) == ("aé€", [(0, 1), (1, 2), (2, 2), (2, 3), (3, 3), (3, 3)])


def test_names_are_capitals_inside_sentences_that_no_text_has_small():
    texts = [
        "One day, Lily saw a Bear and Tim. The bear ran. Mr Fox saw Tim on Monday.",
        'Then Lily said, "Hello, Tim!" Zoe ran.',
        "And so Tim met Anna.",
    ]
    # Bear is small elsewhere; Zoe and Then begin sentences alone; Mr and Monday are no names
    assert find_names(texts, 1, 10) == ["Tim", "Lily", "Anna", "Fox"]
    assert find_names(texts, 2, 10) == ["Tim", "Lily"]
    assert find_names(texts, 1, 1) == ["Tim"]


def test_the_last_name_before_a_token():
    text = "He saw Lily and Tim's cat. Lily ran."
    assert labelled(last_names, text, NAMES) == [
        *[("and", "Lily"), ("'s", "Tim"), ("cat", "Tim"), (".", "Tim")],
        *[("ran", "Lily"), (".", "Lily")],
    ]


def test_a_piece_of_a_name_has_no_label():
    text = "Lily saw Tim."
    pieces = [(0, 2), (2, 4), (4, 8), (8, 10), (10, 12), (12, 13)]
    assert last_names(text, pieces, NAMES) == [None, None, "Lily", None, None, "Tim"]


def test_the_number_of_the_subject_holds_after_it_in_its_sentence():
    text = "Lily ran. Oh! They sat."
    assert labelled(subject_numbers, text, NAMES) == [
        *[("ran", "singular"), (".", "singular"), ("sat", "plural"), (".", "plural")],
    ]


def test_a_sentence_ends_if_the_next_token_says_so():
    text = 'He ran! "Why?" I sat.'
    assert [label for _, label in labelled(sentence_ends, text)] == [
        *["goes on", "ends", "goes on", "goes on", "ends", "goes on", "goes on", "goes on", "ends"],
    ]
    assert sentence_ends(text, spans(text))[-1] is None
    # a token without characters says nothing
    assert sentence_ends("a.", [(0, 1), (1, 1), (1, 2)]) == [None, "ends", None]
