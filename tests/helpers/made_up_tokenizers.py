"""tokenizer.json files of five kinds with random parts, and strings to try on them."""

import json
import random
from collections.abc import Sequence

from tokenizers import AddedToken, Regex, Tokenizer
from tokenizers import decoders as de
from tokenizers import models as mo
from tokenizers import normalizers as no
from tokenizers import pre_tokenizers as pr
from tokenizers import processors as po

KINDS = ("bpe", "byte_bpe", "wordpiece", "unigram", "wordlevel")
CHARACTERS = "abcdefgh ABC.,!?'’-012\n\t éßñ日本がﬁ🙂▁Ġ#</>\u0301\u200b\u2028\u3000"
WORDS = ("the", "cat", "Café", "ﬁne", "  ", "it's", "12", "日本", "don’t", "\n\n", "▁a", "##b")
ADDED = ("<|end|>", "<user>", "cat", " x ", "É", "[PAD]", "<unk>", "ab")
BYTES = [f"<0x{number:02X}>" for number in range(256)]


def made_up_tokenizer(kind: str, rng: random.Random) -> str:
    """The text of a tokenizer.json of one of KINDS, with random parts."""
    tokenizer = Tokenizer(MODELS[kind](rng))
    if rng.random() < 0.7:
        tokenizer.normalizer = no.Sequence(_some(rng, NORMALIZERS, 3))
    if kind == "byte_bpe":
        flags = {name: rng.random() < 0.5 for name in ("add_prefix_space", "use_regex")}
        before = _some(rng, PRE_TOKENIZERS, 1) if rng.random() < 0.3 else []
        tokenizer.pre_tokenizer = pr.Sequence([*before, pr.ByteLevel(**flags)])
    elif kind == "wordlevel" or rng.random() < 0.8:
        tokenizer.pre_tokenizer = pr.Sequence(_some(rng, PRE_TOKENIZERS, 2))
    fitting = {"byte_bpe": de.ByteLevel(), "wordpiece": de.WordPiece()}.get(kind)
    if fitting and rng.random() < 0.8:
        tokenizer.decoder = fitting
    elif rng.random() < 0.8:
        tokenizer.decoder = de.Sequence(_some(rng, DECODERS, 3))
    for content in rng.sample(ADDED, rng.randint(0, 4)):
        names = ("lstrip", "rstrip", "single_word", "normalized")
        flags = {name: rng.random() < 0.3 for name in names}
        add = rng.choice((tokenizer.add_tokens, tokenizer.add_special_tokens))
        add([AddedToken(content, **flags)])
    if rng.random() < 0.6:
        tokenizer.post_processor = _post_processor(tokenizer, rng)
    if rng.random() < 0.4:
        tokenizer.enable_padding(length=rng.choice((None, 7, 40)), pad_id=0, pad_token="[PAD]")
    if rng.random() < 0.4:
        tokenizer.enable_truncation(rng.randint(3, 8))
    return _respelled(json.loads(tokenizer.to_str()), rng)


def made_up_strings(rng: random.Random, number: int) -> list[str]:
    """Strings of characters, words and added tokens, some of them empty."""
    parts = (*CHARACTERS, *WORDS, *WORDS, *ADDED)
    return ["".join(rng.choices(parts, k=rng.randint(0, 12))) for _ in range(number)]


def _some(rng: random.Random, makers: Sequence, most: int) -> list:
    return [make(rng) for make in rng.sample(makers, rng.randint(1, most))]


def _vocabulary(tokens: Sequence[str]) -> dict[str, int]:
    return {token: number for number, token in enumerate(dict.fromkeys(tokens))}


def _merged(rng: random.Random, alphabet: Sequence[str], prefix: str = "") -> tuple[list, list]:
    """An alphabet with the results of random merges, and the merges."""
    tokens, merges = list(alphabet), []
    for _ in range(rng.randint(0, 60)):
        left, right = rng.choice(tokens), rng.choice(tokens)
        whole = left + right.removeprefix(prefix)
        if whole not in tokens and len(whole) < 8:
            merges.append((left, right))
            tokens.append(whole)
    return tokens, merges


def _bpe(rng: random.Random) -> mo.BPE:
    known = [character for character in CHARACTERS if rng.random() < 0.9]
    suffix = rng.choice((None, None, "</w>"))
    alphabet = known + [character + suffix for character in known if suffix]
    tokens, merges = _merged(rng, alphabet)
    fallback = rng.random() < 0.3
    unknown = rng.choice((None, "<unk>"))
    vocabulary = [*([unknown] if unknown else []), *tokens, *(BYTES if fallback else [])]
    chosen = {"unk_token": unknown, "end_of_word_suffix": suffix}
    return mo.BPE(
        vocab=_vocabulary(vocabulary),
        merges=merges,
        **{name: value for name, value in chosen.items() if value},
        fuse_unk=rng.random() < 0.5,
        byte_fallback=fallback,
        ignore_merges=rng.random() < 0.3,
    )


def _byte_bpe(rng: random.Random) -> mo.BPE:
    tokens, merges = _merged(rng, sorted(pr.ByteLevel.alphabet()))
    return mo.BPE(vocab=_vocabulary(tokens), merges=merges, ignore_merges=rng.random() < 0.3)


def _wordpiece(rng: random.Random) -> mo.WordPiece:
    pieces = [*CHARACTERS, *WORDS, "ca", "don", "fi"]
    inner = [f"##{piece}" for piece in pieces if rng.random() < 0.8]
    vocabulary = _vocabulary(["[UNK]", *pieces, *inner])
    return mo.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=rng.randint(3, 50))


def _unigram(rng: random.Random) -> mo.Unigram:
    pieces = ["<unk>", *(piece for piece in (*CHARACTERS, *WORDS, "ca", "do", "▁the", "ﬁn"))]
    fallback = rng.random() < 0.4
    pieces += BYTES if fallback else []
    scores = [(piece, -rng.random() * 10) for piece in dict.fromkeys(pieces)]
    return mo.Unigram(scores, unk_id=0, byte_fallback=fallback)


def _wordlevel(rng: random.Random) -> mo.WordLevel:
    return mo.WordLevel(_vocabulary(["[UNK]", *WORDS, *CHARACTERS]), unk_token="[UNK]")


MODELS = {
    "bpe": _bpe,
    "byte_bpe": _byte_bpe,
    "wordpiece": _wordpiece,
    "unigram": _unigram,
    "wordlevel": _wordlevel,
}
NORMALIZERS = (
    lambda rng: rng.choice((no.NFC, no.NFD, no.NFKC, no.NFKD))(),
    lambda rng: no.Lowercase(),
    lambda rng: no.Sequence([no.NFD(), no.StripAccents()]),
    lambda rng: no.Strip(left=rng.random() < 0.5, right=rng.random() < 0.5),
    lambda rng: no.Prepend("▁"),
    lambda rng: no.Replace(rng.choice((" ", "a", Regex(" {2,}"))), rng.choice(("▁", "", "b"))),
    lambda rng: no.BertNormalizer(strip_accents=rng.choice((None, True, False))),
    lambda rng: no.Nmt(),
)
PRE_TOKENIZERS = (
    lambda rng: pr.Whitespace(),
    lambda rng: pr.WhitespaceSplit(),
    lambda rng: pr.BertPreTokenizer(),
    lambda rng: pr.Metaspace(
        prepend_scheme=rng.choice(("always", "never", "first")), split=rng.random() < 0.5
    ),
    lambda rng: pr.Digits(individual_digits=rng.random() < 0.5),
    lambda rng: pr.Punctuation(rng.choice(("isolated", "removed", "merged_with_previous"))),
    lambda rng: pr.Split(
        rng.choice((" ", Regex(r"\s+|\p{N}"))), rng.choice(("isolated", "merged_with_next"))
    ),
    lambda rng: pr.CharDelimiterSplit(rng.choice("-a")),
)
DECODERS = (
    lambda rng: de.Metaspace(),
    lambda rng: de.ByteFallback(),
    lambda rng: de.Fuse(),
    lambda rng: de.BPEDecoder(),
    lambda rng: de.Replace("▁", " "),
    lambda rng: de.Strip(" ", 1, 0),
    lambda rng: de.WordPiece(cleanup=rng.random() < 0.5),
)


def _post_processor(tokenizer: Tokenizer, rng: random.Random):
    first = (tokenizer.id_to_token(0), 0)
    return rng.choice(
        (
            po.ByteLevel(trim_offsets=True),
            po.BertProcessing(first, first),
            po.RobertaProcessing(first, first),
            po.TemplateProcessing(single=f"{first[0]} $A", special_tokens=[first])
            if first[0].isascii() and first[0].isprintable() and " " not in first[0]
            else po.ByteLevel(trim_offsets=False),
        )
    )


def _respelled(values: dict, rng: random.Random) -> str:
    """The same tokenizer as an older release of the library would have written it."""
    model = values["model"]
    merges = model.get("merges", [])
    if rng.random() < 0.5 and not any(" " in part for merge in merges for part in merge):
        if merges:
            model["merges"] = [" ".join(merge) for merge in merges]
        for name in ("dropout", "ignore_merges", "byte_fallback", "continuing_subword_prefix"):
            if not model.get(name, True):
                del model[name]
    return json.dumps(values, indent=rng.choice((None, 2)), ensure_ascii=rng.random() < 0.5)
