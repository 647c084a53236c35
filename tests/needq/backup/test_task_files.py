"""The files of tasks: BLiMP's and LAMBADA's formats, ours, and what is refused."""

import json
import re
from pathlib import Path

import pytest
from needq.backup.task_files import Item, first_of_each_kind, read_cloze, read_grammar
from needq.common.errors import UserError

ROOT = Path(__file__).parents[3]


@pytest.fixture
def file(tmp_path):
    """A function that writes a task's file: objects as JSON lines, or a text as it stands."""

    def write(content, name="task.jsonl"):
        path = tmp_path / name
        if isinstance(content, list):
            content = "".join(json.dumps(fields) + "\n" for fields in content)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


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


def test_grammar_reads_blimps_fields(file):
    assert read_grammar(file([BLIMP])) == [
        Item("anaphor_gender_agreement", "", ("Anna thanks herself.", "Anna thanks himself."))
    ]


def test_grammar_reads_a_folder_of_paradigms_by_name(file, tmp_path):
    pair = {"sentence_good": "It rains.", "sentence_bad": "It rain."}
    file([pair], "b.jsonl")
    file([BLIMP], "a.jsonl")
    file("not a task", "README.md")
    kinds = [item.kind for item in read_grammar(tmp_path)]
    assert kinds == ["anaphor_gender_agreement", "b"]


def test_cloze_reads_our_fields_lambadas_json_and_its_plain_text(file):
    ours = {"kind": "copy", "text": "A cat sat. I saw the cat", "distractors": ["dog", "cow"]}
    lambada = {"text": " He had a dog , and he loved the dog \n"}
    assert read_cloze(file([ours, lambada], "mixed.jsonl")) == [
        Item("copy", "A cat sat. I saw the", (" cat", " dog", " cow")),
        Item("copy", "He had a dog , and he loved the", (" dog",)),
    ]
    assert read_cloze(file("one two three\n\nfour five\u2028six seven\n", "plain.txt")) == [
        Item("infer", "one two", (" three",)),
        Item("infer", "four five\u2028six", (" seven",)),
    ]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("He had a Dog, and he loved the dog", "copy"),
        ("The dogs came. He loved the dog", "infer"),
        ("It's here. She knew it's", "copy"),
    ],
)
def test_a_passage_that_mentions_the_answer_asks_to_copy(file, text, kind):
    assert read_cloze(file(text, "plain.txt"))[0].kind == kind


def test_our_passages_have_the_kind_that_their_words_give():
    for name in ("simple", "general"):
        items = read_cloze(ROOT / f"resources/tasks/{name}/cloze.jsonl")
        for item in items:
            words = re.findall(r"\w+", item.beginning.lower())
            assert (item.candidates[0].strip().lower() in words) == (item.kind != "infer")


PAIR = {"sentence_good": "It rains.", "sentence_bad": "It rain."}
CLOZE = {"text": "I saw the cat", "distractors": ["dog"]}


@pytest.mark.parametrize(
    ("read", "content", "message"),
    [
        (read_grammar, [PAIR, PAIR | {"sentence_bad": "It rains."}], "line 2: both sentences"),
        (read_grammar, [PAIR, {"sentence_good": "a"}], "line 2: `sentence_bad` is not a text"),
        (read_grammar, [PAIR | {"sentence_good": 3}], "line 1: `sentence_good` is not a text"),
        (read_grammar, [PAIR | {"sentence_good": " "}], "line 1: `sentence_good` is not a text"),
        (read_grammar, '\n{"sentence_good"\n', r"line 2: is not JSON \(Expecting"),
        (read_grammar, "[1]\n", "line 1: is not a JSON object"),
        (read_grammar, "[" * 100_000, r"line 1: is not JSON \(maximum recursion"),
        (read_cloze, "a b\n".encode("utf-16-le"), "task.jsonl: holds the character NUL"),
        (read_grammar, "", "task.jsonl: holds no items"),
        (read_grammar, b"\xff\n", "task.jsonl: is not UTF-8"),
        (read_cloze, [{"text": "alone"}], "line 1: the passage has no word before its last"),
        (read_cloze, [{"passage": "a b"}], "line 1: `text` is not a text"),
        (read_cloze, [CLOZE | {"distractors": "dog"}], "line 1: `distractors` is not a list"),
        (read_cloze, [CLOZE | {"distractors": ["dog", ""]}], "line 1: `distractors` is not a"),
        (read_cloze, [CLOZE, CLOZE | {"distractors": ["cat"]}], "line 2: a candidate stands"),
        (read_cloze, "\n\n", "task.jsonl: holds no items"),
    ],
)
def test_a_bad_file_is_refused_by_name_and_line(file, read, content, message):
    with pytest.raises(UserError, match=message) as error:
        read(file(content))
    assert "task.jsonl" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("read", [read_grammar, read_cloze])
def test_a_missing_file_is_refused(read, tmp_path):
    with pytest.raises(UserError, match=r"none.jsonl: cannot be read .No such file"):
        read(tmp_path / "none.jsonl")


def test_a_folder_without_items_is_refused(tmp_path):
    with pytest.raises(UserError, match="holds no items"):
        read_grammar(tmp_path)


ITEMS = [Item(kind, "", (f"{kind}{n}", "x")) for n in range(3) for kind in ("b", "a")]


def test_the_first_of_each_kind_are_taken():
    chosen = first_of_each_kind(ITEMS, 2)
    assert [item.candidates[0] for item in chosen] == ["a0", "a1", "b0", "b1"]
    assert len(first_of_each_kind(ITEMS, 4)) == 6  # there are no more


def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_an_item(file):
    plain = "one two\nthree four\n"
    marked = b"\xef\xbb\xbf" + plain.replace("\n", "\r\n").encode()
    assert read_cloze(file(marked, "plain.txt")) == read_cloze(file(plain, "plain.txt"))


@pytest.mark.parametrize("name", ["task.txt", "task.json", "task.JSONL", "task.jsonl.txt"])
def test_json_lines_are_never_read_as_plain_ones(file, name):
    line = '{"text": "the cat sat on the mat", "distractors": ["dog"]}\n'
    with pytest.raises(UserError, match=r"line 1: looks like JSON; name the file \*\.jsonl"):
        read_cloze(file(line, name))
