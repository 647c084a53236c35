"""Each item of the tasks: well formed, right by rules that know nothing of the generator."""

import bz2
import json
import re
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from tokenizers import Tokenizer

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "resources" / "tasks"
sys.path.insert(0, str(FOLDER))
from generate import made  # noqa: E402
from sample import sample  # noqa: E402

sys.path.remove(str(FOLDER))

SETS = ("general", "simple")
BOTH = pytest.mark.parametrize("name", SETS)


@cache
def items(name, task):
    lines = (FOLDER / name / f"{task}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def pairs(name):
    """(phenomenon, good, bad) of each pair, in the order of the file."""
    return [(i["UID"], i["sentence_good"], i["sentence_bad"]) for i in items(name, "grammar")]


def by_phenomenon(name):
    grouped = {}
    for phenomenon, good, bad in pairs(name):
        grouped.setdefault(phenomenon, []).append((words(good), words(bad)))
    return grouped


def words(text):
    return re.findall(r"[\w']+", text)


@cache
def corpus():
    """How often each word, in lower case, stands in pocket-gpt2's corpus."""
    text = bz2.decompress((ROOT / "resources/pocket-gpt2/corpus.txt.bz2").read_bytes()).decode()
    return Counter(re.findall(r"[a-z]+", text.lower()))


def test_the_generator_makes_these_files_to_the_byte():
    files = {f"{name}/{task}.jsonl" for name in SETS for task in ("grammar", "cloze")}
    assert set(made()) == files
    for file, content in made().items():
        assert (FOLDER / file).read_bytes() == content.encode("utf-8"), file


def test_the_docs_show_the_sample():
    assert sample() in (ROOT / "docs/tasks.md").read_text(encoding="utf-8")


# ---- grammar ----


@BOTH
def test_26_phenomena_with_52_pairs_each(name):
    counts = Counter(phenomenon for phenomenon, _, _ in pairs(name))
    assert set(counts) == set(GRAMMATICAL)
    assert len(counts) == 26
    assert set(counts.values()) == {52}
    numbers = [item["pairID"] for item in items(name, "grammar")]
    assert numbers == [str(number) for number in range(52)] * 26


@BOTH
def test_sentences_are_distinct_and_written_as_sentences(name):
    sentences = [text for _, *pair in pairs(name) for text in pair]
    assert len(set(sentences)) == len(sentences)
    for text in sentences:
        assert re.fullmatch(r"[A-Z][a-z]*(,? [A-Za-z]+)+[.?]", text), text
        assert text.endswith("?") == text.startswith("Who did"), text


@BOTH
def test_the_sentences_of_a_pair_differ_in_one_word_or_in_order(name):
    for phenomenon, good, bad in pairs(name):
        good, bad = words(good.lower()), words(bad.lower())
        if sorted(good) != sorted(bad):
            assert len(good) == len(bad)
            assert sum(a != b for a, b in zip(good, bad, strict=True)) == 1, (phenomenon, good)


def difference(good, bad):
    """(words of the good sentence alone, words of the bad one alone), in lower case."""
    good, bad = (Counter(word.lower() for word in sentence) for sentence in (good, bad))
    return tuple(sorted((good - bad).elements())), tuple(sorted((bad - good).elements()))


@BOTH
@pytest.mark.parametrize("number", [4, 12, 52])
def test_words_alone_tell_nothing(name, number):
    """What is better than what, is also worse equally often: in the first pairs, and in all."""
    for phenomenon, own in by_phenomenon(name).items():
        differences = Counter(difference(*pair) for pair in own[:number])
        for (better, worse), count in differences.items():
            assert better == worse == () or differences[worse, better] == count, phenomenon


@BOTH
def test_trivial_rules_are_right_in_half_of_each_phenomenon(name):
    frequency = dict(corpus())
    rules = {
        "shorter": lambda sentence: -len("".join(sentence)),
        "words": len,
        "more frequent": lambda sentence: sum(frequency.get(word.lower(), 0) for word in sentence),
        "fewer endings in s": lambda sentence: -sum(word.endswith("s") for word in sentence),
    }
    phenomena = by_phenomenon(name)
    for rule, value in rules.items():
        for phenomenon, own in phenomena.items():
            values = [(value(good), value(bad)) for good, bad in own]
            right = sum(0.5 if a == b else a > b for a, b in values)
            assert right == len(own) / 2, (rule, phenomenon)


def test_the_simple_set_stays_in_the_vocabulary_of_the_stories():
    texts = [text for _, *pair in pairs("simple") for text in pair]
    texts += [item["text"] for item in items("simple", "cloze")]
    used = {word for text in texts for word in re.findall("[a-z]+", text.lower())}
    assert {word for word in used if not corpus()[word]} == set()


IRREGULAR_PLURALS = set("mice children men women knives wives people".split())
MALE = set(
    "Tim Tom Max Ben Jack Sam Bob Billy David Michael Robert James Thomas Daniel Peter".split()
)
MALE |= set("Paul Mark Steven boy king brother dad man prince father uncle husband".split())
FEMALE = set(
    "Lily Sue Mia Lucy Sally Sarah Amy Jane Mary Susan Linda Karen Laura Anna Julia".split()
)
FEMALE |= set("Emma Helen girl queen sister mom woman princess mother aunt wife".split())
PRONOUNS = {"he": "him", "she": "her", "they": "them", "we": "us"}
NUMBER = {"this": 1, "that": 1, "one": 1, "every": 1, "these": 2, "those": 2, "two": 2, "both": 2}
TO_THINGS = set("found made took brought wanted liked bought fixed repaired carried needed".split())
ALONE = set(
    "slept smiled laughed cried fell sneezed talked waited listened complained swam".split()
)
ALONE |= set("arrived disappeared".split())
INFINITIVE = set("wanted decided hoped agreed promised refused managed".split())
GERUND = set("enjoyed finished kept practiced avoided suggested".split())
FORMS = {  # past: participle
    "ate": "eaten", "broke": "broken", "took": "taken", "saw": "seen", "hid": "hidden",
    "drew": "drawn", "threw": "thrown", "wrote": "written", "wore": "worn", "drove": "driven",
    "chose": "chosen", "stole": "stolen", "gave": "given", "grew": "grown", "shook": "shaken",
    "flew": "flown", "tore": "torn",
}  # fmt: skip
PREPOSITION = "(?:in|at|near|under|on|to|into|up|across|through)"


def plural(noun):
    return noun in IRREGULAR_PLURALS or (noun.endswith("s") and not noun.endswith("ss"))


def agree(subject, verb):
    """A verb of the third person ends in s (is, was, has, likes) if its subject is singular."""
    return plural(subject) != verb.endswith("s")


def matched(pattern, check=lambda *groups: True):
    """A judgement of sentences: the pattern fits, and its groups pass the check."""

    def judge(text):
        match = re.match(pattern, text)
        return bool(match) and bool(check(*match.groups()))

    return judge


def determined(text, gap):
    (number,) = [place for place, word in enumerate(words(text)) if word in NUMBER]
    noun = words(text)[number + gap]
    return (NUMBER[words(text)[number]] == 2) == plural(noun)


def reflexive(text):
    """The reflexive has the gender and number of the last subject before it."""
    before, pronoun = re.match(r"(.*?) (himself|herself|themselves)\b", text).groups()
    subject = words(before.rpartition(" that ")[2].removeprefix("The "))[0]
    if pronoun == "themselves":
        return plural(subject)
    return subject in (MALE if pronoun == "himself" else FEMALE)


def form(text):
    """The form of an irregular verb after have, be, did, a modal verb, or nothing."""
    *_, before, verb, _, _ = words(re.sub(r" (red|best) ", " ", text))
    if before in ("has", "had"):
        return verb in FORMS.values()
    if before in ("is", "was"):
        return verb.endswith("ing")
    if before in ("not", "can", "will", "could", "must"):
        return not verb.endswith("ing") and verb not in FORMS
    return text.startswith("Yesterday ") and verb in FORMS


def cased(text):
    """The pronoun is a subject's before the verb and an object's behind it."""
    _, subject, _, pronoun, *_ = words(text)
    if subject in MALE | FEMALE:
        return pronoun in PRONOUNS.values()
    return subject in PRONOUNS


GRAMMATICAL = {
    "agreement_simple": matched(r"The (\w+) (\w+) ", agree),
    "agreement_preposition": matched(
        r"The (\w+) (?:near|behind|next to|in front of) the \w+ (\w+) ", agree
    ),
    "agreement_relative": matched(r"The (\w+) that (?:the \w+ \w+|\w+ the \w+) (\w+) ", agree),
    "agreement_there": matched(
        r"There (is|are|was|were) (\w+) (\w+) ",
        lambda verb, count, noun: (count in ("a", "an")) == verb.endswith("s") != plural(noun),
    ),
    "determiner_noun": lambda text: determined(text, 1),
    "determiner_adjective": lambda text: determined(text, 2),
    "quantifier": matched(
        r".* (many|much) (\w+) ", lambda count, noun: (count == "many") == plural(noun)
    ),
    "reflexive_gender": reflexive,
    "reflexive_number": reflexive,
    "reflexive_clause": reflexive,
    "order_adjective": matched(
        r"(?:The \w+ (\w+) \w+ed? |The \w+ (\w+) (?:slept|fell|swam) |\w+ \w+ to the \w+ (\w+)\.$)",
        lambda *nouns: any(noun in NOUNS for noun in nouns),
    ),
    "order_article": matched(r"\w+ \w+ (the|his|her) \w+ (?!the)"),
    "order_preposition": matched(rf".*\b{PREPOSITION} the \w+\.$"),
    "order_auxiliary": matched(r"\w+ (can|could|will|would|did) (not )?\w+ (the|a)"),
    "order_verb": matched(rf"\w+ (\w+) (?:the|an?) \w+ {PREPOSITION}", TO_THINGS.__contains__),
    "gap_filled": matched(
        rf"\w+ \w+ (?:what \w+ \w+ {PREPOSITION} the|that \w+ \w+ an? \w+ {PREPOSITION} the) "
    ),
    "island_coordination": matched(rf"\w+ \w+ (?:who|what) \w+ and \w+ \w+ {PREPOSITION} the "),
    "island_adjunct": matched(r"Who did \w+ \w+ (?:before|after) \w+ing [A-Z]\w+\?"),
    "polarity_scope": matched(r"No \w+ that the \w+ \w+ has ever \w+\."),
    "polarity_either": matched(
        r"\w+ (did not )?.*, and \w+ did (?:not )?(either|too)\.",
        lambda negated, word: bool(negated) == (word == "either"),
    ),
    "form_participle": form,
    "form_auxiliary": form,
    "pronoun_case": cased,
    "transitivity": matched(
        r"\w+ (\w+) (the )?", lambda verb, thing: verb in (TO_THINGS if thing else ALONE)
    ),
    "complement": matched(
        r"\w+ (\w+) (to )?", lambda verb, to: verb in (INFINITIVE if to else GERUND)
    ),
    "comparison": matched(
        r".* (?:is|was) (as )?(\w+) (than|as) ",
        lambda first, adjective, second: (
            (first is None) == adjective.endswith("er") == (second == "than")
        ),
    ),
}
NOUNS = {  # of order_adjective
    *"boy girl dog cat bird rabbit frog bear lion duck clown monkey squirrel horse puppy".split(),
    *"doctor lawyer teacher student manager farmer engineer artist driver nurse journalist".split(),
    *"soldier singer neighbor writer customer guest officer tree house rock box car bush".split(),
    *"boat swing table flower bridge church gate shop window door wall building statue".split(),
    *"mouse mice child children man men woman women boxes bushes churches puppies".split(),
}
NOUNS |= {f"{noun}s" for noun in NOUNS}


@BOTH
@pytest.mark.parametrize("phenomenon", GRAMMATICAL)
def test_the_good_sentence_is_grammatical_and_the_bad_one_is_not(name, phenomenon):
    judge = GRAMMATICAL[phenomenon]
    for own, good, bad in pairs(name):
        if own == phenomenon:
            assert judge(good), good
            assert not judge(bad), bad


@BOTH
@pytest.mark.parametrize("phenomenon", ["agreement_preposition", "agreement_relative"])
def test_subject_and_distractor_take_all_numbers_equally_often(name, phenomenon):
    """So that agreement with the nearest noun is right in half the pairs."""
    counts = Counter()
    for good, _ in by_phenomenon(name)[phenomenon]:
        nouns = [word for place, word in enumerate(good[1:], 1) if good[place - 1].lower() == "the"]
        counts[tuple(map(plural, nouns[:2]))] += 1
    assert set(counts.values()) == {13}
    assert len(counts) == 4


# ---- cloze ----


def passage(item):
    """(words before the last, in lower case; the last word)."""
    *before, answer = words(item["text"])
    return [word.lower() for word in before], answer


@BOTH
def test_320_passages_of_three_kinds(name):
    assert Counter(item["kind"] for item in items(name, "cloze")) == {
        "copy": 120, "bind": 40, "infer": 160,
    }  # fmt: skip


@BOTH
def test_passages_are_distinct_and_stop_at_a_word(name):
    texts = [item["text"] for item in items(name, "cloze")]
    assert len(set(texts)) == len(texts)
    for text in texts:
        assert re.fullmatch(r"[A-Z][\w']*(?:[,.]? [\w']+)*,? [a-z]+", text), text
        assert 1 <= len(re.split(r"\. ", text)) <= 4, text
        assert all(part[0].isupper() for part in text.split(". ")), text


@BOTH
def test_four_passages_share_four_candidates_and_each_answers_once(name):
    passages = items(name, "cloze")
    for start in range(0, len(passages), 4):
        four = passages[start : start + 4]
        answers = [passage(item)[1] for item in four]
        assert len(set(answers)) == 4
        assert len({item["kind"] for item in four}) == 1
        for item, answer in zip(four, answers, strict=True):
            assert len(item["distractors"]) == 3
            assert {answer, *item["distractors"]} == set(answers)


@BOTH
def test_kinds_are_spread_over_the_file(name):
    for number in (40, 80, 160):
        counts = Counter(item["kind"] for item in items(name, "cloze")[:number])
        for kind, share in (("copy", 3 / 8), ("bind", 1 / 8), ("infer", 1 / 2)):
            assert abs(counts[kind] - share * number) <= 4


@BOTH
def test_candidates_are_mentioned_as_their_kind_says(name):
    for item in items(name, "cloze"):
        before, answer = passage(item)
        mentioned = [word for word in (answer, *item["distractors"]) if word in before]
        assert before.count(answer) <= 1
        assert len(mentioned) == {"copy": 1, "bind": 2, "infer": 0}[item["kind"]], item
        assert item["kind"] == "infer" or mentioned[0] == answer


@BOTH
def test_copies_differ_in_the_mention_alone(name):
    frames = Counter(
        re.sub(rf"\b{passage(item)[1]}\b", "_", item["text"])
        for item in items(name, "cloze")
        if item["kind"] == "copy"
    )
    assert set(frames.values()) == {4}


@BOTH
def test_bindings_name_the_owner_of_the_answer(name):
    first = 0
    for item in items(name, "cloze"):
        if item["kind"] == "bind":
            before, answer = passage(item)
            rival = next(word for word in item["distractors"] if word in before)
            names = [word.lower() for word in words(item["text"]) if word in PEOPLE]
            first_owner, second_owner, *_, asked = names
            owner = first_owner if before.index(answer) < before.index(rival) else second_owner
            assert asked == owner
            first += owner == first_owner
    assert first == 20


PEOPLE = {"Mom", "Grandma", *(name for name in MALE | FEMALE if name.istitle())}


@BOTH
def test_the_article_does_not_give_the_answer_away(name):
    for item in items(name, "cloze"):
        before, answer = passage(item)
        if before[-1] in ("a", "an"):
            vowels = {word[0] in "aeiou" for word in (answer, *item["distractors"])}
            assert vowels == {before[-1] == "an"}, item


def test_candidates_of_the_simple_set_are_single_tokens():
    tokenizer = Tokenizer.from_file(str(ROOT / "resources/pocket-gpt2/tokenizer.json"))
    for item in items("simple", "cloze"):
        assert len(tokenizer.encode(f" {passage(item)[1]}").ids) == 1
