"""What the templates show: words for what is replaced, texts, and claims with their tests."""

from typing import TypedDict

METHODS = {
    "gaussian": "Gaussian noise with the same mean and standard deviation",
    "matched_scores": "Gaussian noise under which attention scores spread as before",
    "permuted": "its own entries in a random order",
    "rotated_heads": "itself, with the output of each head rotated at random",
    "rotated_inputs": "itself, with its input rotated at random",
    "rolled_heads": "the Query matrix of the next head",
    "zero": "zeros",
    "identity": "a projection that is not learned, as large as the matrix",
    "scaled": "itself, multiplied by a dose",
}
NAMES = {"q": "Query", "k": "Key", "v": "Value", "o": "Output"}
NAMES |= {"qk": "Query and Key", "qv": "Query and Value", "kv": "Key and Value"}
NAMES |= {"qkv": "Query, Key and Value"}
# what attention uses each matrix for
ROLES = {
    "q": " to ask which earlier words matter",
    "k": " to offer each word to later ones",
    "v": " to make what a word passes on to later ones",
    "o": " to write its result into the residual stream",
    "qk": " to find which earlier words matter",
    "qv": " to ask for earlier words, and to make what they pass on",
    "kv": " to make all that a word offers to later ones",
    "qkv": " for all that it computes",
}

Cut = tuple[str, str, str]  # a text before, at and after the first divergent token


class Text(TypedDict):
    """A text that some backends wrote."""

    noise_seed: int | None
    sample_seed: int
    backends: list[str]
    label: str
    text: str


class Row(TypedDict):
    """The texts of one prompt and intervention: those of the first seeds, and the others."""

    intervention: str
    blocks: int
    first: list[Text]
    others: list[Text]


class Sample(TypedDict):
    """The texts of one prompt."""

    prompt: str
    rows: list[Row]


class Example(TypedDict):
    """Two texts that diverge; `margin` is that of `divergence.parquet`."""

    intervention: str
    prompt: int
    margin: float
    noise_seed: int | None
    sample_seed: int
    place: int
    left: Cut
    right: Cut


class Pair(TypedDict):
    """Two backends: their texts, how many diverged, and an example per intervention."""

    left: str
    right: str
    texts: int
    diverged: int
    rows: list[Example]


class Claim(TypedDict, total=False):
    """A claim and its tests, rows of `claims.tsv`; the first page has `failed` and `count` too."""

    claim: str
    statement: str
    model: str
    verdict: str
    why: str
    tests: list[dict[str, object]]
    failed: list[dict[str, object]]
    count: str
