"""The kinds of words that the phenomena need; each set of items has its own `Lexicon`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Noun:
    one: str
    many: str


@dataclass(frozen=True)
class Verb:
    base: str
    past: str
    participle: str
    ing: str
    objects: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lexicon:
    """Words that fit the same slots of a sentence, whatever else stands in it."""

    male_names: tuple[str, ...]
    female_names: tuple[str, ...]
    males: tuple[Noun, ...]
    females: tuple[Noun, ...]
    beings: tuple[Noun, ...]
    things: tuple[Noun, ...]
    landmarks: tuple[Noun, ...]
    countable: tuple[str, ...]
    uncountable: tuple[str, ...]
    being_adjectives: tuple[str, ...]
    thing_adjectives: tuple[str, ...]
    comparisons: tuple[tuple[str, str], ...]
    # for beings; none of them takes an object
    intransitives: tuple[Verb, ...]
    # past forms: what beings do to beings; what persons do to things, never without an object
    encounters: tuple[str, ...]
    handlings: tuple[str, ...]
    # with objects; past and participle differ
    irregulars: tuple[Verb, ...]
    knowing: tuple[str, ...]
    # the first take "to swim" only, the second "swimming" only
    infinitive_verbs: tuple[str, ...]
    gerund_verbs: tuple[str, ...]
    activities: tuple[tuple[str, str], ...]
    reflexive_phrases: tuple[str, ...]
    locations: tuple[str, ...]
    goals: tuple[str, ...]
    # verb with a singular subject, with a plural one, and what follows
    habits: tuple[tuple[str, str, str], ...]


def nouns(text: str) -> tuple[Noun, ...]:
    """Nouns from "dog/dogs cat/cats"."""
    return tuple(Noun(*word.split("/")) for word in text.split())


def columns(text: str) -> tuple[tuple[str, ...], ...]:
    """The parts of lines such as "likes / like / to play"."""
    return tuple(tuple(line.split(" / ")) for line in lines(text))


def lines(text: str) -> tuple[str, ...]:
    """The lines of a text, without blanks around them."""
    return tuple(line.strip() for line in text.strip().splitlines())


def verbs(text: str) -> tuple[Verb, ...]:
    """Verbs from lines such as "eat ate eaten eating: the cake, the bread"."""
    found = []
    for line in lines(text):
        forms, _, objects = line.partition(":")
        found.append(Verb(*forms.split(), tuple(one.strip() for one in objects.split(",") if one)))
    return tuple(found)
