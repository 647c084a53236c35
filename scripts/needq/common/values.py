"""The kinds of values that a config holds, with their ranges.

YAML gives a number as a number. Snakemake's --config gives numbers inside a list or a group as
text, and so yes, no and null. Both are read alike here.
"""

import math
import re
import unicodedata
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

MOST_DIGITS = 100  # of a number that is given as text: no key's range is near it
# which alternative an error is about, in its path of keys; no key is called so
WORD, NUMBER, LIST, NAME, GROUP, NOTHING = TAGS = (
    "<word>",
    "<number>",
    "<list>",
    "<name>",
    "<group>",
    "<nothing>",
)


def shown(value: Any) -> str:
    """A value as Python writes it, unless it is long."""
    try:
        return cut(repr(value))
    except ValueError:  # Python writes no number of more than 4300 digits
        return "a number of too many digits"


def cut(text: str, longest: int = 200) -> str:
    """The beginning of a text that is too long for a line."""
    return text if len(text) <= longest else f"{text[:longest]}…"


def _is_whole_text(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"\s*-?[0-9]+\s*", value, re.ASCII) is not None


def _whole_number(value: Any) -> int:
    """A whole number; 12.0 and true are none."""
    if _is_whole_text(value) and len(value) <= MOST_DIGITS:
        return int(value)
    if type(value) is not int:
        raise ValueError(f"{shown(value)} is not a whole number")
    return value


def _number(value: Any) -> float:
    """A finite number."""
    try:
        readable = value.isascii() if isinstance(value, str) else type(value) in (int, float)
        number = float(value) if readable else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{shown(value)} is not a number")
    return number


def _text(value: Any) -> Any:
    """Text; a whole number is taken as its text, since a command line cannot tell them apart.

    Not so a fraction: 1.10 is read as 1.1.
    """
    return str(value) if type(value) is int else value


def _flag(value: Any) -> Any:
    """True for yes and false for no."""
    known = {"yes": True, "on": True, "true": True, "no": False, "off": False, "false": False}
    return known.get(value.lower(), value) if isinstance(value, str) else value


def _no_number(value: Any) -> Any:
    """Anything but a number, since 1 equals true in Python."""
    if type(value) in (int, float):
        raise ValueError(f"{shown(value)} is not auto, yes or no")
    return value


def _null(value: Any) -> Any:
    return None if value == "null" else value


def _off(value: Any) -> Any:
    """The word off, which YAML reads as false."""
    return "off" if value is False else value


def _different(values: list[Any]) -> list[Any]:
    seen = set()
    for value in map(repr, values):
        if value in seen:
            raise ValueError(f"{cut(value)} is given twice")
        seen.add(value)
    return values


def _temperature(value: float) -> float:
    if 0 < value < 0.01:
        raise ValueError(f"{shown(value)} is between 0 and 0.01, where logits overflow; give 0")
    return value


def _whole_percent(value: float) -> float:
    if abs(100 * value - round(100 * value)) > 1e-9:
        raise ValueError(f"{shown(value)} is not a whole number of percent")
    return value


def _no_nul(value: str) -> str:
    if "\0" in value:
        raise ValueError(f"{shown(value)} holds the character '\\x00', which no text may")
    return value


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("is empty")
    return value


def path_problem(path: str) -> str | None:
    """Why Snakemake or a page of its report cannot carry a path; None if they can.

    Braces are wildcards, and the report's captions and scripts take the others for markup.
    """
    for character in path:
        if character in "{}<>`" or unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
            return f"holds the character {character!r}, which no path may have here; rename it"
    if path != path.strip():
        return "begins or ends with a space, which no path may do here; rename it"
    return None


def _path(value: str) -> str:
    problem = path_problem(value)
    if problem:
        raise ValueError(f"{shown(value)} {problem}")
    return value


def _file_name(value: str) -> str:
    if value in (".", "..") or "/" in value or "\\" in value:
        raise ValueError(f"{shown(value)} is not the name of a file; give it without a folder")
    return value


def _list_or_word(value: Any) -> str:
    return LIST if isinstance(value, list) else WORD


def _list_or_number(value: Any) -> str:
    return LIST if isinstance(value, list) else NUMBER


def _gpu(value: Any) -> str:
    if value in (None, "null"):
        return NOTHING
    return NAME if isinstance(value, str) else GROUP


def _number_or_word(value: Any) -> str:
    return NUMBER if type(value) is not str or _is_whole_text(value) else WORD


# a range stands before the reading of text, so that it is checked after it
WHOLE = BeforeValidator(_whole_number)
DIFFERENT = (AfterValidator(_different), Field(json_schema_extra={"uniqueItems": True}))
FEW = Field(max_length=1000)
SOME_DIFFERENT = (Field(min_length=1, max_length=10_000), *DIFFERENT)
FEW_DIFFERENT = (Field(min_length=1, max_length=1000), *DIFFERENT)
LIST_OR_WORD = Discriminator(_list_or_word)
GPU = Discriminator(_gpu)

# each range ends far above what is useful, and below what would only fail after hours
Index = Annotated[int, Field(ge=0, le=9_999_999), WHOLE]
Count = Annotated[int, Field(ge=1, le=1_000_000), WHOLE]
CountFrom2 = Annotated[int, Field(ge=2, le=10_000), WHOLE]
BlockCount = Annotated[int, Field(ge=1, le=999), WHOLE]
ThreadCount = Annotated[int, Field(ge=1, le=1024), WHOLE]
RowCount = Annotated[int, Field(ge=1, le=65_536), WHOLE]
Seed = Annotated[int, Field(ge=0, le=4294967295), WHOLE]
Temperature = Annotated[
    float, Field(ge=0, le=100), AfterValidator(_temperature), BeforeValidator(_number)
]
Share = Annotated[float, Field(gt=0, le=1), BeforeValidator(_number)]
ShareOrNull = Annotated[Share | None, BeforeValidator(_null)]
Dose = Annotated[
    float, Field(ge=0, le=10), AfterValidator(_whole_percent), BeforeValidator(_number)
]
Flag = Annotated[bool, Field(strict=True), BeforeValidator(_flag)]
AutoOrFlag = Annotated[
    Literal["auto", True, False], BeforeValidator(_no_number), BeforeValidator(_flag)
]
GpuName = Literal["T4", "A10G", "L4", "V100", "A100", "L40S", "RTX 4090", "H100", "H200", "B200"]
NamedGpu = Annotated[GpuName, Tag(NAME)] | Annotated[None, Tag(NOTHING)]
GpuThreads = Annotated[int, Field(ge=256, le=65_536), WHOLE]
WhatIsRun = Annotated[
    Literal["texts", "texts_of_reference", "tasks", "scores", "off"], BeforeValidator(_off)
]

Text = Annotated[
    str, Field(min_length=1, max_length=100_000), AfterValidator(_no_nul), BeforeValidator(_text)
]
Prompt = Annotated[Text, AfterValidator(_not_blank)]
PathText = Annotated[Text, AfterValidator(_path)]
FileName = Annotated[PathText, AfterValidator(_file_name)]
Token = Annotated[Text | None, BeforeValidator(_null)]
PathOrNull = Annotated[PathText | None, BeforeValidator(_null)]
CountOrNull = Annotated[Count | None, BeforeValidator(_null)]
# pydantic's $ matches at the very end alone, not before a newline
RunName = Annotated[str, Field(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"), BeforeValidator(_text)]
SWEEP_NAME = "^[a-z][a-z0-9_-]{0,63}$"
SweepName = Annotated[str, Field(pattern=SWEEP_NAME)]
BackendName = Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,63}$")]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$"), BeforeValidator(_text)]
Commit = Annotated[
    Annotated[str, Field(pattern="^[0-9a-f]{40}$"), BeforeValidator(_text)] | None,
    BeforeValidator(_null),
]

Prompts = Annotated[list[Prompt], *SOME_DIFFERENT]
Seeds = Annotated[list[Seed], *FEW_DIFFERENT]
Indices = Annotated[list[Index], *SOME_DIFFERENT]
Counts = Annotated[list[Count], *SOME_DIFFERENT]
Doses = Annotated[list[Dose], FEW, *DIFFERENT]
Names = Annotated[list[Text], FEW, *DIFFERENT]
Pair = Annotated[list[Text], Field(min_length=2, max_length=2), *DIFFERENT]
Pairs = Annotated[list[Pair], FEW, *DIFFERENT]

AllOrIndices = Annotated[
    Annotated[Literal["all"], Tag(WORD)] | Annotated[Indices, Tag(LIST)], LIST_OR_WORD
]
BlockOrder = Annotated[
    Annotated[Literal["forward", "reversed", "random"], Tag(WORD)] | Annotated[Indices, Tag(LIST)],
    LIST_OR_WORD,
]
StepCounts = Annotated[
    Annotated[Literal["all", "halves", "quarters"], Tag(WORD)] | Annotated[Counts, Tag(LIST)],
    LIST_OR_WORD,
]
AllOrIndex = Annotated[
    Annotated[Literal["all"], Tag(WORD)] | Annotated[Index, Tag(NUMBER)],
    Discriminator(_number_or_word),
]
BlocksReplaced = Annotated[list[AllOrIndex], *SOME_DIFFERENT]
CountOrSeeds = Annotated[
    Annotated[Count, Tag(NUMBER)] | Annotated[Seeds, Tag(LIST)], Discriminator(_list_or_number)
]
