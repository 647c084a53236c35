"""What the files that a config names say before the first job, if they are at hand."""

import codecs
import os
from collections.abc import Iterator
from pathlib import Path

from needq.common.settings import Config, ModelSource
from needq.common.sources import PICKLES, hub_owner_and_name, wheel_name_and_version
from needq.common.values import path_problem
from needq.plan.gguf import MAGIC, READ_FROM_GGUF, read_keys
from needq.plan.sizes import Sizes, read_gguf_sizes, read_sizes, size_problems

LEAST_MEMORY = 4000  # MB for a backup
WIDER = {"folder": 2, "gguf": 8}  # float32 beside what files hold, at most
BZ2_RATIO = 4.5
MODEL_FILES = ("config.json", "tokenizer.json", "model.safetensors.index.json")


def model_files(model: ModelSource) -> list[str]:
    """The files at hand that a model is loaded from: of a folder, or the one GGUF file."""
    if model.source == "gguf":
        return [model.location]
    if model.source != "folder":
        return []
    try:
        names = sorted(os.listdir(model.location))
    except OSError:  # said by `file_problems`
        return []
    return [
        os.path.join(model.location, name)
        for name in names
        if name.endswith(".safetensors") or name in MODEL_FILES
    ]


def backup_memory(model: ModelSource) -> int:
    """MB to back a model up: its weights in float32 twice, and what it is read from.

    Files in 16 bits double in float32, and those of GGUF may grow by eight. Of a model that is not
    at hand nobody knows.
    """
    size = sum(os.path.getsize(file) for file in model_files(model) if os.path.isfile(file)) / 2**20
    return max(LEAST_MEMORY, round(1000 + 3 * WIDER.get(model.source, 0) * size))


def file_problems(config: Config) -> Iterator[str]:
    """What is wrong with the places that a config names: each a line that begins with its key."""
    results = os.path.join("results", config.run)
    for key, path in (
        ("model.location", config.model.location),
        ("evaluation.text", config.evaluation.text),
        ("evaluation.ngram_text", config.evaluation.ngram_text or os.curdir),
        ("tasks.grammar", config.tasks.grammar),
        ("tasks.cloze", config.tasks.cloze),
    ):
        if os.path.relpath(path).startswith(results + os.sep):
            yield f"{key}: {path} is among the results of this run; give it another name (run)"
    yield from _model_problems(config.model)
    sizes = _source_sizes(config.model)
    if sizes is not None:
        yield from size_problems(config, sizes)
    grammar = config.tasks.grammar
    folder = sorted(map(str, Path(grammar).glob("*.jsonl"))) if os.path.isdir(grammar) else []
    texts = [("evaluation.text", config.evaluation.text), ("tasks.cloze", config.tasks.cloze)]
    texts += [("tasks.grammar", file) for file in folder or [grammar]]
    ngrams = config.evaluation.ngram_text
    if ngrams is not None and ngrams.endswith(".bz2"):  # what is in it is seen when it is read
        problem = _open_problem(ngrams)
        if problem:
            yield f"evaluation.ngram_text: {problem}"
    elif ngrams is not None:
        texts.append(("evaluation.ngram_text", ngrams))
    for key, file in texts:
        problem = _text_problem(file)
        if problem:
            yield f"{key}: {problem}"


def sizes_at_hand(config: Config) -> Sizes | None:
    """The sizes of the model, from its source or from the backup of an earlier run."""
    sizes = _source_sizes(config.model)
    if sizes is not None and sizes.vocabulary is not None:  # some GGUF files do not say it
        return sizes
    return read_sizes(os.path.join("results", config.run, "backup")) or sizes


def document_bytes(file: str) -> list[int]:
    """The bytes of each document of a text that is no blank file, without the ends of lines."""
    sizes = [0]
    for line in Path(file).read_bytes().split(b"\n"):
        if line.strip():
            sizes[-1] += len(line)
        elif sizes[-1]:
            sizes.append(0)
    return [size for size in sizes if size]


def unpacked_bytes(file: str) -> float:
    """The bytes of a text; of one in bz2, about (English is packed to a quarter or a fifth)."""
    return os.path.getsize(file) * (BZ2_RATIO if file.endswith(".bz2") else 1)


def line_bytes(path: str) -> float:
    """The mean bytes of a line that is not blank; of a folder, in its first *.jsonl file."""
    files = sorted(Path(path).glob("*.jsonl")) if os.path.isdir(path) else [Path(path)]
    sizes = [len(line) for file in files[:1] for line in file.read_bytes().split(b"\n")]
    return sum(sizes) / max(1, sum(size > 0 for size in sizes))


def line_count(path: str) -> int:
    """How many lines are not blank; of a folder, in its *.jsonl files."""
    files = sorted(Path(path).glob("*.jsonl")) if os.path.isdir(path) else [Path(path)]
    return sum(bool(line.strip()) for file in files for line in file.read_bytes().split(b"\n"))


def _source_sizes(model: ModelSource) -> Sizes | None:
    reader = {"folder": read_sizes, "gguf": read_gguf_sizes}.get(model.source)
    return reader(model.location) if reader else None


def _text_problem(file: str) -> str | None:
    """Why a file is no text; None if it is."""
    problem = _open_problem(file)
    if problem:
        return problem
    if not os.path.getsize(file):  # also those of the kernel, whose reading may wait for ever
        return f"{file} holds no text"
    decoder, blank = codecs.getincrementaldecoder("utf-8")(), True
    try:
        with open(file, "rb") as opened:
            while block := opened.read(1 << 20):
                blank = not decoder.decode(block).strip() and blank
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return f"{file} is not UTF-8; save it as UTF-8"
    return f"{file} holds no text" if blank else None


def _open_problem(file: str) -> str | None:
    """Why a file cannot be opened; None if it can. A pipe would wait for a writer for ever."""
    if not os.path.isfile(file):
        return f"there is no file {file}"
    if not os.access(file, os.R_OK):
        return f"the file {file} may not be read; give yourself the permission"
    return None


def _model_problems(model: ModelSource) -> Iterator[str]:
    if model.source == "hub" and model.revision is None:
        yield "model.revision: is null; source hub needs a commit"
    if model.source != "hub" and model.revision is not None:
        yield f"model.revision: source {model.source} has no commits; give null"
    for problem in LOCATION_PROBLEMS[model.source](model.location):
        yield f"model.location: {problem}"
    for index, digest in enumerate(model.digests if model.source == "folder" else []):
        if not os.path.isfile(os.path.join(model.location, digest.file)):
            yield f"model.digests.{index}.file: {model.location} has no file {digest.file}"


def _folder_problems(folder: str) -> Iterator[str]:
    if not os.path.isdir(folder):
        yield f"there is no folder {folder}"
        return
    if not os.access(folder, os.R_OK | os.X_OK):
        yield f"the folder {folder} may not be read; give yourself the permission"
        return
    files = model_files(ModelSource(location=folder, n_blocks=1))
    for file in files:
        problem = path_problem(file)
        if problem:
            yield f"its file {os.path.basename(file)!r} {problem}"
        problem = _open_problem(file)
        if problem:
            yield problem
    if not any(file.endswith(".safetensors") for file in files):
        yield _no_weights(folder)
    for name in ("config.json", "tokenizer.json"):
        if os.path.join(folder, name) not in files:
            yield f"{folder} has no {name}; is it a model folder?"


def _no_weights(folder: str) -> str:
    """What a folder without a *.safetensors file holds instead."""
    names = sorted(os.listdir(folder))
    for name in names:
        if name.endswith(".gguf"):
            return f"{folder} holds {name}; give source gguf and the path of that file"
    for name in names:
        if name.endswith(PICKLES):
            return (
                f"{folder} holds its weights as a pickle only ({name}), which can run code; save "
                "it again as safetensors"
            )
    return f"{folder} has no *.safetensors file; is it a model folder?"


def _gguf_problems(file: str) -> Iterator[str]:
    if not file.endswith(".gguf"):
        yield f"{file} does not end in .gguf; source gguf needs one .gguf file"
        return
    problem = _open_problem(file)
    if problem:
        yield problem
        return
    with open(file, "rb") as opened:
        if opened.read(len(MAGIC)) != MAGIC:
            yield f"{file} is no GGUF file: it does not begin with GGUF"
    kind = read_keys(file).get("general.architecture", READ_FROM_GGUF)
    if kind != READ_FROM_GGUF:
        yield (
            f"{file} is a GGUF of the architecture {kind}; GGUF files of {READ_FROM_GGUF} can be "
            "read. Use the model's safetensors"
        )


def _hub_problems(location: str) -> Iterator[str]:
    try:
        hub_owner_and_name(location)
    except ValueError as error:
        yield str(error)


def _wheel_problems(location: str) -> Iterator[str]:
    try:
        wheel_name_and_version(location)
    except ValueError as error:
        yield str(error)


LOCATION_PROBLEMS = {
    "folder": _folder_problems,
    "gguf": _gguf_problems,
    "hub": _hub_problems,
    "wheel": _wheel_problems,
}
