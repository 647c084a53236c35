"""Tasks: what their files may hold, the rows to score, and when an item is right."""

import json
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from needq.backup.encoder import Encoder
from needq.backup.tasks import (
    Candidate,
    Item,
    Score,
    chances,
    credit,
    encode,
    encode_tasks,
    first_items,
    first_of_each_kind,
    read_cloze,
    read_grammar,
    read_tasks,
)
from needq.common.errors import UserError
from needq.common.files import write_json
from needq.common.settings import Tasks
from tokenizers import Tokenizer, models, normalizers

ROOT = Path(__file__).parents[3]
END = "<|endoftext|>"


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


@pytest.fixture(scope="session")
def letters(gpt2):
    """The tokenizer whose ids are bytes."""
    return Encoder(gpt2.backup / "tokenizer.json", 257)


@cache
def words():
    """pocket-gpt2's tokenizer."""
    return Encoder(ROOT / "resources/pocket-gpt2/tokenizer.json", 4000)


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
        Item("mixed", "He had a dog , and he loved the", (" dog",)),
    ]
    assert read_cloze(file("one two three\n\nfour five\u2028six seven\n", "plain.txt")) == [
        Item("plain", "one two", (" three",)),
        Item("plain", "four five\u2028six", (" seven",)),
    ]


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
    with pytest.raises(
        UserError, match=r"tasks.pairs: 4 items of a are wanted, but the file has 3"
    ):
        first_of_each_kind(ITEMS, 4)


def test_the_first_items_are_taken():
    assert first_items(ITEMS, 3) == ITEMS[:3]
    with pytest.raises(UserError, match=r"tasks.passages: 7 items are wanted, but the file has 6"):
        first_items(ITEMS, 7)


def test_a_pair_is_two_rows_and_all_tokens_are_predicted(letters):
    task = encode([Item("k", "", ("ab.", "ba."))], letters, END, 64)
    ids = [[256, *letters.ids(text, "")] for text in ("ab.", "ba.")]
    assert task.kinds == ["k"]
    assert task.rows == ids
    assert task.candidates == [[Candidate(n, 1, tuple(ids[n][1:])) for n in (0, 1)]]


def test_candidates_that_differ_in_their_last_token_share_a_row(letters):
    item = Item("k", "see", (" a", " b", " cd", " ce"))
    task = encode([item, Item("k", "", ("x", "y")), item], letters, END, 64)
    texts = [letters.tokenizer.decode(row[1:]) for row in task.rows]
    assert texts == ["see a", "see cd", "x"]
    assert [candidate.row for candidate in task.candidates[0]] == [0, 0, 1, 1]
    assert [candidate.row for candidate in task.candidates[1]] == [2, 2]
    assert task.candidates[2] == task.candidates[0]
    for candidates in task.candidates[::2]:
        for candidate, text in zip(candidates, item.candidates, strict=True):
            assert letters.tokenizer.decode(list(candidate.tokens)) == text
            assert candidate.start == 4


def test_one_forward_pass_per_passage_of_the_simple_set():
    encoder = words()
    items = read_cloze(ROOT / "resources/tasks/simple/cloze.jsonl")
    task = encode(items, encoder, END, 256)
    assert len(task.rows) == len(items) == 320
    assert {len(candidate.tokens) for own in task.candidates for candidate in own} == {1}


def test_the_tasks_of_a_config_are_written_and_read(tmp_path):
    folder, model = ROOT / "resources/tasks/simple", ROOT / "resources/pocket-gpt2"
    files = {name: str(folder / f"{name}.jsonl") for name in ("grammar", "cloze")}
    settings = Tasks(**files, pairs=4, passages=8)
    values = encode_tasks(model / "tokenizer.json", 256, 4000, settings, END)
    write_json(tmp_path / "tasks.json", values)
    tasks = read_tasks(tmp_path / "tasks.json")
    chosen = {
        "grammar": first_of_each_kind(read_grammar(folder / "grammar.jsonl"), 4),
        "cloze": first_items(read_cloze(folder / "cloze.jsonl"), 8),
    }
    assert tasks == {name: encode(items, words(), END, 256) for name, items in chosen.items()}
    assert {name: len(task.kinds) for name, task in tasks.items()} == {"grammar": 104, "cloze": 8}
    assert chances(tmp_path / "tasks.json") == {"grammar": 0.5, "cloze": 0.25}


@given(st.lists(st.text("ab é", min_size=1).map(lambda text: f" x{text}"), min_size=2, unique=True))
def test_row_and_tokens_say_the_whole_item(candidates):
    encoder = words()
    task = encode([Item("k", "He saw", tuple(candidates))], encoder, END, 256)
    for candidate, text in zip(task.candidates[0], candidates, strict=True):
        row = task.rows[candidate.row]
        whole = [*row[1 : candidate.start], *candidate.tokens]
        assert encoder.tokenizer.decode(whole) == f"He saw{text}"
        assert row[:-1] == [0, *whole][:-1]


def test_a_beginning_that_the_tokenizer_reads_otherwise_alone():
    """The beginning ends inside a token of the whole: the candidate then begins with that token."""
    encoder = words()
    task = encode([Item("k", "a s", ("tory", "mall"))], encoder, END, 256)
    a, story = encoder.ids("a story", "")
    assert task.candidates[0][0] == Candidate(0, 2, (story,))
    assert task.rows[0] == [0, a, story]


def test_what_does_not_fit_is_refused(letters):
    item = Item("copy", "abc", (" d", " e"))
    assert encode([item], letters, END, 6)
    with pytest.raises(UserError, match=r"an item of copy has 6 tokens .* context of 5: abc d"):
        encode([item], letters, END, 5)
    with pytest.raises(
        UserError, match=r"evaluation.begin: '<s>' is neither the name of a token of the model's"
    ):
        encode([item], letters, "<s>", 64)
    few = Encoder(ROOT / "resources/pocket-gpt2/tokenizer.json", 20)
    with pytest.raises(UserError, match=r"an item of copy: the token .* has the id \d+ in"):
        encode([item], few, END, 64)


def test_a_candidate_without_tokens_is_refused(tmp_path):
    """It would have the log probability 0, and be always right."""
    tokenizer = Tokenizer(models.BPE(vocab={"a": 0, "b": 1, " ": 2, END: 3}, merges=[]))
    tokenizer.normalizer = normalizers.Replace(" b", "")
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    encoder = Encoder(tmp_path / "tokenizer.json", 4)
    assert encode([Item("k", "a", (" a", " aa"))], encoder, END, 9)
    with pytest.raises(UserError, match=r"an item of k: the model's .* no token of ' b' after 'a'"):
        encode([Item("k", "a", (" b", " a"))], encoder, END, 9)


def test_half_of_a_surrogate_pair_is_refused(file, letters):
    items = read_cloze(file('{"text": "a \\ud800", "distractors": ["b"]}'))
    with pytest.raises(UserError, match=r"an item of task: .ud800 is half of a surrogate pair"):
        encode(items, letters, END, 64)


def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_an_item(file):
    plain = "one two\nthree four\n"
    marked = b"\xef\xbb\xbf" + plain.replace("\n", "\r\n").encode()
    assert read_cloze(file(marked, "plain.txt")) == read_cloze(file(plain, "plain.txt"))


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
    assert credit([Score(value, False) for value in values]) == wanted


@given(st.lists(st.sampled_from([-3.0, -2.0, -1.0]), min_size=2, max_size=5))
def test_over_all_answers_exactly_one_is_right(values):
    """Whatever a model's scores, an answer that could be any candidate gives chance."""
    turns = [values[n:] + values[:n] for n in range(len(values))]
    total = sum(credit([Score(value, True) for value in turn]) for turn in turns)
    assert total == pytest.approx(1)


@pytest.mark.parametrize("first", [True, False])
def test_a_single_candidate_is_right_if_it_is_the_first_choice(first):
    assert credit([Score(-5.0, first)]) == first


@pytest.mark.parametrize("name", ["task.txt", "task.json", "task.JSONL", "task.jsonl.txt"])
def test_json_lines_are_never_read_as_plain_ones(file, name):
    line = '{"text": "the cat sat on the mat", "distractors": ["dog"]}\n'
    with pytest.raises(UserError, match=r"line 1: looks like JSON; name the file \*\.jsonl"):
        read_cloze(file(line, name))
