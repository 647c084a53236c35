"""The config of a run with another model, as text: a complete overlay of config.yaml."""

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePath

import yaml

from needq.backup.facts import Facts
from needq.backup.layout import Architecture
from needq.common.settings import Config

FILL_IN = "FILL IN"  # marks what only the user can know
# of models of general English; the first two are those of the lecture's notebook
PROMPTS = [
    "Hello, how are you today?",
    "I went to the market to buy",
    "The first thing that people notice about the old lighthouse is",
    "To make a simple vegetable soup, begin by",
    "The committee met on Tuesday and decided that",
    "My grandmother always told me that",
]
TEXT = "resources/texts/evaluation.txt"
TASKS = "resources/tasks/general"
STORY_WORDS = ("stories", "pocket-gpt2")  # in the names of models of children's stories
COMPARED = ("cpu", "cuda", "predicted_cuda")
PLAIN_BATCH = 32  # the default of the config
ALL_STEPS, PARTS = 12, 8  # up to so many blocks, each number of them is a step; else so many parts
SHORT = 32  # new tokens; with 100, labels are surer
SCORED = 128  # tokens of a document
WIDEST = 38  # columns before a comment


def run_name(location: str, taken: str) -> str:
    """A name for a run of the model at a location, other than the name that is `taken`."""
    last = PurePath(location.partition("==")[0]).name.removesuffix(".gguf")
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", last).lstrip("._-")[:60].rstrip("._-") or "model"
    return f"{name}-new" if name == taken else name


def writes_stories(location: str) -> bool:
    """Whether a model is one of children's stories, by its name."""
    return any(word in location.lower() for word in STORY_WORDS)


def overlay_text(
    facts: Facts,
    default: Config,
    run: str,
    exact_lacks: str | None = None,
    batch: int = PLAIN_BATCH,
) -> str:
    """The overlay for the model of `facts`.

    A model of children's stories gets the prompts, the text and the tasks of `default`, the config
    of config.yaml; another one gets those of general English. `exact_lacks` says what exact
    arithmetic does not have of the model. `batch` is that of every backend. What is not known is
    marked with FILL_IN.
    """
    stories = writes_stories(facts.model.location)
    groups = [
        _about(facts, run),
        _model(facts),
        _sweeps(facts.architecture),
        _generation(facts, default, stories),
        _evaluation(facts, default, stories),
        _tasks(default, stories),
        _divergence(facts, default, stories, batch, exact_lacks),
        [*_group("jobs", [("interventions_per_job: 12", "an interrupted job loses its share")])],
    ]
    return "\n\n".join("\n".join(lines) for lines in groups if lines) + "\n"


def _about(facts: Facts, run: str) -> list[str]:
    name, architecture = facts.model.location, facts.architecture
    kind = f": {architecture.name}, {architecture.n_blocks} blocks" if architecture else ""
    said = "what its own files say" if architecture else f"its files are not known: see {FILL_IN}"
    return [
        f"# {_plain(name)}{kind}.",
        f"# Written by scripts/new_run.py: {said}. config.yaml explains every key.",
        f"run: {_scalar(run)}",
    ]


def _model(facts: Facts) -> list[str]:
    model, known = facts.model, facts.architecture is not None
    lines = [(f"source: {model.source}", ""), (f"location: {_scalar(model.location)}", "")]
    revision = f"revision: {_scalar(model.revision)}"
    asked = model.source == "hub" and not known
    lines.append((revision, f"{FILL_IN}: the hub's commit, 40 digits" if asked else ""))
    if model.digests:
        lines.append(("digests:", "of the files as they were when this was written"))
        for digest in model.digests:
            lines.append((f"  - file: {_scalar(digest.file)}", ""))
            lines.append((f"    sha256: {_scalar(digest.sha256)}", ""))
    else:
        lines.append(("digests: []", "the files are not checked"))
    blocks = f"n_blocks: {model.n_blocks if known else 'null'}"
    lines.append((blocks, "" if known else f"{FILL_IN}: num_hidden_layers of its config.json"))
    return list(_group("model", lines))


def _sweeps(architecture: Architecture | None) -> list[str]:
    if architecture is None:
        return []
    lines = []
    if architecture.n_blocks > ALL_STEPS:
        lines.append((f"cumulative: {{counts: {steps(architecture.n_blocks)}}}", ""))
    if architecture.scores_normalised:
        why = "queries and keys are normalised, so their scale is nothing"
        lines.append(("matched_scores: {run: off}", why))
    if not architecture.bias_parts("q", 0):
        lines.append(("with_bias: {run: off}", "W_Q of this model has no bias"))
    return list(_group("sweeps", lines)) if lines else []


def steps(n_blocks: int) -> list[int]:
    """How many blocks the cumulative steps replace: one, two, and then even parts of all."""
    parts = {-(-n_blocks * part // PARTS) for part in range(1, PARTS + 1)}
    return list(range(1, n_blocks + 1)) if n_blocks <= ALL_STEPS else sorted({1, 2} | parts)


def _generation(facts: Facts, default: Config, stories: bool) -> list[str]:
    prompts: Sequence[str] = default.generation.prompts if stories else PROMPTS
    lines = [("prompts:", "plain text; no chat template is applied")]
    lines += [(f"  - {_scalar(prompt)}", "") for prompt in prompts]
    new = new_tokens(facts, default, stories)
    why = "with 100, labels are surer, and a run takes about three times as long"
    lines.append((f"max_new_tokens: {new}", why if new == SHORT else ""))
    hint = _hint(facts)
    lines.append((f"begin: {_scalar(facts.begin)}", hint or "put before every prompt"))
    lines.append((f"end: {_scalar(facts.end)}", hint or "ends a text"))
    return list(_group("generation", lines))


def new_tokens(facts: Facts, default: Config, stories: bool) -> int:
    """How many tokens a text may have: no more than half of the model's context."""
    wanted = default.generation.max_new_tokens if stories else SHORT
    return wanted if facts.architecture is None else min(wanted, _context(facts) // 2)


def _context(facts: Facts) -> int:
    """The context of a model; one without a limit has a long one."""
    return max(2, (facts.architecture.context if facts.architecture else 0) or 1 << 16)


def _evaluation(facts: Facts, default: Config, stories: bool) -> list[str]:
    own = default.evaluation
    begin = facts.begin or facts.end
    hint = _hint(facts)
    if begin is None:
        begin, hint = own.begin, hint or f"{FILL_IN}: the model's files name no such token"
    lines = [(f"text: {_scalar(own.text if stories else TEXT)}", "")]
    if stories:
        lines.append(("tokens_per_document: null", "whole stories, up to the model's context"))
    else:
        scored = min(SCORED, _context(facts) - 1)
        lines.append((f"tokens_per_document: {scored}", "null for whole documents"))
    lines.append((f"begin: {_scalar(begin)}", hint or "put before every document"))
    if not stories:
        lines.append(("documents_of_other_backends: 4", "of 15; the reference scores all"))
    same = facts.model.location == default.model.location
    ngrams = own.ngram_text if same else None
    why = "the model's training text, if you have it, for n-gram baselines"
    lines.append((f"ngram_text: {_scalar(ngrams)}", "" if ngrams else why))
    return list(_group("evaluation", lines))


def _tasks(default: Config, stories: bool) -> list[str]:
    own = default.tasks
    grammar, cloze = f"{TASKS}/grammar.jsonl", f"{TASKS}/cloze.jsonl"
    if stories:
        grammar, cloze = own.grammar, own.cloze
    return list(_group("tasks", [(f"grammar: {grammar}", ""), (f"cloze: {cloze}", "")]))


def _divergence(
    facts: Facts, default: Config, stories: bool, batch: int, exact_lacks: str | None
) -> list[str]:
    new = new_tokens(facts, default, stories)
    wanted = default.divergence.positions if stories else [0, 1, 2, 4, 8, 16, 31]
    lines = [(f"positions: {[position for position in wanted if position < new]}", "")]
    settings = []
    if facts.architecture is not None and facts.architecture.eager_only:
        settings.append("kernels: eager")
    if batch != PLAIN_BATCH:
        settings.append(f"batch: {batch}")
    if settings:
        why = "more in one pass would need too much memory" if batch != PLAIN_BATCH else ""
        lines.append(("backends:", why))
        lines += [(f"  {name}: {{{', '.join(settings)}}}", "") for name in COMPARED]
    said = "Without exact, which takes several times as long as cpu. Add [cpu, exact] to have it."
    if exact_lacks is not None:
        said = f"Exact arithmetic does not have {exact_lacks}."
    lines.append((f"# {_plain(said)}", ""))
    lines.append(("pairs: [[cpu, cuda], [cpu, predicted_cuda]]", ""))
    lines.append(("precisions: {backends: []}", "configs/divergence.yaml shows how to have these"))
    lines.append(("causes: {pairs: []}", ""))
    return list(_group("divergence", lines))


def _hint(facts: Facts) -> str:
    """What stands beside a token that is not known because the model's files are not."""
    return f"{FILL_IN}: as its tokenizer names it" if facts.architecture is None else ""


def _group(name: str, lines: Sequence[tuple[str, str]]) -> Iterator[str]:
    """A group of keys, each line with its comment."""
    yield f"{name}:"
    for line, comment in lines:
        yield f"  {line:<{WIDEST - 2}} # {comment}" if comment else f"  {line}"


def _scalar(value: str | None) -> str:
    """A text or null in YAML, in double quotes unless it is a plain word."""
    if value is None:
        return "null"
    plain = re.fullmatch(r"[A-Za-z][\w./-]*(==[\w.]+)?", value, re.ASCII) is not None
    if plain and yaml.safe_load(value) == value:
        return value
    dumped = yaml.safe_dump(value, default_style='"', width=1 << 20, allow_unicode=True)
    return str(dumped).rstrip("\n")


def _plain(text: str) -> str:
    """A text in a comment: one line."""
    return "".join(character if character.isprintable() else "?" for character in text)
