"""The number of the subject, by hand, and by the agreement of the verbs of the bundled stories."""

from pathlib import Path

import pytest
from needq.backup.documents import read_documents
from needq.metrics.subject_number import noun_number, sentences, subjects
from needq.metrics.token_labels import find_names

TEXTS = Path(__file__).parents[3] / "resources/texts"
NAMES = {"Lily", "Tim", "Ben"}


@pytest.mark.parametrize(
    ("text", "number", "rest"),
    [
        ("Lily had a dog.", "singular", "had a dog."),
        ("They were happy!", "plural", "were happy!"),
        ("Suddenly, the big dogs ran away.", "plural", "ran away."),
        ("The little boy in the red shoes was sad.", "singular", "in the red shoes was sad."),
        ("One day, Tim and his mom went home.", "plural", "went home."),
        ("Lily and Ben played. ", "plural", "played."),
        ("The glass was empty.", "singular", "was empty."),
        ("The bus stopped.", "singular", "stopped."),
        ("Two of the cats slept.", "plural", "slept."),
        ("Every night the birds slept.", "plural", "slept."),
        ("The next day, I saw it.", "singular", "saw it."),
        ("The day was sunny.", None, None),
        ("The children always laughed.", "plural", "laughed."),
        ("With the boys, she went on.", "singular", "went on."),
        ("Mr. Fox and Tim saw it.", "singular", "saw it."),
        ("Lily's dogs were big.", "plural", "were big."),
        ("One day, Tim's mom and dad came home.", None, None),
        ("There were many birds.", None, None),
        ("Can you see the birds?", None, None),
        ("You are nice.", None, None),
        ("What a mess!", None, None),
        ("The blue, cold sea was rough.", None, None),
    ],
)
def test_number_and_what_follows_the_subject(text, number, rest):
    found = list(subjects(text, NAMES))
    if number is None:
        assert found == []
    else:
        (subject,) = found
        assert (subject.number, text[subject.start : subject.end]) == (number, rest)


def test_every_sentence_has_its_own_subject():
    text = 'Tim saw a bird. "Hello!" said Tim. The birds flew to Mr. Tim.'
    assert [[word.text for word in one][-2:] for one in sentences(text)][-1] == ["Tim", "."]
    assert [one.number for one in subjects(text, NAMES)] == ["singular", "plural"]


@pytest.mark.parametrize(
    ("noun", "number"),
    [("dogs", "plural"), ("dress", "singular"), ("mice", "plural"), ("octopus", "singular")],
)
def test_nouns_by_their_ending(noun, number):
    assert noun_number(noun) == number


@pytest.mark.parametrize(("text", "least", "wrong"), [("stories", 210, 0), ("evaluation", 35, 3)])
def test_verbs_agree_with_the_rule(text, least, wrong):
    """The rule does not look at a verb's number, so verbs can judge it."""
    documents = read_documents(str(TEXTS / f"{text}.txt"))
    names = find_names(documents, 1, 1000)
    agree = dict.fromkeys(("was", "is", "has"), "singular")
    agree |= dict.fromkeys(("were", "are", "have"), "plural")
    found = [
        (one.number, agree[one.verb])
        for document in documents
        for one in subjects(document, names)
        if one.verb in agree and document[: one.start].rstrip()[-2:] not in (" I", '"I')
    ]
    assert len(found) > least
    assert sum(number != verb for number, verb in found) == wrong
    # and it does not say the same of all
    assert sum(number == "plural" for number, _ in found) >= 9
