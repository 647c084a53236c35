"""Tasks: the rows to score, when an item is right, and by how much."""

import json
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from needq.backup.encoder import Encoder
from needq.backup.task_files import Item, read_cloze, read_grammar
from needq.backup.tasks import (
    POOL,
    Candidate,
    Score,
    Task,
    chances,
    credit,
    encode,
    encode_tasks,
    margin,
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
    settings = Tasks(**files)
    values = encode_tasks(model / "tokenizer.json", 256, 4000, settings, END)
    write_json(tmp_path / "tasks.json", values)
    tasks = read_tasks(tmp_path / "tasks.json")
    chosen = {
        "grammar": sorted(read_grammar(folder / "grammar.jsonl"), key=lambda item: item.kind),
        "cloze": read_cloze(folder / "cloze.jsonl"),
    }
    assert tasks == {name: encode(items, words(), END, 256) for name, items in chosen.items()}
    assert {name: len(task.kinds) for name, task in tasks.items()} == {
        "grammar": 1352,
        "cloze": 320,
    }
    assert chances(tmp_path / "tasks.json") == {"grammar": 0.5, "cloze": 0.25}


def test_of_large_files_the_first_items_are_the_pool(file):
    pairs = [
        {"sentence_good": f"{n}", "sentence_bad": "x", "UID": k} for n in range(102) for k in "ab"
    ]
    passages = "".join(f"it was {n}\n" for n in range(1003))
    files = Tasks(grammar=str(file(pairs)), cloze=str(file(passages, "passages.txt")))
    values = encode_tasks(ROOT / "resources/pocket-gpt2/tokenizer.json", 256, 4000, files, END)
    assert {name: len(task["kinds"]) for name, task in values.items()} == {
        "grammar": 2 * POOL["grammar"],
        "cloze": POOL["cloze"],
    }
    assert values["cloze"]["numbers"] == list(range(POOL["cloze"]))


def test_some_items_of_a_task():
    items = [
        Item("k", "see", (" a", " b")),
        Item("l", "", ("x", "y")),
        Item("m", "see", (" c", " d")),
    ]
    task = encode(items, words(), END, 256)
    some = task.only([2, 1])
    assert (some.numbers, some.kinds) == ([2, 1], ["m", "l"])
    for own, place in zip(some.candidates, (2, 1), strict=True):
        assert [some.sentence(one) for one in own] == [
            task.sentence(one) for one in task.candidates[place]
        ]
    assert len(some.rows) <= len(task.rows)
    assert task.only(range(3)) == task
    assert task.only([]) == Task([], [], [], [])


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
    with pytest.raises(UserError, match=r"an item of infer: .ud800 is half of a surrogate pair"):
        encode(items, letters, END, 64)


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
    assert credit([Score(value, 0.0) for value in values]) == wanted


@given(st.lists(st.sampled_from([-3.0, -2.0, -1.0]), min_size=2, max_size=5))
def test_over_all_answers_exactly_one_is_right(values):
    """Whatever a model's scores, an answer that could be any candidate gives chance."""
    turns = [values[n:] + values[:n] for n in range(len(values))]
    total = sum(credit([Score(value, 1.0) for value in turn]) for turn in turns)
    assert total == pytest.approx(1)


@pytest.mark.parametrize(("lead", "right"), [(0.5, 1), (0.0, 0), (-0.5, 0)])
def test_a_single_candidate_is_right_if_it_is_the_first_choice(lead, right):
    assert credit([Score(-5.0, lead)]) == right
    assert margin([Score(-5.0, lead)]) == lead


def test_a_margin_is_what_is_between_the_right_and_the_best_wrong_candidate():
    assert margin([Score(value, 9.0) for value in (-1.0, -4.0, -3.0)]) == 2
    assert margin([Score(value, 9.0) for value in (-3.5, -4.0, -3.0)]) == -0.5


@given(st.lists(st.floats(-9, 0), min_size=2, max_size=5))
def test_the_sign_of_a_margin_says_what_is_right(values):
    scores = [Score(value, 0.0) for value in values]
    if credit(scores) == 1:
        assert margin(scores) > 0
    elif credit(scores) == 0:
        assert margin(scores) < 0
    else:
        assert margin(scores) == 0
