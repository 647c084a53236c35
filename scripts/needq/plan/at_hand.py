"""What the files that a config names say before the first job, if they are at hand."""

import os
from collections.abc import Iterator

from needq.common.settings import Config, ModelSource
from needq.common.sources import hub_owner_and_name, wheel_name_and_version
from needq.common.values import path_problem

MODEL_FILES = ("config.", "generation_config.", "merges.", "special_tokens", "tokenizer", "vocab.")


def model_files(model: ModelSource) -> list[str]:
    """The files at hand that a model is loaded from: of a folder, or the one GGUF file."""
    if model.source == "gguf":
        return [model.location]
    if model.source != "folder":
        return []
    return [
        os.path.join(model.location, name)
        for name in sorted(os.listdir(model.location))
        if name.endswith(".safetensors") or name.startswith(MODEL_FILES)
    ]


def file_problems(config: Config) -> Iterator[str]:
    """What is wrong with the places that a config names: each a line that begins with its key."""
    yield from _model_problems(config.model)
    if not os.path.isfile(config.evaluation.text):
        yield f"evaluation.text: there is no file {config.evaluation.text}"
    for key in ("grammar", "cloze"):
        file = getattr(config.tasks, key)
        if not os.path.exists(file):
            yield f"tasks.{key}: there is no file {file}"


def _model_problems(model: ModelSource) -> Iterator[str]:
    if model.source == "hub" and model.revision is None:
        yield "model.revision: is null; source hub needs a commit"
    if model.source != "hub" and model.revision is not None:
        yield f"model.revision: source {model.source} has no commits; give null"
    for problem in LOCATION_PROBLEMS[model.source](model.location):
        yield f"model.location: {problem}"


def _folder_problems(folder: str) -> Iterator[str]:
    if not os.path.isdir(folder):
        yield f"there is no folder {folder}"
        return
    for file in model_files(ModelSource(location=folder, n_blocks=1)):
        problem = path_problem(file)
        if problem:
            yield f"its file {os.path.basename(file)!r} {problem}"


def _gguf_problems(file: str) -> Iterator[str]:
    if not file.endswith(".gguf"):
        yield f"{file} does not end in .gguf; source gguf needs one .gguf file"
    elif not os.path.isfile(file):
        yield f"there is no file {file}"


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
