"""Prompts and documents as token ids."""

import pytest
from needq.backup.tokens import decode_texts, decoder, encode_texts
from needq.common.errors import UserError
from needq.common.settings import Evaluation, Generation
from tokenizers import Tokenizer

END = 256


@pytest.fixture
def make(gpt2, tmp_path):
    """A function that tokenizes with the byte-level tokenizer: an id per byte."""

    def run(text="One.\n\nTwo.\n", tokenizer=gpt2.backup / "tokenizer.json", context=64, **changes):
        file = tmp_path / "text.txt"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        generation = {"prompts": ["ab", "c"], "max_new_tokens": 10}
        generation |= {"begin": "<|endoftext|>", "end": "<|endoftext|>"}
        evaluation = {"text": str(file), "tokens_per_document": 20, "begin": "<|endoftext|>"}
        for name, value in changes.items():
            key = name.removeprefix("evaluation_")
            (evaluation if name != key else generation)[key] = value
        return encode_texts(tokenizer, context, Generation(**generation), Evaluation(**evaluation))

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


@pytest.mark.parametrize("limit", [1, 5, 40, 200])
def test_bytes_are_those_of_the_scored_tokens(make, pocket, limit):
    text = "Tom said: “Let’s go, it’s late!”\n\nÉté naïve, 1 2  3.\nA new line.\n\nThe end."
    file = pocket.backup / "tokenizer.json"
    tokens = make(text, file, 256, evaluation_tokens_per_document=limit)
    tokenizer = Tokenizer.from_file(str(file))
    documents = text.split("\n\n")
    for document, row, size in zip(documents, tokens["documents"], tokens["bytes"], strict=True):
        kept = tokenizer.decode(row[1:])
        whole = kept.rstrip("\ufffd")  # a cut may fall inside a character
        assert document.startswith(whole)
        assert len(whole.encode()) <= size <= len(whole.encode()) + 3
        if kept == whole:
            assert size == len(whole.encode())
        if len(row) <= limit:
            assert kept == document


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
        ({"text": b"\xff\xfe"}, "evaluation.text: .* is not UTF-8"),
        ({"text": "\n\n\n"}, "evaluation.text: .* holds no document"),
        ({"begin": "<s>"}, "generation.begin: the model's tokenizer has no token <s>"),
        ({"end": "</s>"}, "generation.end: .* no token </s>"),
        ({"evaluation_begin": "<s>"}, "evaluation.begin: .* no token <s>"),
    ],
)
def test_what_does_not_fit_is_refused_by_key(make, changes, message):
    with pytest.raises(UserError, match=message) as error:
        make(**changes)
    assert "\n" not in str(error.value)
