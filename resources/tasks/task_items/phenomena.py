"""The phenomena of the grammar task: how their minimal pairs are built.

Each phenomenon is a function that returns a group of (grammatical, ungrammatical) sentences. Where
two words compete, they do so in two frames, and each is right in one of them (`twins`); where only
the order differs, both sentences have the same words (`orders`). So a rule that looks at nothing
but the words that differ, be it by length, frequency or number, is right in exactly half the pairs.
"""

from collections.abc import Callable

from task_items.draw import Draw
from task_items.lexicon import Lexicon, Noun

Pair = tuple[str, str]
Group = list[Pair]
Phenomenon = Callable[[Lexicon, Draw], Group]

PAIRS = 52  # in each phenomenon: a multiple of the groups of one, two and four
GOING = ("went", "walked", "ran", "came")
MEETING = (("see", "seeing"), ("help", "helping"), ("call", "calling"), ("meet", "meeting"))


def sentence(words: str) -> str:
    return words[0].upper() + words[1:] + "."


def twins(first: str, second: str, one: str, other: str) -> Group:
    """Two frames with a gap: `one` belongs into the first, `other` into the second."""
    return [
        (sentence(first.format(one)), sentence(first.format(other))),
        (sentence(second.format(other)), sentence(second.format(one))),
    ]


def orders(frame: str, one: str, other: str, end: str = ".") -> Group:
    """A frame with two gaps, filled in the right order and in the wrong one."""
    good, bad = frame.format(one, other), frame.format(other, one)
    return [(sentence(good).removesuffix(".") + end, sentence(bad).removesuffix(".") + end)]


def a(word: str) -> str:
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"


def _couple(words: Lexicon, draw: Draw) -> tuple[str, str]:
    """A man's name and a woman's, or the other way round."""
    names = [draw(words.male_names), draw(words.female_names)]
    return tuple(names[:: draw((1, -1))])


def _name(words: Lexicon, draw: Draw) -> str:
    return draw(draw((words.male_names, words.female_names)))


def _predicate(words: Lexicon, draw: Draw) -> tuple[str, str, str]:
    """The verb for a singular subject, the verb for a plural one, and what follows."""
    kind = draw(("is", "was", "habit"))
    if kind == "habit":
        return draw(words.habits)
    return kind, {"is": "are", "was": "were"}[kind], draw(words.being_adjectives)


def agreement_simple(words: Lexicon, draw: Draw) -> Group:
    noun = draw(words.beings)
    one, many, rest = _predicate(words, draw)
    return twins(f"the {noun.one} {{}} {rest}", f"the {noun.many} {{}} {rest}", one, many)


def _across(words: Lexicon, draw: Draw, phrase: str, inner: Noun) -> Group:
    """Agreement across a phrase with a noun of the same number, then of the other."""
    noun = draw(words.beings, inner)
    one, many, rest = _predicate(words, draw)
    group = []
    for distractor in (inner.one, inner.many):
        between = phrase.format(distractor)
        group += twins(
            f"the {noun.one} {between} {{}} {rest}", f"the {noun.many} {between} {{}} {rest}",
            one, many,
        )  # fmt: skip
    return group


def agreement_preposition(words: Lexicon, draw: Draw) -> Group:
    where = draw(("near", "behind", "next to", "in front of"))
    return _across(words, draw, f"{where} the {{}}", draw(words.landmarks))


def agreement_relative(words: Lexicon, draw: Draw) -> Group:
    verb = draw(words.encounters)
    clause = draw((f"that the {{}} {verb}", f"that {verb} the {{}}"))
    return _across(words, draw, clause, draw(words.beings))


def agreement_there(words: Lexicon, draw: Draw) -> Group:
    noun, where = draw(words.things), draw(words.locations)
    one, many = draw((("is", "are"), ("was", "were")))
    count = draw(("two", "three", "many", "some"))
    return twins(
        f"there {{}} {a(noun.one)} {where}", f"there {{}} {count} {noun.many} {where}", one, many
    )


def _determiner(words: Lexicon, draw: Draw, adjective: str) -> Group:
    noun, name, where = draw(words.things), _name(words, draw), draw(words.locations)
    verb = draw(words.handlings)
    one, many = draw((("this", "these"), ("that", "those"), ("one", "two"), ("every", "both")))
    if draw(("determiner", "noun")) == "determiner":
        return twins(
            f"{name} {verb} {{}} {adjective}{noun.one} {where}",
            f"{name} {verb} {{}} {adjective}{noun.many} {where}",
            one, many,
        )  # fmt: skip
    return twins(
        f"{name} {verb} {one} {adjective}{{}} {where}",
        f"{name} {verb} {many} {adjective}{{}} {where}",
        noun.one, noun.many,
    )  # fmt: skip


def determiner_noun(words: Lexicon, draw: Draw) -> Group:
    return _determiner(words, draw, "")


def determiner_adjective(words: Lexicon, draw: Draw) -> Group:
    return _determiner(words, draw, draw(words.thing_adjectives) + " ")


def quantifier(words: Lexicon, draw: Draw) -> Group:
    name, where = _name(words, draw), draw(words.locations)
    frame = draw(("{} did not have {{}} {} {}", "{} saw too {{}} {} {}", "{} found so {{}} {} {}"))
    return twins(
        frame.format(name, draw(words.countable), where),
        frame.format(name, draw(words.uncountable), where),
        "many", "much",
    )  # fmt: skip


def reflexive_gender(words: Lexicon, draw: Draw) -> Group:
    phrase = draw(words.reflexive_phrases)
    he, she = draw(words.male_names), draw(words.female_names)
    if draw(("name", "noun")) == "noun":
        number = draw(range(len(words.males)))
        he, she = f"the {words.males[number].one}", f"the {words.females[number].one}"
    return twins(f"{he} {phrase}", f"{she} {phrase}", "himself", "herself")


def reflexive_number(words: Lexicon, draw: Draw) -> Group:
    kind, pronoun = draw(((words.males, "himself"), (words.females, "herself")))
    noun, phrase = draw(kind), draw(words.reflexive_phrases).replace("was proud", "felt proud")
    return twins(f"the {noun.one} {phrase}", f"the {noun.many} {phrase}", pronoun, "themselves")


def reflexive_clause(words: Lexicon, draw: Draw) -> Group:
    phrase, verb = draw(words.reflexive_phrases), draw(("said", "thought", "knew"))
    he, she = draw(words.male_names), draw(words.female_names)
    return twins(
        f"{she} {verb} that {he} {phrase}", f"{he} {verb} that {she} {phrase}", "himself", "herself"
    )


def order_adjective(words: Lexicon, draw: Draw) -> Group:
    if draw(("subject", "goal")) == "subject":
        noun, adjective = draw(words.beings), draw(words.being_adjectives)
        frame = f"the {{}} {{}} {draw(words.intransitives).past} {draw(words.locations)}"
        return orders(frame, adjective, draw((noun.one, noun.many)))
    # never right behind a verb: "found the chair heavy" is English
    noun, adjective = draw(words.landmarks), draw(words.thing_adjectives)
    frame = f"{_name(words, draw)} {draw(GOING)} to the {{}} {{}}"
    return orders(frame, adjective, draw((noun.one, noun.many)))


def order_article(words: Lexicon, draw: Draw) -> Group:
    noun = draw(words.things)
    frame = f"{_name(words, draw)} {draw(words.handlings)} {{}} {{}} {draw(words.locations)}"
    return orders(frame, draw(("the", "his", "her")), draw((noun.one, noun.many)))


def order_preposition(words: Lexicon, draw: Draw) -> Group:
    preposition, _, rest = draw(words.goals).partition(" ")
    article, _, place = rest.partition(" ")
    noun = draw(words.beings)
    subject = draw((_name(words, draw), f"the {draw((noun.one, noun.many))}"))
    frame = f"{subject} {draw(GOING)} {{}} {{}} {place}"
    return orders(frame, preposition, article)


def order_auxiliary(words: Lexicon, draw: Draw) -> Group:
    verb, name = draw(words.irregulars), _name(words, draw)
    helper = draw(("can", "could", "will", "would", "did"))
    if draw(("not", "verb")) == "not" or helper == "did":
        return orders(f"{name} {{}} {{}} {verb.base} {draw(verb.objects)}", helper, "not")
    return orders(f"{name} {{}} {{}} {draw(verb.objects)}", helper, verb.base)


def order_verb(words: Lexicon, draw: Draw) -> Group:
    noun, where = draw(words.things), draw(words.locations)
    article = draw(("the", "a"))
    thing = f"the {draw((noun.one, noun.many))}" if article == "the" else a(noun.one)
    return orders(f"{_name(words, draw)} {{}} {{}} {where}", draw(words.handlings), thing)


def gap_filled(words: Lexicon, draw: Draw) -> Group:
    (one, other), verb = _couple(words, draw), draw(words.handlings)
    noun, where = draw(words.things), draw(words.locations)
    start = f"{one} {draw(words.knowing)} {{}} {other} {verb}"
    return twins(f"{start} {where}", f"{start} {a(noun.one)} {where}", "what", "that")


def island_coordination(words: Lexicon, draw: Draw) -> Group:
    one, other = _couple(words, draw)
    name = draw(words.male_names + words.female_names, one, other)
    kind = draw(("who", "what"))
    verb = draw(words.encounters) if kind == "who" else draw(words.handlings)
    start = f"{name} {draw(words.knowing)} {kind} {one}"
    return orders(f"{start} {{}} {{}} {draw(words.locations)}", f"and {other}", verb)


def island_adjunct(words: Lexicon, draw: Draw) -> Group:
    one, other = _couple(words, draw)
    verb = draw(MEETING)
    after = f"{draw(('before', 'after'))} {draw(MEETING, verb)[1]}"
    return orders(f"who did {one} {verb[0]} {{}} {{}}", after, other, "?")


def polarity_scope(words: Lexicon, draw: Draw) -> Group:
    outer, verb = draw(words.beings), draw(words.encounters)
    inner = draw(words.beings, outer)
    # nothing more: a "the" at the end would repeat one of the words that compete
    end = f"has ever {draw(words.intransitives).participle}"
    return orders(f"{{}} {outer.one} that {{}} {inner.one} {verb} {end}", "no", "the")


def polarity_either(words: Lexicon, draw: Draw) -> Group:
    (one, other), verb = _couple(words, draw), draw(words.irregulars)
    thing = draw(verb.objects)
    return twins(
        f"{one} did not {verb.base} {thing}, and {other} did not {{}}",
        f"{one} {verb.past} {thing}, and {other} did {{}}",
        "either", "too",
    )  # fmt: skip


def form_participle(words: Lexicon, draw: Draw) -> Group:
    verb, name = draw(words.irregulars), _name(words, draw)
    thing, has = draw(verb.objects), draw(("has", "had"))
    return twins(
        f"{name} {has} {{}} {thing}", f"yesterday {name} {{}} {thing}", verb.participle, verb.past
    )


def form_auxiliary(words: Lexicon, draw: Draw) -> Group:
    verb, name = draw(words.irregulars), _name(words, draw)
    thing = draw(verb.objects)
    if draw(("progressive", "past")) == "past":
        first, other = f"yesterday {name} {{}} {thing}", verb.past
        return twins(f"{name} did not {{}} {thing}", first, verb.base, other)
    helper, be = draw(("can", "will", "could", "must")), draw(("is", "was"))
    return twins(f"{name} {be} {{}} {thing}", f"{name} {helper} {{}} {thing}", verb.ing, verb.base)


def pronoun_case(words: Lexicon, draw: Draw) -> Group:
    subject, other = draw((("he", "him"), ("she", "her"), ("they", "them"), ("we", "us")))
    name, verb, where = _name(words, draw), draw(words.encounters), draw(words.locations)
    when = draw(("yesterday", "today", "then"))
    return twins(
        f"{when} {{}} {verb} {name} {where}", f"{when} {name} {verb} {{}} {where}", subject, other
    )


def transitivity(words: Lexicon, draw: Draw) -> Group:
    name, where, noun = _name(words, draw), draw(words.locations), draw(words.things)
    thing = f"the {draw((noun.one, noun.many))}"
    return twins(
        f"{name} {{}} {thing} {where}", f"{name} {{}} {where}",
        draw(words.handlings), draw(words.intransitives).past,
    )  # fmt: skip


def complement(words: Lexicon, draw: Draw) -> Group:
    name, (base, ing) = _name(words, draw), draw(words.activities)
    return twins(
        f"{name} {{}} to {base}", f"{name} {{}} {ing}",
        draw(words.infinitive_verbs), draw(words.gerund_verbs),
    )  # fmt: skip


def comparison(words: Lexicon, draw: Draw) -> Group:
    (one, other), (plain, more) = _couple(words, draw), draw(words.comparisons)
    noun = draw(words.beings)
    if draw(("name", "noun")) == "noun":
        other = f"the other {noun.one}"
        one = f"this {noun.one}"
    be = draw(("is", "was"))
    return twins(f"{one} {be} {{}} than {other}", f"{one} {be} as {{}} as {other}", more, plain)


PHENOMENA: tuple[Phenomenon, ...] = (
    agreement_simple,
    agreement_preposition,
    agreement_relative,
    agreement_there,
    determiner_noun,
    determiner_adjective,
    quantifier,
    reflexive_gender,
    reflexive_number,
    reflexive_clause,
    order_adjective,
    order_article,
    order_preposition,
    order_auxiliary,
    order_verb,
    gap_filled,
    island_coordination,
    island_adjunct,
    polarity_scope,
    polarity_either,
    form_participle,
    form_auxiliary,
    pronoun_case,
    transitivity,
    complement,
    comparison,
)


def grammar_items(lexicon: Lexicon, seed: int) -> list[dict[str, str]]:
    """The pairs of all phenomena, in BLiMP's fields; the pairs of a group stand together."""
    items, known = [], set()
    for phenomenon in PHENOMENA:
        draw, found = Draw(seed, phenomenon.__name__), []
        while len(found) < PAIRS:
            group = phenomenon(lexicon, draw)
            sentences = {text for pair in group for text in pair}
            if not sentences & known:
                found += group
                known |= sentences
        for number, (good, bad) in enumerate(found):
            items.append(
                {
                    "UID": phenomenon.__name__,
                    "pairID": str(number),
                    "sentence_good": good,
                    "sentence_bad": bad,
                }
            )
    return items
