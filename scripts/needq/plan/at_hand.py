"""What the files that a config names say before the first job, if they are at hand."""

import os
from collections.abc import Iterator

from needq.common.settings import Config, ModelSource
from needq.common.values import path_problem

MODEL_FILES = ("config.", "generation_config.", "merges.", "special_tokens", "tokenizer", "vocab.")


def model_files(model: ModelSource) -> list[str]:
    """The files that a model in a folder is loaded from; none for the other sources."""
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
    if model.source == "folder" and not os.path.isdir(model.location):
        yield f"model.location: there is no folder {model.location}"
    elif model.source == "folder":
        for file in model_files(model):
            problem = path_problem(file)
            if problem:
                yield f"model.location: its file {os.path.basename(file)!r} {problem}"
    if model.source == "wheel" and "==" not in model.location:
        yield f"model.location: {model.location} has no version; write name==version"
