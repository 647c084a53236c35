"""What a model's own files say that a config has to say: its blocks, digests, begin and end tokens.

A model of the hub is asked for its small files and for the digests of its large ones, so that no
weights are downloaded.
"""

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import huggingface_hub
from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError

from needq.backup.architectures import find_architecture
from needq.backup.checkpoint import INDEX, SHARD, SINGLE
from needq.backup.encoder import Encoder
from needq.backup.gate import admit
from needq.backup.layout import Architecture
from needq.backup.model_config import read_model_config
from needq.backup.originals import LARGEST, TOKENIZER_FILES, FolderModel, GGUFModel
from needq.backup.source_files import JsonObject, read_object
from needq.backup.sources import fetch
from needq.common.errors import UserError
from needq.common.files import file_sha256
from needq.common.settings import ModelSource
from needq.common.sources import hub_owner_and_name, wheel_name_and_version
from needq.common.values import path_problem

SMALL_FILES = ("config.json", "tokenizer.json", *TOKENIZER_FILES)  # of a hub's model
ENDS = ("bos", "eos")  # how files name the tokens that begin and end a text
PATIENCE = 10.0  # seconds until the hub has to answer


class Facts(NamedTuple):
    """What is known of a model; None for what its files do not say, or could not be asked."""

    model: ModelSource  # `n_blocks` is 1 if the architecture is not known
    architecture: Architecture | None
    begin: str | None
    end: str | None
    unknown: str | None = None  # why the architecture is not known


def source_of(location: str) -> str:
    """The kind of source that a location names: folder, gguf, wheel or hub.

    Raises UserError for a location that is none of them, or that no config can name.
    """
    problem = path_problem(location)
    if problem:
        raise UserError(f"{location} {problem}")
    if location and Path(location).is_dir():
        return "folder"
    if location.endswith(".gguf"):
        return "gguf"
    for source, split in (("wheel", wheel_name_and_version), ("hub", hub_owner_and_name)):
        try:
            split(location)
        except ValueError:
            continue
        return source
    raise UserError(
        f"{location} is no folder, no .gguf file, no wheel (name==version) and no id of the hub "
        f"(owner/name){_meant(location)}"
    )


def _meant(location: str) -> str:
    """The folder or file here that was perhaps meant, as the end of a sentence; empty if none."""
    place = Path(location)
    beside = [file.name for file in place.parent.iterdir()] if place.parent.is_dir() else []
    close = difflib.get_close_matches(place.name, beside, n=1)
    return f"; did you mean {place.parent / close[0]}?" if close else ""


def read_facts(location: str, scratch: Path) -> Facts:
    """What the files of a model say. `scratch` is an empty folder for what is downloaded.

    Raises UserError for a model that is not there, or that the backup would refuse by its
    config.json or the headers of its weights.
    """
    source = source_of(location)
    if source == "hub":
        return _of_hub(location, scratch)
    model = ModelSource.model_validate({"source": source, "location": location, "n_blocks": 1})
    folder, gguf = fetch(model, scratch)
    return _of_folder(model, folder) if gguf is None else _of_gguf(model, folder / gguf)


def _of_folder(model: ModelSource, folder: Path) -> Facts:
    original = FolderModel(folder)
    admit(original.architecture, original.stored)
    names = {stored.file.name for stored in original.stored.values()}
    names |= {name for name in ("config.json", "tokenizer.json", INDEX) if (folder / name).exists()}
    digests = [(name, file_sha256(folder / name)) for name in sorted(names)]
    return _facts(model, original.architecture, digests, *_ends(folder, original.architecture))


def _of_gguf(model: ModelSource, file: Path) -> Facts:
    original = GGUFModel(file)
    admit(original.architecture, original.stored)
    fields, words = original.gguf.fields, original.gguf.fields.get("tokenizer.ggml.tokens") or []
    ids = [fields.get(f"tokenizer.ggml.{end}_token_id") for end in ENDS]
    begin, end = (words[i] if type(i) is int and 0 <= i < len(words) else None for i in ids)
    return _facts(model, original.architecture, [(file.name, file_sha256(file))], begin, end)


def _of_hub(location: str, scratch: Path) -> Facts:
    model = ModelSource(source="hub", location=location, n_blocks=1)
    try:
        info = huggingface_hub.HfApi().model_info(location, files_metadata=True, timeout=PATIENCE)
        folder = huggingface_hub.snapshot_download(
            location, revision=info.sha, allow_patterns=list(SMALL_FILES), cache_dir=scratch
        )
    except GatedRepoError:
        raise UserError(
            f"{location}: its licence has to be accepted on the hub first, and HF_TOKEN set"
        ) from None
    except (RepositoryNotFoundError, HFValidationError):
        raise UserError(
            f"{location}: the hub has no such model, or it is private{_meant(location)}"
        ) from None
    except (httpx.HTTPError, OSError) as error:
        if meant := _meant(location):  # more probable than an owner who is called like a folder
            raise UserError(f"{location} is no folder, and the hub did not answer{meant}") from None
        reason = str(error).strip().split("\n")[0]
        return Facts(model, None, None, None, reason or type(error).__name__)
    weights = {file.rfilename: file.lfs for file in info.siblings or [] if _is_weights(file)}
    if not weights:
        raise UserError(
            f"{location}: the hub has no safetensors of it; save it as a folder first, as "
            "configs/opt-125m.yaml says"
        )
    digests = [(name, lfs.sha256) for name, lfs in sorted(weights.items()) if lfs is not None]
    architecture = find_architecture(read_model_config(Path(folder, "config.json")))
    named = model.changed(revision=info.sha)
    return _facts(named, architecture, digests, *_ends(Path(folder), architecture))


def _is_weights(file: huggingface_hub.hf_api.RepoSibling) -> bool:
    return file.rfilename == SINGLE or SHARD.fullmatch(file.rfilename) is not None


def _facts(
    model: ModelSource,
    architecture: Architecture,
    digests: list[tuple[str, str]],
    begin: str | None,
    end: str | None,
) -> Facts:
    values = model.model_dump() | {
        "n_blocks": architecture.n_blocks,
        "digests": [{"file": name, "sha256": digest} for name, digest in digests],
    }
    return Facts(ModelSource.model_validate(values), architecture, begin, end)


def _ends(folder: Path, architecture: Architecture) -> Iterator[str | None]:
    """The tokens that begin and end a text: as tokenizer_config.json names them, or config.json.

    Raises UserError for one that is no token of the model.
    """
    encoder = Encoder(folder / "tokenizer.json", architecture.vocabulary)
    named = _optional(folder / "tokenizer_config.json")
    numbered = read_model_config(folder / "config.json")
    for end in ENDS:
        token: object = named.get(f"{end}_token")
        if isinstance(token, dict):  # as transformers wrote it before version 5
            token = token.get("content")
        if token is None:
            number = numbered.get(f"{end}_token_id")
            first = number[0] if isinstance(number, list) and number else number
            if type(first) is int and 0 <= first < architecture.vocabulary:
                token = encoder.tokenizer.id_to_token(first)
        if isinstance(token, str) and token:
            encoder.token(token, f"generation.{'begin' if end == 'bos' else 'end'}")
            yield token
        else:
            yield None


def _optional(file: Path) -> JsonObject:
    return read_object(file, LARGEST) if file.exists() else {}
