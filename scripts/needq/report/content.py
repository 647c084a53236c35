"""What the templates show: words for what is replaced, texts, and claims with their tests."""

from collections.abc import Collection
from typing import TypedDict

METHODS = {
    "gaussian": "Gaussian noise with the same mean and standard deviation",
    "matched_scores": "Gaussian noise under which attention scores spread as before",
    "matched_outputs": "a mixture of itself and noise that changes the output of each block as "
    "much as noise in W_Q does",
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
NAMES |= {"mlp": "MLP", "mlp_in": "MLP input", "mlp_out": "MLP output"}
# what attention uses each matrix for; those of the MLP are no part of it
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

# page: what it shows, and where `snakemake --report` has it
PAGES = {
    "claims": ("Claims, with all their tests", "3 Claims, verdicts"),
    "gallery": ("All texts, by prompt and blocks replaced", "1 Degradation, all texts"),
    "degradation": ("How much worse the model gets, as a table", "1 Degradation, table"),
    "attention": ("What becomes of attention", "1 Degradation, table of attention"),
    "probes": ("What probes can still read in the model", "1 Degradation, table of probes"),
    "subsets": ("Which blocks matter together", "1 Degradation, tables of block subsets"),
    "labels": (
        "Labels of texts, and how reliable they are",
        "1 Degradation, labels, and how well they are told apart",
    ),
    "units": ("What to protect: the weak points of the model", "1 Degradation, what to protect"),
    "doses": ("How damage grows with the dose", "1 Degradation, table of doses"),
    "mlp": ("The MLP and attention, changed equally", "1 Degradation, tables of the MLP"),
    "divergence": ("Where backends diverge, as a table", "2 Divergence, table"),
    "side_by_side": ("Texts that diverge, side by side", "2 Divergence, texts side by side"),
    "ledger": (
        "What each cause of divergence does",
        "2 Divergence, what each cause does, as a table",
    ),
    "flips": ("Flips predicted from rounding errors", "2 Divergence, table of predicted flips"),
    "healing": ("Can the rest of the model make up for W_Q?", "3 Claims, table of healing"),
    "notebook_walk": (
        "A walk through the result, for students",
        "6 Notebooks, a walk through the result",
    ),
    "notebook_headline": (
        "The table above, computed again",
        "6 Notebooks, the headline table, computed again",
    ),
    "provenance": (
        "Config, versions, hardware, digests",
        "5 Provenance, config and provenance",
    ),
    "glossary": ("What the words mean", "7 Glossary, every term"),
}
# page: its title; in the order in which a reader would take them
TITLES = {
    "claims": "Claims",
    "gallery": "All texts",
    "degradation": "Degradation",
    "attention": "Attention",
    "probes": "What probes can still read",
    "subsets": "Which blocks matter together",
    "labels": "Labels",
    "units": "What to protect",
    "doses": "Dose and damage",
    "mlp": "MLP and attention",
    "divergence": "Divergence",
    "side_by_side": "Texts side by side",
    "ledger": "The ledger",
    "flips": "Predicted flips",
    "healing": "Healing",
    "notebook_walk": "Do we really need Q? A walk through one run",
    "notebook_headline": "The headline table, computed again",
    "provenance": "Config and provenance",
    "glossary": "Glossary",
}

Cut = tuple[str, str, str]  # a text before, at and after the first divergent token


class Text(TypedDict):
    """A text that some backends wrote."""

    noise_seed: int | None
    sample_seed: int
    backends: list[str]
    labels: list[str]
    text: str


class Row(TypedDict):
    """The texts of one prompt and intervention: those of the first seeds, and the others."""

    intervention: str
    blocks: int
    first: list[Text]
    others: list[Text]
    diverging: list[tuple[str, str]]  # pairs of backends whose texts in `first` differ


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


def neighbours(pages: Collection[str], title: str) -> list[tuple[str, str] | None]:
    """The pages before and after the one of a title: their names and titles, None at an end.

    `pages` are the names of all pages of a run.
    """
    there = [(name, own) for name, own in TITLES.items() if name in pages]
    places = [place for place, (_, own) in enumerate(there) if own == title]
    around = [place + step for place in places for step in (-1, 1)] or [-1, -1]
    return [there[place] if 0 <= place < len(there) else None for place in around]
