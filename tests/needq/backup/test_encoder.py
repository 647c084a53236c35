"""Encoding: nothing of a text is lost, and every id is one that the model has."""

import pytest
from needq.backup.encoder import Encoder
from needq.common.errors import UserError
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

LETTERS = {letter: number for number, letter in enumerate("abcdefghijklmnopqrstuvwxyz .\n")}
ALPHABET = set(pre_tokenizers.ByteLevel.alphabet())
BYTES = {f"<0x{number:02X}>": number for number in range(256)}
PIECES = [("<unk>", 0.0), *((letter, -1.0) for letter in LETTERS)]
NAMED = {"<unk>": 0} | {letter: number + 1 for letter, number in LETTERS.items()}


@pytest.fixture
def saved(tmp_path):
    """A function that saves a tokenizer of this model, and returns its encoder."""

    def make(model, vocabulary=1000, normalizer=None, special=()):
        tokenizer = Tokenizer(model)
        if normalizer:
            tokenizer.normalizer = normalizer
        tokenizer.add_special_tokens(list(special))
        tokenizer.save(str(tmp_path / "tokenizer.json"))
        return Encoder(tmp_path / "tokenizer.json", vocabulary)

    return make


def bpe(vocabulary=LETTERS, merges=(), **settings):
    return models.BPE(vocab=vocabulary, merges=list(merges), **settings)


def without_unknown():
    return models.Unigram(PIECES[1:], unk_id=None)


def test_a_text_is_encoded_without_anything_around_it(saved):
    encoder = saved(bpe(merges=[("a", "b")], vocabulary=LETTERS | {"ab": 50}))
    assert encoder.ids("abc a", "p") == [50, 2, 26, 0]
    assert encoder.encode("abc", "p").offsets == [(0, 2), (2, 3)]


@pytest.mark.parametrize("model", [bpe, without_unknown, lambda: bpe(byte_fallback=True)])
@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("да", r"'д' \(U\+0434\) in 'да'"),
        ("a café with cream", r"'é' \(U\+00E9\) in 'a café with cream'"),
        ("x" * 30 + "\u200b" + "y" * 30, r"'\\u200b' \(U\+200B\) in 'x{20}\\u200by{19}'"),
        ("last one is é", r"'é' \(U\+00E9\)"),
        ("a\0b", r"'\\x00' \(U\+0000\)"),
    ],
)
def test_a_character_without_a_token_is_named(saved, model, text, named):
    with pytest.raises(UserError, match=f"^where: the model's .* for the character {named}"):
        saved(model()).ids(text, "where")


@pytest.fixture
def byte_level(tmp_path):
    """A function that saves a tokenizer whose letters stand for bytes, and returns its encoder."""

    def make(letters, merges=()):
        vocabulary = [*sorted(letters), *(left + right for left, right in merges)]
        tokenizer = Tokenizer(bpe({name: n for n, name in enumerate(vocabulary)}, merges))
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.save(str(tmp_path / "tokenizer.json"))
        return Encoder(tmp_path / "tokenizer.json", 1000)

    return make


def test_half_of_a_character_is_not_left_out(byte_level):
    encoder = byte_level(ALPHABET - {"©"})  # the second byte of é
    assert len(encoder.ids("è", "where")) == 2
    with pytest.raises(UserError, match=r"no token for the character 'é'"):
        encoder.ids("aé", "where")


def test_bytes_stand_for_a_character_without_a_token(saved):
    assert saved(bpe(LETTERS | BYTES, byte_fallback=True)).ids("é", "where") == [0xC3, 0xA9]


@pytest.mark.parametrize(
    "model",
    [
        bpe(NAMED, unk_token="<unk>"),
        models.Unigram(PIECES, unk_id=0),
        models.WordPiece(NAMED, unk_token="<unk>"),
        models.WordLevel(NAMED, unk_token="<unk>"),
    ],
)
def test_an_unknown_token_never_stands_for_a_character(saved, model):
    """However many characters it would stand for, it counts as one token."""
    with pytest.raises(UserError, match=r"no token for 'é.*', which would become its unknown"):
        saved(model).ids("éé", "where")


def test_what_a_normalizer_removes_by_design_is_no_loss(saved):
    encoder = saved(
        bpe(), normalizer=normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents()])
    )
    assert encoder.ids("café", "where") == encoder.ids("cafe", "where") == [2, 0, 5, 4]


@pytest.mark.parametrize("text", ["", " ", "\n \t"])
def test_a_text_without_tokens_is_refused(saved, text):
    encoder = saved(bpe(), normalizer=normalizers.Strip())
    with pytest.raises(UserError, match=r"^where: the model's tokenizer makes no token of '"):
        encoder.encode(text, "where")


def test_a_tokenizer_that_cannot_encode_a_word_is_one_line(saved):
    encoder = saved(models.WordLevel({"a": 0}, unk_token="[UNK]"))
    with pytest.raises(UserError, match=r"^where: .* cannot encode 'word' \(WordLevel error: Miss"):
        encoder.ids("word", "where")


def test_an_id_that_the_model_lacks_is_named(saved):
    encoder = saved(bpe(), vocabulary=len(LETTERS), special=["<|user|>"])
    assert encoder.ids("hi", "where")
    message = (
        r"'<\|user\|>' has the id 29 in tokenizer.json, but the model has the ids 0 to 28 only"
    )
    with pytest.raises(UserError, match=f"^where: the token {message}$"):
        encoder.ids("<|user|> hi", "where")
    with pytest.raises(UserError, match=f"^config: generation.end: the token {message}$"):
        encoder.token("<|user|>", "generation.end")
    assert saved(bpe(), len(LETTERS) + 1, special=["<|user|>"]).ids("<|user|>", "where") == [29]


def test_a_token_is_a_name_or_a_text_of_one_token(gpt2):
    encoder = Encoder(gpt2.backup / "tokenizer.json", 257)
    number = encoder.tokenizer.token_to_id("Ċ")
    assert encoder.token("\n", "end") == encoder.token("Ċ", "end") == number
    assert encoder.token("<|endoftext|>", "end") == 256
    for text in ("\n\n", "日", "<s>"):
        with pytest.raises(UserError) as error:
            encoder.token(text, "generation.end")
        assert str(error.value) == (
            f"config: generation.end: {text!r} is neither the name of a token of the model's "
            "tokenizer nor a text that is exactly one token"
        )


@pytest.mark.parametrize(
    "model",
    [
        bpe(),
        bpe(NAMED, unk_token="<unk>"),
        without_unknown(),
        models.Unigram(PIECES, unk_id=0),
        models.WordPiece(NAMED, unk_token="<unk>"),
        models.WordLevel(NAMED, unk_token="<unk>"),
        models.WordLevel(NAMED, unk_token="[UNK]"),
    ],
)
def test_an_unknown_text_is_no_token(saved, model):
    encoder = saved(model)
    with pytest.raises(UserError, match="is neither the name"):
        encoder.token("é", "generation.begin")
    assert encoder.token("a", "generation.begin") in (0, 1)


def test_a_name_that_is_the_text_of_another_token_is_refused(byte_level):
    """Byte-level tokenizers call one byte é. The letter é has two, and here a token of its own."""
    assert byte_level(ALPHABET).token("é", "generation.end") < 256
    encoder = byte_level(ALPHABET, [("Ã", "©")])
    with pytest.raises(UserError) as error:
        encoder.token("é", "generation.end")
    name = encoder.tokenizer.token_to_id("é")
    assert str(error.value) == (
        f"config: generation.end: 'é' is the name of one token (id {name}) and the text of another "
        "(id 256); the name of the other is 'Ã©'"
    )
    assert encoder.token("Ã©", "generation.end") == 256


def test_half_of_a_surrogate_pair_is_refused(saved):
    with pytest.raises(UserError, match=r"^where: \\ud83d is half of a surrogate pair"):
        saved(bpe()).ids("a\ud83d", "where")
