"""The number of the subject of each sentence, by a rule that reads words and no verb's number.

A sentence gets a number if it begins, after words of other kinds, with a pronoun, a name, or a
determiner whose noun stands before a verb or a preposition within four words. The noun is plural
by its ending. So the agreement of a verb tests the rule. docs/probes.md says how often it is wrong.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

SINGULAR, PLURAL = "singular", "plural"

# the words and the punctuation of a text; a possessive is one word
WORD = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)?|[.!?]+|[^\sA-Za-z.!?]")
TITLES = frozenset({"Mr", "Mrs", "Ms", "Dr", "Miss"})  # a full stop after one ends no sentence
PRONOUNS = dict.fromkeys(("i", "he", "she", "it"), SINGULAR) | dict.fromkeys(("we", "they"), PLURAL)
# determiners that say the number, and those that leave it to the noun
DETERMINERS = dict.fromkeys(
    ("a", "an", "this", "that", "one", "each", "every", "another"), SINGULAR
) | dict.fromkeys("these those two three four five many both several few".split(), PLURAL)
OPEN = frozenset("the my his her its our your their some all".split())
PREPOSITIONS = frozenset(
    "about above across after along around as at before behind below beside between by down during "
    "for from in inside into like near of off on onto out outside over past since through to "
    "towards under until up upon while when with without".split()
)
VERBS = frozenset(
    "was were is are am be has had have did does do can could will would should must might may "
    "began bit blew bought broke brought built came caught chose cut drank drew drove fell felt "
    "flew forgot fought found gave got grew heard held hid hit hurt kept knew laid led left let "
    "lit lost made met put ran read rode said sang sat saw set shone shook slept smelt spoke spent "
    "spread stood stuck swam taught thought threw told took understood went woke won wore wrote "
    "ate".split()
)
# nouns of phrases that say when: "one day", "the next morning"
TIMES = frozenset(
    "day days morning afternoon evening night time week weekend month year summer winter spring "
    "autumn moment minute".split()
)
RELATIVE = frozenset({"who", "that", "which", "whose"})
ADVERBS = frozenset("also always even just never now often only soon still then too both".split())
PLURALS = frozenset("children people men women mice feet teeth geese".split())
NOT_PLURAL = ("ss", "us", "is", "'s", "’s")  # how words end that end in s and are singular
LONGEST = 4  # words between a determiner and the verb after its noun


class Word(NamedTuple):
    """A word or a sign of a text, and its characters."""

    text: str
    start: int
    end: int

    @property
    def lower(self) -> str:
        """The word in small letters, without a verb's negation."""
        return self.text.lower().replace("’", "'").removesuffix("n't")


class Subject(NamedTuple):
    """A sentence's subject: its number, where the text after it begins, and where it ends."""

    number: str
    start: int
    end: int
    verb: str  # the word after the subject, in small letters


def sentences(text: str) -> Iterator[list[Word]]:
    """The words of each sentence; what ends it is its last one."""
    sentence: list[Word] = []
    for match in WORD.finditer(text):
        word = Word(match[0], match.start(), match.end())
        title = bool(sentence) and sentence[-1].text in TITLES
        sentence.append(word)
        if word.text[0] in ".!?" and not title:
            yield sentence
            sentence = []
    if sentence:
        yield sentence


def subjects(text: str, names: Collection[str]) -> Iterator[Subject]:
    """The subject of each sentence for which the rule gives one; `names` are those of people."""
    for sentence in sentences(text):
        found = _subject(sentence, names)
        if found:
            yield found


def _subject(sentence: Sequence[Word], names: Collection[str]) -> Subject | None:
    """The first noun phrase that follows no preposition, with what is joined to it by "and"."""
    place = 0
    while place < len(sentence):
        word = sentence[place].lower
        if word in ("there", "here", "you", "let's") or word in VERBS:
            return None  # the subject follows its verb, or has either number
        when = _after_time(sentence, place)
        if when:
            place = when
            continue
        phrase = _phrase(sentence, place, names)
        governed = place > 0 and sentence[place - 1].lower in PREPOSITIONS
        if phrase is None:
            if _is_determiner(sentence[place], names) and not governed:
                return None  # a noun phrase whose end is not seen
            place += 1
            continue
        number, after = phrase
        if governed:
            place = after
            continue
        if after < len(sentence) and sentence[after].lower == "and":
            joined = _phrase(sentence, after + 1, names)
            if joined is None:
                return None
            number, after = PLURAL, joined[1]
        if after >= len(sentence) or not sentence[after].text[0].isalpha():
            return None
        return Subject(number, sentence[after].start, sentence[-1].end, sentence[after].lower)
    return None


def _after_time(sentence: Sequence[Word], place: int) -> int:
    """The place after a phrase that says when, such as "one day"; 0 if none begins at `place`."""
    if sentence[place].lower in DETERMINERS or sentence[place].lower in OPEN:
        for noun in range(place + 1, min(place + 3, len(sentence))):
            if sentence[noun].lower in TIMES:
                return noun + 1
    return 0


def _phrase(sentence: Sequence[Word], place: int, names: Collection[str]) -> tuple[str, int] | None:
    """The number of the noun phrase that begins at a place, and the place after it."""
    if place >= len(sentence):
        return None
    word = sentence[place]
    if word.lower in PRONOUNS:
        return PRONOUNS[word.lower], place + 1
    if word.text in names:
        return SINGULAR, place + 1
    if not _is_determiner(word, names):
        return None
    for after in range(place + 2, min(place + 2 + LONGEST, len(sentence))):
        if _follows_noun(sentence[after]):
            noun = after - 1
            while noun > place and sentence[noun].lower in ADVERBS:
                noun -= 1
            if noun == place or not sentence[noun].text[0].isalpha():
                return None
            return DETERMINERS.get(word.lower) or noun_number(sentence[noun].lower), after
        if not sentence[after].text[0].isalpha():
            return None
    return None


def _is_determiner(word: Word, names: Collection[str]) -> bool:
    """Whether a word begins a noun phrase: a determiner, or the possessive of a name."""
    possessive = word.text.endswith(("'s", "’s")) and word.text[:-2] in names
    return possessive or word.lower in DETERMINERS or word.lower in OPEN


def _follows_noun(word: Word) -> bool:
    """Whether a noun phrase ends before a word: a verb, a preposition, or the like."""
    lower = word.lower
    known = lower in VERBS or lower in PREPOSITIONS or lower in RELATIVE or lower == "and"
    return known or (lower.endswith("ed") and len(lower) > 3)


def noun_number(noun: str) -> str:
    """The number of a noun by its ending, in small letters."""
    if noun in PLURALS:
        return PLURAL
    return PLURAL if noun.endswith("s") and not noun.endswith(NOT_PLURAL) else SINGULAR
