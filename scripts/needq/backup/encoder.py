"""Texts as token ids of a model. Nothing of a text is lost, and the model knows every id."""

import json
from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Encoding, models

from needq.backup.tokenizer import attempt, load_copy
from needq.common.errors import UserError

NO_TOKEN = "<needq: no token>"  # in no vocabulary


class Encoder:
    """Encodes texts, and refuses what the tokenizer or the model cannot hold.

    `tokenizer_file` is the backup's. `where` is what an error says first: the key of the config, or
    the item of a task.
    """

    def __init__(self, tokenizer_file: str | Path, vocabulary: int) -> None:
        self.tokenizer = load_copy(tokenizer_file)
        self.vocabulary = vocabulary
        model = self.tokenizer.model
        if isinstance(model, models.BPE) and model.unk_token is None:
            # BPE leaves out characters without a token; it fails if its unknown token is missing
            model.unk_token = NO_TOKEN
        self.unknown = self._unknown()

    def ids(self, text: str, where: str) -> list[int]:
        """The ids of a whole text, without any added around it; see `encode` for errors."""
        ids = self.encode(text, where).ids
        self.check_known(ids, where)
        return ids

    def encode(self, text: str, where: str) -> Encoding:
        """The ids of a text and the characters of each, the ids not yet checked.

        Raises UserError for a text without tokens, or with characters that have none. What the
        tokenizer removes or changes by design (case, accents, white space) is as the model learnt.
        """
        _check_characters(text, where)
        encoding = attempt(
            lambda: self.tokenizer.encode(text, add_special_tokens=False),
            lambda reason: self._refusal(text, where, reason),
        )
        if not encoding.ids:
            raise UserError(f"{where}: the model's tokenizer makes no token of {_quoted(text)}")
        if self.unknown in encoding.ids:  # rarely; the offsets of all tokens take a while to make
            spelled = self.tokenizer.id_to_token(self.unknown)
            for number, (start, end) in zip(encoding.ids, encoding.offsets, strict=True):
                if number == self.unknown and text[start:end] != spelled:
                    raise UserError(
                        f"{where}: the model's tokenizer has no token for "
                        f"{_quoted(text[start:end])}, which would become its unknown token"
                    )
        return encoding

    def token(self, token: str, key: str) -> int:
        """The id of a token, given by its name or as a text that is exactly one token."""
        where = f"config: {key}"
        _check_characters(token, where)
        named, spelled = self.tokenizer.token_to_id(token), self._spelled(token)
        number = spelled if named is None else named
        if number is None:
            raise UserError(
                f"{where}: {token!r} is neither the name of a token of the model's tokenizer nor a "
                "text that is exactly one token"
            )
        if spelled not in (None, number):
            other = self.tokenizer.id_to_token(spelled)
            raise UserError(
                f"{where}: {token!r} is the name of one token (id {number}) and the text of "
                f"another (id {spelled}); the name of the other is {other!r}"
            )
        self.check_known([number], where)
        return number

    def check_known(self, ids: Sequence[int], where: str) -> None:
        """UserError naming the first token whose id is not in the model's vocabulary."""
        for number in ids:
            if number >= self.vocabulary:
                name = str(self.tokenizer.id_to_token(number))
                raise UserError(
                    f"{where}: the token {_quoted(name)} has the id {number} in tokenizer.json, "
                    f"but the model has the ids 0 to {self.vocabulary - 1} only"
                )

    def _refusal(self, text: str, where: str, reason: str) -> UserError:
        """The refusal of a text that cannot be encoded; it names the character if that is why."""
        if not isinstance(self.tokenizer.model, models.BPE | models.Unigram):
            return UserError(
                f"{where}: the model's tokenizer cannot encode {_quoted(text)} ({reason})"
            )
        # the last character of the shortest beginning that cannot be encoded
        beginnings = range(1, len(text))
        index = bisect_left(beginnings, True, key=lambda end: self._fails(text[:end]))
        character = text[index]
        return UserError(
            f"{where}: the model's tokenizer has no token for the character {character!r} "
            f"(U+{ord(character):04X}) in {text[max(0, index - 20) : index + 20]!r}"
        )

    def _fails(self, text: str) -> bool:
        try:
            self.tokenizer.encode(text, add_special_tokens=False)
        except Exception:
            return True
        return False

    def _spelled(self, text: str) -> int | None:
        """The id of the one token that encodes a text, if it is one and not the unknown one."""
        try:
            ids = self.tokenizer.encode(text, add_special_tokens=False).ids
        except Exception:
            return None
        return ids[0] if len(ids) == 1 and ids[0] != self.unknown else None

    def _unknown(self) -> int | None:
        """The id of the token for unknown characters or words, if there is one."""
        model = self.tokenizer.model
        if isinstance(model, models.Unigram):  # Python has no other way to its id
            number: int | None = json.loads(self.tokenizer.to_str())["model"]["unk_id"]
            return number
        return None if model.unk_token is None else self.tokenizer.token_to_id(model.unk_token)


def _check_characters(text: str, where: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        half = ord(text[error.start])
        raise UserError(
            f"{where}: \\u{half:04x} is half of a surrogate pair and not a character"
        ) from None


def _quoted(text: str) -> str:
    """The beginning of a text, on one line."""
    return repr(text if len(text) <= 40 else f"{text[:40]}...")
