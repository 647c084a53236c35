"""Probes: what their files may hold, the rows to score, and when an item is right."""

import json
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from needq.backup.tasks import (
    Candidate,
    Item,
    Score,
    encode,
    first_items,
    first_of_each_kind,
    read_meaning,
    read_structure,
    right,
)
from needq.common.errors import UserError
from tokenizers import Tokenizer

ROOT = Path(__file__).parents[3]
END = "<|endoftext|>"


@pytest.fixture
def file(tmp_path):
    """A function that writes a probe's file: objects as JSON lines, or a text as it stands."""

    def write(content, name="probe.jsonl"):
        path = tmp_path / name
        if isinstance(content, list):
            content = "".join(json.dumps(one) + "\n" for one in content)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture(scope="session")
def letters(gpt2):
    """The tokenizer whose ids are bytes."""
    return Tokenizer.from_file(str(gpt2.backup / "tokenizer.json"))


@cache
def words():
    """pocket-gpt2's tokenizer."""
    return Tokenizer.from_file(str(ROOT / "resources/pocket-gpt2/tokenizer.json"))


# as in BLiMP's data/anaphor_gender_agreement.jsonl: its fields, another sentence
BLIMP = {
    "sentence_good": "Anna thanks herself.",
    "sentence_bad": "Anna thanks himself.",
    "one_prefix_prefix": "Anna thanks",
    "field": "morphology",
    "linguistics_term": "anaphor_agreement",
    "UID": "anaphor_gender_agreement",
    "simple_LM_method": True,
    "pairID": "0",
}


def test_structure_reads_blimps_fields(file):
    assert read_structure(file([BLIMP])) == [
        Item("anaphor_gender_agreement", "", ("Anna thanks herself.", "Anna thanks himself."))
    ]


def test_structure_reads_a_folder_of_paradigms_by_name(file, tmp_path):
    pair = {"sentence_good": "It rains.", "sentence_bad": "It rain."}
    file([pair], "b.jsonl")
    file([BLIMP], "a.jsonl")
    file("not a probe", "README.md")
    kinds = [item.kind for item in read_structure(tmp_path)]
    assert kinds == ["anaphor_gender_agreement", "b"]


def test_meaning_reads_our_fields_lambadas_json_and_its_plain_text(file):
    ours = {"kind": "copy", "text": "A cat sat. I saw the cat", "distractors": ["dog", "cow"]}
    lambada = {"text": " He had a dog , and he loved the dog \n"}
    assert read_meaning(file([ours, lambada], "mixed.jsonl")) == [
        Item("copy", "A cat sat. I saw the", (" cat", " dog", " cow")),
        Item("mixed", "He had a dog , and he loved the", (" dog",)),
    ]
    assert read_meaning(file("one two three\n\nfour five\u2028six seven\n", "plain.txt")) == [
        Item("plain", "one two", (" three",)),
        Item("plain", "four five\u2028six", (" seven",)),
    ]


PAIR = {"sentence_good": "It rains.", "sentence_bad": "It rain."}
CLOZE = {"text": "I saw the cat", "distractors": ["dog"]}


@pytest.mark.parametrize(
    ("read", "content", "message"),
    [
        (read_structure, [PAIR, PAIR | {"sentence_bad": "It rains."}], "line 2: both sentences"),
        (read_structure, [PAIR, {"sentence_good": "a"}], "line 2: `sentence_bad` is not a text"),
        (read_structure, [PAIR | {"sentence_good": 3}], "line 1: `sentence_good` is not a text"),
        (read_structure, [PAIR | {"sentence_good": " "}], "line 1: `sentence_good` is not a text"),
        (read_structure, '\n{"sentence_good"\n', r"line 2: is not JSON \(Expecting"),
        (read_structure, "[1]\n", "line 1: is not a JSON object"),
        (read_structure, "", "probe.jsonl: holds no items"),
        (read_structure, b"\xff\n", "probe.jsonl: is not UTF-8"),
        (read_meaning, [{"text": "alone"}], "line 1: the passage has no word before its last"),
        (read_meaning, [{"passage": "a b"}], "line 1: `text` is not a text"),
        (read_meaning, [CLOZE | {"distractors": "dog"}], "line 1: `distractors` is not a list"),
        (read_meaning, [CLOZE | {"distractors": ["dog", ""]}], "line 1: `distractors` is not a"),
        (read_meaning, [CLOZE, CLOZE | {"distractors": ["cat"]}], "line 2: a candidate stands"),
        (read_meaning, "\n\n", "probe.jsonl: holds no items"),
    ],
)
def test_a_bad_file_is_refused_by_name_and_line(file, read, content, message):
    with pytest.raises(UserError, match=message) as error:
        read(file(content))
    assert "probe.jsonl" in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("read", [read_structure, read_meaning])
def test_a_missing_file_is_refused(read, tmp_path):
    with pytest.raises(UserError, match="none.jsonl: cannot be read .No such file"):
        read(tmp_path / "none.jsonl")


def test_a_folder_without_items_is_refused(tmp_path):
    with pytest.raises(UserError, match="holds no items"):
        read_structure(tmp_path)


ITEMS = [Item(kind, "", (f"{kind}{n}", "x")) for n in range(3) for kind in ("b", "a")]


def test_the_first_of_each_kind_are_taken():
    chosen = first_of_each_kind(ITEMS, 2)
    assert [item.candidates[0] for item in chosen] == ["a0", "a1", "b0", "b1"]
    with pytest.raises(UserError, match="the probe has 3 items of a, 4 are wanted"):
        first_of_each_kind(ITEMS, 4)


def test_the_first_items_are_taken():
    assert first_items(ITEMS, 3) == ITEMS[:3]
    with pytest.raises(UserError, match="the probe has 6 items, 7 are wanted"):
        first_items(ITEMS, 7)


def test_a_pair_is_two_rows_and_all_tokens_are_predicted(letters):
    probe = encode([Item("k", "", ("ab.", "ba."))], letters, END, 64)
    ids = [[letters.token_to_id(END), *letters.encode(text).ids] for text in ("ab.", "ba.")]
    assert probe.kinds == ["k"] and probe.rows == ids
    assert probe.candidates == [[Candidate(n, 1, tuple(ids[n][1:])) for n in (0, 1)]]


def test_candidates_that_differ_in_their_last_token_share_a_row(letters):
    item = Item("k", "see", (" a", " b", " cd", " ce"))
    probe = encode([item, Item("k", "", ("x", "y")), item], letters, END, 64)
    texts = [letters.decode(row[1:]) for row in probe.rows]
    assert texts == ["see a", "see cd", "x"]
    assert [one.row for one in probe.candidates[0]] == [0, 0, 1, 1]
    assert [one.row for one in probe.candidates[1]] == [2, 2]
    assert probe.candidates[2] == probe.candidates[0]
    for candidates in probe.candidates[::2]:
        for one, text in zip(candidates, item.candidates, strict=True):
            assert letters.decode(list(one.tokens)) == text
            assert one.start == 4


def test_one_forward_pass_per_passage_of_the_simple_set():
    tokenizer = words()
    items = read_meaning(ROOT / "resources/probes/simple/meaning.jsonl")
    probe = encode(items, tokenizer, END, 256)
    assert len(probe.rows) == len(items) == 320
    assert {len(one.tokens) for own in probe.candidates for one in own} == {1}


@given(st.lists(st.text("ab é", min_size=1).map(lambda text: f" x{text}"), min_size=2, unique=True))
def test_row_and_tokens_say_the_whole_item(candidates):
    tokenizer = words()
    probe = encode([Item("k", "He saw", tuple(candidates))], tokenizer, END, 256)
    for one, text in zip(probe.candidates[0], candidates, strict=True):
        row = probe.rows[one.row]
        whole = [*row[1 : one.start], *one.tokens]
        assert tokenizer.decode(whole) == f"He saw{text}"
        assert row[:-1] == [0, *whole][:-1]


def test_a_beginning_that_the_tokenizer_reads_otherwise_alone():
    """The beginning ends inside a token of the whole: the candidate then begins with that token."""
    tokenizer = words()
    probe = encode([Item("k", "a s", ("tory", "mall"))], tokenizer, END, 256)
    a, story = tokenizer.encode("a story").ids
    assert probe.candidates[0][0] == Candidate(0, 2, (story,))
    assert probe.rows[0] == [0, a, story]


def test_what_does_not_fit_is_refused(letters):
    item = Item("copy", "abc", (" d", " e"))
    assert encode([item], letters, END, 6)
    with pytest.raises(UserError, match="an item of copy has 6 tokens .* context of 5: abc d"):
        encode([item], letters, END, 5)
    with pytest.raises(UserError, match="evaluation.begin: the model's tokenizer has no token <s>"):
        encode([item], letters, "<s>", 64)


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ([-1.0, -2.0], 1),
        ([-2.0, -1.0], 0),
        ([-1.0, -1.0], 0.5),
        ([-1.0, -1.0, -1.0, -2.0], 1 / 3),
        ([-1.0, -2.0, -2.0, -2.0], 1),
        ([-3.0, -2.0, -3.0, -3.0], 0),
    ],
)
def test_the_likeliest_is_right_and_ties_share(values, wanted):
    assert right([Score(value, False) for value in values]) == wanted


@given(st.lists(st.sampled_from([-3.0, -2.0, -1.0]), min_size=2, max_size=5))
def test_over_all_answers_exactly_one_is_right(values):
    """Whatever a model's scores, an answer that could be any candidate gives chance."""
    turns = [values[n:] + values[:n] for n in range(len(values))]
    total = sum(right([Score(value, True) for value in turn]) for turn in turns)
    assert total == pytest.approx(1)


@pytest.mark.parametrize("first", [True, False])
def test_a_single_candidate_is_right_if_it_is_the_first_choice(first):
    assert right([Score(-5.0, first)]) == first
