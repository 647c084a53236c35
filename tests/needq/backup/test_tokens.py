"""Prompts and documents as token ids."""

import logging

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from needq.backup.tokens import decode_texts, decoder, encode_texts
from needq.common.errors import UserError
from needq.common.settings import Evaluation, Generation
from tokenizers import Tokenizer

END = 256


@pytest.fixture
def make(gpt2, tmp_path):
    """A function that tokenizes with the byte-level tokenizer: an id per byte."""

    def run(
        text="One.\n\nTwo.\n",
        tokenizer=gpt2.backup / "tokenizer.json",
        context=64,
        vocabulary=4000,
        **changes,
    ):
        file = tmp_path / "text.txt"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        generation = {"prompts": ["ab", "c"], "max_new_tokens": 10}
        generation |= {"begin": "<|endoftext|>", "end": "<|endoftext|>"}
        evaluation = {"text": str(file), "tokens_per_document": 20, "begin": "<|endoftext|>"}
        for name, value in changes.items():
            key = name.removeprefix("evaluation_")
            (evaluation if name != key else generation)[key] = value
        return encode_texts(
            tokenizer, context, vocabulary, Generation(**generation), Evaluation(**evaluation)
        )

    return run


def ids(tokenizer_file, text):
    return Tokenizer.from_file(str(tokenizer_file)).encode(text, add_special_tokens=False).ids


def test_prompts_begin_as_the_config_says(make, gpt2):
    file = gpt2.backup / "tokenizer.json"
    tokens = make()
    assert tokens["prompts"] == [[END, *ids(file, "ab")], [END, *ids(file, "c")]]
    assert tokens["end"] == END
    without = make(begin=None, end=None)
    assert without["prompts"] == [ids(file, "ab"), ids(file, "c")]
    assert without["end"] is None


def test_texts_are_decoded_without_the_token_that_ended_them(gpt2):
    file = gpt2.backup / "tokenizer.json"
    rows = [
        {"tokens": [*ids(file, "ab"), END], "ended": True},
        {"tokens": ids(file, "ab"), "ended": True},  # another token may be the end
        {"tokens": ids(file, "ab é"), "ended": False},
    ]
    decode_texts(rows, file)
    assert [row["text"] for row in rows] == ["ab", "a", "ab é"]


def test_a_decoder_shows_special_tokens(gpt2):
    file = gpt2.backup / "tokenizer.json"
    assert decoder(file)([*ids(file, "ab"), END]) == "ab<|endoftext|>"


def test_documents_are_separated_by_blank_lines_and_cut(make, gpt2):
    text = "One\nline.\n\n\n\nThis document is too long.\n\n"
    tokens = make(text, evaluation_tokens_per_document=12)
    decode = Tokenizer.from_file(str(gpt2.backup / "tokenizer.json")).decode
    assert [decode(row[1:]) for row in tokens["documents"]] == ["One\nline.", "This documen"]
    assert [row[0] for row in tokens["documents"]] == [END, END]
    assert tokens["bytes"] == [9, 12]


def test_whole_documents_are_kept_up_to_the_context(make, caplog):
    with caplog.at_level(logging.INFO):
        tokens = make("a" * 70 + "\n\nb\n", evaluation_tokens_per_document=None)
    assert [len(row) for row in tokens["documents"]] == [64, 2]  # the begin token, and 63
    assert tokens["bytes"] == [63, 1]
    assert "2 documents of 64 tokens; 7 more tokens are not scored" in caplog.text


@pytest.mark.parametrize("limit", [4, 5, 12, 40, 200])
def test_bytes_are_those_of_the_scored_tokens(make, pocket, limit):
    text = "Tom said: “Let’s go, it’s late!”\n\nÉté naïve, 1 2  3.\nA new line.\n\nThe end."
    file = pocket.backup / "tokenizer.json"
    tokens = make(text, file, 256, evaluation_tokens_per_document=limit)
    tokenizer = Tokenizer.from_file(str(file))
    documents = text.split("\n\n")
    for document, row, size in zip(documents, tokens["documents"], tokens["bytes"], strict=True):
        kept = tokenizer.decode(row[1:])
        assert document.startswith(kept)
        assert size == len(kept.encode())
        # no more is left out than the rest of a character
        assert kept == document or limit - 3 < len(row) - 1 <= limit


WHOLE = st.text("aé’日🙂 ", min_size=1, max_size=12).filter(lambda text: text.strip())


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(WHOLE, min_size=1, max_size=3), st.integers(4, 30))
def test_no_document_is_cut_inside_a_character(make, documents, limit):
    """The ids are bytes here, so a character has one to four of them."""
    tokens = make("\n\n".join(documents), evaluation_tokens_per_document=limit)
    for document, row, size in zip(documents, tokens["documents"], tokens["bytes"], strict=True):
        encoded = document.encode()
        wanted = len(encoded[:limit].decode(errors="ignore").encode())
        assert (len(row) - 1, size) == (wanted, wanted)


def test_a_first_character_that_does_not_fit_is_refused(make):
    with pytest.raises(UserError, match=r"document 2 of .*text.txt: its first character has more"):
        make("a\n\n’b\n\nc", evaluation_tokens_per_document=2)


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbfOne.\n\nTwo.\n",
        b"One.\r\n\r\nTwo.\r\n",
        b"\xef\xbb\xbfOne.\r\n \t\r\nTwo.",
        b"One.\n \nTwo.\n",
        b"\n\t\nOne.\n\n  \n\nTwo.\n \n",
        "One.\n\u00a0\u3000\nTwo.\n".encode(),
    ],
)
def test_blank_lines_and_marks_of_editors_are_no_part_of_a_document(make, text):
    assert make(text) == make(b"One.\n\nTwo.\n")


def test_white_space_inside_a_document_stays(make, gpt2):
    tokens = make("  One \n\tline. \n\nTwo.", evaluation_tokens_per_document=40)
    decode = Tokenizer.from_file(str(gpt2.backup / "tokenizer.json")).decode
    assert [decode(row[1:]) for row in tokens["documents"]] == ["  One \n\tline. ", "Two."]


@pytest.mark.parametrize("text", ["One.\nTwo.\n", "One.\nTwo.\nThree.\n\n", "\n\nOne.\r\nTwo."])
def test_a_document_per_line_is_not_taken_as_one_document(make, text):
    with pytest.raises(UserError, match=r"text.txt: has no blank line between documents: put one"):
        make(text)
    assert len(make("One.\n")["documents"]) == 1


def test_a_text_that_just_fits(make):
    assert make(context=13, evaluation_tokens_per_document=12)  # begin, two bytes, ten new
    assert make(context=21)  # begin, and twenty of the document
    for context, limit in ((12, 11), (20, 20)):
        with pytest.raises(UserError, match="context"):
            make(context=context, evaluation_tokens_per_document=limit)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"max_new_tokens": 62},
            "config: generation.prompts.0: 3 tokens and 62 new ones exceed the model's context "
            "of 64",
        ),
        ({"prompts": ["ok", "x" * 54]}, "generation.prompts.1: 55 tokens"),
        ({"evaluation_tokens_per_document": 64}, "evaluation.tokens_per_document: 64"),
        ({"text": b"\xff\xfe"}, "evaluation.text: .*: is not UTF-8"),
        ({"text": b"a\0\n\0"}, "evaluation.text: .*: holds the character NUL"),
        ({"text": b"a\n\n\xed\xa0\x80"}, "evaluation.text: .*: is not UTF-8"),
        ({"evaluation_text": "/"}, "evaluation.text: /: is not a file"),
        ({"evaluation_text": "/none"}, "evaluation.text: /none: cannot be read .No such file"),
        ({"text": "\n\n\n"}, "evaluation.text: .* holds no document"),
        ({"begin": "<s>"}, "generation.begin: '<s>' is neither the name of a token of the"),
        ({"end": "</s>"}, "generation.end: '</s>' is neither .* nor a text that is exactly"),
        ({"end": "日"}, "generation.end: '日' is neither"),  # two tokens
        ({"evaluation_begin": "<s>"}, "evaluation.begin: '<s>' is neither"),
        (
            {"vocabulary": 256},
            "generation.begin: the token '<|endoftext|>' has the id 256 in .* to",
        ),
        (
            {"vocabulary": 65, "begin": None, "end": None, "evaluation_begin": "a"},
            "prompts.0: the token 'b' has the id",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_key(make, changes, message):
    with pytest.raises(UserError, match=message) as error:
        make(**changes)
    assert "\n" not in str(error.value)
