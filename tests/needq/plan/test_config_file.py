"""Config files as bytes: what YAML would take silently, or never end with, is one line."""

import json
import os
import time
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from default_config import OVERLAYS
from hypothesis import given
from hypothesis import strategies as st
from needq.common.errors import UserError
from needq.plan.config_file import check_files

LAUGHS = "a: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"k{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30)
)
GROUP_LAUGHS = "a: &a0 {x: 1, y: 2}\n" + "".join(
    f"k{n}: &a{n} {{x: *a{n - 1}, y: *a{n - 1}}}\n" for n in range(1, 60)
)
# the content of a file, and how its line goes on after the file's name
FAULTS = {
    "a key twice": ("run: a\nrun: b\n", ", line 2: the key 'run' is given twice; take one out"),
    "a key twice inside": (
        "sweeps:\n  zero: {run: off}\n  one: {}\n  zero: {}\n",
        ", line 4: the key 'sweeps.zero' is given twice",
    ),
    "a key twice in one line": ("a: {b: {c: 1, 'c': 2}}", ", line 1: the key 'a.b.c' is given"),
    "a key twice in a list": ("a: [{b: 1}, {c: 1, c: 2}]", ", line 1: the key 'a.c' is given"),
    "a key twice after a group": ("a: {b: {c: 1}, d: [1], d: 2}", ", line 1: the key 'a.d' is giv"),
    "a key twice in JSON": ('{"a": {"b": 1,\n"b": 2}}', ": the key 'b' is given twice"),
    "latin-1": (b"run: a\nmodel: caf\xe9\n", ", line 2: is not UTF-8; save the file as UTF-8"),
    "UTF-16": ("run: a".encode("utf-16"), ", line 1: is not UTF-8"),
    "a NUL": ("run: a\0b\n", ": is not YAML ("),
    "half a list": ("a: [1, 2\nb: 3\n", ", line 2: is not YAML (expected ',' or ']', but got"),
    "a tab": ("a:\n\tb: 1\n", ", line 2: is not YAML (found character '\\t' that cannot start"),
    "a loop": ("a: &a [*a]\n", ", line 1: *a stands inside what it names, or for nothing"),
    "a loop of groups": ("a: &a {b: {c: *a}}\n", ", line 1: *a stands inside what it names"),
    "an unknown alias": ("a: *b\n", ", line 1: *b stands inside what it names, or for nothing"),
    "laughs": (LAUGHS, ": holds more than 200000 values, its anchors expanded"),
    "laughs of groups": (GROUP_LAUGHS, ": holds more than 200000 values, its anchors expanded"),
    "100,000 levels of lists": ("a: " + "[" * 100_000, ", line 1: is nested more than 32 levels"),
    "1,000 levels of groups": (
        "".join(f"{' ' * n}a:\n" for n in range(1000)),
        ", line 33: is nested more than 32 levels deep",
    ),
    "5,000 levels of JSON": ('{"a": ' * 5000 + "1" + "}" * 5000, ", line 1: is nested more than"),
    "5,000 digits": (f"noise_seeds: [{'9' * 5000}]", ", line 1: '999"),
    "5,000 digits in JSON": (f'{{"noise_seeds": [{"9" * 5000}]}}', ", line 1: '999"),
    "octal": ("noise_seeds: [010]", ", line 1: '010' is no number in decimal digits; put text in"),
    "hexadecimal": ("noise_seeds: [0x10]", ", line 1: '0x10' is no number in decimal digits"),
    "sexagesimal": ("generation: {top_k: 1:30}", ", line 1: '1:30' is no number in decimal"),
    "sexagesimal part": ("generation: {temperature: 1:30.5}", ", line 1: '1:30.5' is no number"),
    "code": ("a: !!python/object/apply:os.system [touch x]", ", line 1: has the tag 'tag:yaml"),
    "a name of Python": ("a: !!python/name:os.system", ", line 1: has the tag 'tag:yaml.org,2002"),
    "a tag of YAML": ("a: !!str [1]", ", line 1: has the tag 'tag:yaml.org,2002:str'; a"),
    "a set": ("a: !!set {b, c}", ", line 1: has the tag 'tag:yaml.org,2002:set'; a config has no"),
    "yte": ("__use_yte__: true\nrun: ?1 + 1\n", ", line 1: __use_yte__ lets a config run code;"),
    "no date": ("run: 2024-13-45", ": is not YAML ('month must be in 1..12')"),
    "half an assignment": ("a: =", ", line 1: is not YAML (could not determine a constructor for"),
    "nothing to merge": ("a: 1\nb: {<<: x}", ", line 2: is not YAML (expected a mapping or list"),
    "two documents": ("run: a\n---\nrun: b\n", ", line 2: a second document begins; a config"),
    "a key that is a list": ("? [a, b]\n: 1\n", ", line 1: a key must be text"),
    "a list": ("- run\n", ", line 1: is not a group of keys"),
    "a word": ("run", ", line 1: is not a group of keys"),
    "a list in JSON": ("[1]", ": is not a group of keys"),
    "nothing": ("", ": is empty"),
    "a comment": ("# run: a\n", ": is empty"),
    "20 MB": ("a: '" + "x" * 20_000_000 + "'", ": is larger than 10000000 bytes, which no config"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_line_that_names_the_file(tmp_path, monkeypatch, fault):
    content, words = FAULTS[fault]
    content = content if isinstance(content, bytes) else content.encode()
    (tmp_path / "mine.yaml").write_bytes(content)
    monkeypatch.chdir(tmp_path)
    started = time.monotonic()
    with pytest.raises(UserError) as error:
        check_files(["mine.yaml"])
    said = str(error.value)
    assert said.startswith("config: mine.yaml")
    assert words in said
    assert len(said) < 500
    assert time.monotonic() - started < 5
    assert os.listdir() == ["mine.yaml"]  # nothing ran


RIGHT = {
    "anchors": "a: &a {b: 1}\nc: *a\nd: {<<: *a, e: [*a, *a]}\n",
    "the same key in two groups": "a: {b: 1}\nc: {b: 1}\nb: [{b: 1}, {b: 1}]\n",
    "numbers": "a: [0, -1, 1000, 1.5, .5, 1e3, 1.0e+3, 0.0]\n",
    "text in quotes": "a: ['010', '0x10', \"1:30\", '!x']\n",
    "words": "a: [yes, off, null, ~, 2024-01-01]\n",
    "tags of YAML itself": "a: !!str 5\n",
    "a byte-order mark": "\ufeffrun: a\n",
    "line ends of Windows": "run: a\r\nnoise_seeds: [0]\r\n",
    "JSON": json.dumps({"run": "a", "sweeps": {"zero": {"run": "off"}}}, indent="\t"),
    "a long list": f"a: {list(range(20_000))}",
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_is_left_alone(tmp_path, name):
    file = tmp_path / "mine.yaml"
    file.write_text(RIGHT[name], encoding="utf-8")
    check_files([file])


def test_the_files_of_the_project_are_right():
    check_files(["config.yaml", *OVERLAYS])


def test_what_is_no_file_is_left_to_snakemake(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)  # as a shell's <( ) is; reading it would wait
    check_files([pipe, tmp_path, tmp_path / "nowhere"])


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    file = tmp_path / "mine.yaml"
    file.touch()

    def refuse(path):  # root, who runs the tests in CI, may read everything
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(UserError, match=r"cannot be read \(Permission denied\)"):
        check_files([file])


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text().filter(lambda key: key != "__use_yte__"), VALUES, min_size=1))
def test_whatever_a_program_writes_is_right(tmp_path_factory, values):
    file = tmp_path_factory.getbasetemp() / "written.yaml"
    for write in (yaml.safe_dump, json.dumps):
        file.write_text(write(values), encoding="utf-8")
        check_files([file])


@given(st.binary(max_size=80))
def test_any_bytes_are_taken_or_refused(tmp_path_factory, content):
    file = Path(tmp_path_factory.getbasetemp(), "bytes.yaml")
    file.write_bytes(content)
    with suppress(UserError):
        check_files([file])
