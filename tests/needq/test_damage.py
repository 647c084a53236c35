"""Files that an earlier job wrote and that a crash has cut, emptied or changed since: one line."""

import random
import re
from pathlib import Path

import numpy as np
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from needq.backup.tasks import read_answers, read_tasks
from needq.backup.tokenizer import load_copy
from needq.common import columns, published, schemas, tables
from needq.common.errors import UserError
from needq.common.files import read_made, write_json, write_text
from needq.common.rows import Manifest, ProcessRecord, Tokens
from needq.common.tensors import check_weights, opened_tensors, read_tensors, write_tensors
from needq.corrupt.patches import read_patches, stored_noise
from needq.report.index import image

ROOT = Path(__file__).parents[2]
KEYS = {"sweep": "s", "intervention": "q/s/01", "blocks_replaced": 1, "noise_seed": None}
CONTENT = {"mean": 0.5, "std": None, "sha256": "ab"}
SLICE = {
    **{"block": 0, "tensor": "w", "ranges": [[0, 1]], "noise": "n", "noise_tensor": "0.weight"},
    **{"noise_ranges": [[0, 1]], "noise_fraction": 1.0, "matrix_mean": 0.1},
    **{"before": CONTENT, "after": CONTENT},
}
TENSORS = {"a": np.arange(6, dtype=np.float32), "b": np.ones((2, 2), np.float32)}
TOKENS = {"prompts": [[1, 2], [3]], "end": 0, "documents": [[0, 1]], "bytes": [4]}
TASK = {"numbers": [0], "kinds": ["k"], "candidates": [[[0, 1, [5]], [1, 1, [6]]]]}
TASK |= {"rows": [[0], [0]]}
MANIFEST = {
    **dict.fromkeys(("n_blocks", "heads", "key_value_heads", "head_width"), 4),
    **dict.fromkeys(("width", "context", "vocabulary"), 64),
    "source": {"source": "folder", "revision": None},
    "architecture": "GPT2LMHeadModel",
    "files": {"model.safetensors": "ab"},
    "left_out_keys": [],
    "left_out_tensors": [],
    "self_check": {"sentence": "s", "tokens": 9, "relative_error": 0.0, "bound": 1e-5},
    "tensors": [{"name": "w", "shape": [1], "dtype": "float32", "stored": "F16", "sha256": "ab"}],
}
PROCESS = {"backend": {"device": "cpu"}, "versions": {"torch": "2"}, "threads": 1, "tf32": False}
SVG = (ROOT / "resources/pocket-gpt2/curve.svg").read_text(encoding="utf-8")


def json_file(value):
    return lambda path: write_json(path, value)


def write_degradation(path):
    row = {name: "text" if name in published.TEXT else 1.5 for name in columns.DEGRADATION}
    frame = pandas.DataFrame([row, row | {"example": "a\nb", "nll": None}])
    tables.write_table(path, frame)


def read_by_name(path):
    with opened_tensors(path) as tensors:
        return {name: tensors.get_tensor(name) for name in tensors.keys()}  # noqa: SIM118


# what writes a file, and what reads it in a later job
FILES = {
    "manifest.json": (json_file(MANIFEST), lambda path: read_made(path, Manifest)),
    "config.json": (json_file({"n_layer": 2}), lambda path: read_made(path, dict)),
    "tokens.json": (json_file(TOKENS), lambda path: read_made(path, Tokens)),
    "tasks.json": (json_file({"cloze": TASK}), read_tasks),
    "ngram_answers.json": (json_file({"cloze": [[1.0, 2.5], [0.0, -0.5]]}), read_answers),
    "patches.json": (
        json_file([KEYS | {"block": None, "slices": [SLICE]}]),
        lambda path: read_patches([path]),
    ),
    "process.json": (json_file(PROCESS), lambda path: read_made(path, ProcessRecord)),
    "processes.json": (json_file([PROCESS]), lambda path: read_made(path, list[ProcessRecord])),
    "texts.parquet": (
        lambda path: tables.write_rows(path, [KEYS | {"text": "é"}] * 9, schemas.TEXTS),
        tables.read_rows,
    ),
    "frame.parquet": (
        lambda path: tables.write_rows(path, [KEYS | {"nll": 0.1}] * 9, schemas.EVALUATION),
        lambda path: tables.read_frame([path]).to_dict("records"),
    ),
    "degradation.tsv": (write_degradation, published.read_table),
    "noise.safetensors": (
        lambda path: write_tensors(path, TENSORS),
        lambda path: stored_noise([path]),
    ),
    "logits.safetensors": (lambda path: write_tensors(path, TENSORS), read_tensors),
    "model.safetensors": (lambda path: write_tensors(path, TENSORS), read_by_name),
    "figure.svg": (lambda path: write_text(path, SVG), image),
    "tokenizer.json": (
        lambda path: path.write_bytes((ROOT / "resources/pocket-gpt2/tokenizer.json").read_bytes()),
        load_copy,
    ),
}
# their checksums find every change; in the others, a number may become another number
CHECKED = ("texts.parquet", "frame.parquet")


@pytest.fixture(scope="module", params=FILES)
def file(request, tmp_path_factory):
    """A file, its content, and its reader."""
    path = tmp_path_factory.mktemp("damage") / request.param
    write, read = FILES[request.param]
    write(path)
    return path, path.read_bytes(), read


def refused(path, read, content):
    """Whether the reader refuses this content, which has to be by one line."""
    path.write_bytes(content)
    found = None
    try:
        read(path)
    except UserError as error:
        found = str(error)
    line = rf"{re.escape(str(path))}: is damaged or cut short \(.*\); delete it and run again"
    assert found is None or re.fullmatch(line, found), found
    return found is not None


def test_what_is_not_damaged_is_read(file):
    path, content, read = file
    assert not refused(path, read, content)


def test_a_cut_file_is_one_line(file):
    path, content, read = file
    ends = {0, 1, len(content) // 2, len(content) - 2}
    ends |= set(random.Random(0).choices(range(len(content) - 1), k=60))
    for end in sorted(ends):
        # a table may be cut after a line, which nothing tells
        if path.suffix != ".tsv" or content[:end][-1:] != b"\n":
            assert refused(path, read, content[:end]), end


def test_a_file_of_zeros_is_one_line(file):
    path, content, read = file
    assert refused(path, read, bytes(len(content)))
    assert refused(path, read, content[: len(content) // 2] + bytes(len(content) // 2)) or (
        path.suffix == ".safetensors"  # zeros are numbers
    )


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 1, exclude_max=True), st.integers(1, 255))
def test_a_changed_byte_is_one_line_or_another_value(file, place, change):
    path, content, read = file
    damaged = bytearray(content)
    damaged[int(place * len(content))] ^= change
    if not refused(path, read, bytes(damaged)) and path.name in CHECKED:
        found = read(path)
        path.write_bytes(content)
        assert found == read(path) or str(found) == str(read(path))


def test_weights_are_those_of_the_manifest(tmp_path):
    weights = tmp_path / "model.safetensors"
    write_tensors(weights, TENSORS)
    write_json(tmp_path / "manifest.json", MANIFEST)
    with pytest.raises(UserError, match=r"model.safetensors: is damaged .*not the one in manifest"):
        check_weights(weights)
