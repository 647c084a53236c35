"""A campaign of wrong configs: every key in type, range and reference, and config files as bytes.

Each has to end in acceptance, or in one line, within 10 s. By hand, from the project's root:

    PYTHONPATH=scripts:tests/helpers python tests/campaigns/configs.py [--real 40] [--accepted]

prints how many ended how, and everything that did not end so. --real takes that many of them to
Snakemake itself, in a copy of the project. --accepted lists what was accepted, to be looked at.
"""

import argparse
import copy
import datetime
import random
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from subprocess import TimeoutExpired
from typing import Any, NamedTuple

import yaml
from default_config import DEFAULT, ROOT
from needq.common.errors import PREFIX, UserError
from needq.common.settings import Config
from needq.plan.config import read_config, without_other_models_values
from needq.plan.config_file import check_files
from needq.plan.params import json_text
from planning import plan
from snakemake.common.configfile import load_configfile

LIMIT = 10  # seconds
ACCEPTED, REFUSED, TRACEBACK, HANG = "accepted", "refused in one line", "traceback", "hang"
SNAKEMAKE = "refused in Snakemake's own words"

# what YAML and a command line can hold; YAML's other types are refused in the file
NUMBERS: list[Any] = [0, 1, -1, 2, 12, 13, 99, 255, 256, 1000, 2**32, 10**9, 10**30, 16**4000]
NUMBERS += [0.0, 0.5, 1.0, -0.5, 1e-300, 1e308, float("nan"), float("inf"), float("-inf")]
NUMBERS += ["0", "1", "-1", "1.5", "1_0", " 1", "9" * 5000, "\u0661", "nan"]
WORDS: list[Any] = ["", " ", "x", "all", "cpu", "cuda", "exact", "none", "off", "null", "q", "hub"]
WORDS += ["a\nb", "a\n", "\ttab", "nul\0", "\ud800", "\u2028", "{x}", "<script>", "</script>", ".."]
WORDS += [
    "/",
    "-r x",
    "é",
    "x" * 65,
    "x" * 5000,
    "x" * 100_001,
    "config.yaml",
    "resources",
    "nowhere",
]
LISTS: list[Any] = [[], [[]], [None], [0], [-1], [0, 0], [99], [1.5], ["x"], ["x", "x"], [10**30]]
LISTS += [
    ["cpu", "exact"],
    [["cpu", "exact"]],
    [["cpu", "cpu"]],
    [["x", "y"]],
    ["\ud800"],
    [[[[]]]],
]
LISTS += [list(range(20)), list(range(2000)), [str(number) for number in range(20_000)]]
GROUPS: list[Any] = [{}, {"a": 1}, {"x": {}}, {"cpu": None}, {"": ""}, {1: 2}, {None: None}]
GROUPS += [{"a\n": {}}, {"\ud800": {}}, {"x" * 5000: {}}]
WRONG = [None, True, False, datetime.date(2024, 1, 1), *NUMBERS, *WORDS, *LISTS, *GROUPS]
KEYS: list[Any] = ["", "x", "Run", "runn", "sweeps", "0", "a.b", "a\nb", "\ud800", "x" * 5000]
KEYS += [0, None, True, 1.5, (1,), "<word>", "[key]", "__proto__", "__use_yte__", "é"]
BYTES = [
    b"\0",
    b"\xff",
    b"\t",
    b"\n",
    b":",
    b"- ",
    b"&a ",
    b"*a",
    b"[",
    b"]",
    b"{",
    b"}",
    b"'",
    b'"',
]
BYTES += [b"!!str ", b"? ", b"<<: ", b"|", b"%", b"@", b"0", b"9", b"#", b"\xef\xbb\xbf", b"---\n"]


class Case(NamedTuple):
    """What was done to the config, and how to make it: as values, or as bytes of config.yaml."""

    name: str
    make: Callable[[], Any]
    in_bytes: bool = False


class Outcome(NamedTuple):
    """How a case ended, and what was said."""

    kind: str
    said: str


@cache
def whole_config() -> dict[str, Any]:
    """The default config with every key of some sweeps and backends; to be copied."""
    config: dict[str, Any] = copy.deepcopy(DEFAULT)
    complete = read_config(DEFAULT).model_dump()
    for name in ("labels", "jobs", "tasks", "model", "generation", "evaluation"):
        config[name] = complete[name] | config[name]
    for name in ("cumulative", "keys", "zero", "single"):
        config["sweeps"][name] = complete["sweeps"][name]
    for name in ("cpu", "exact"):
        config["divergence"]["backends"][name] = complete["divergence"]["backends"][name]
    return config


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all keys and items in a config."""
    if not isinstance(value, dict | list):
        return
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*path, key)
        yield from places(inner, (*path, key))


def changed(path: tuple[Any, ...], change: Any) -> Any:
    """The whole config after `change(holder, key)` of what lies at a path."""
    config = copy.deepcopy(whole_config())
    change(holder_of(config, path), path[-1])
    return config


def holder_of(config: Any, path: tuple[Any, ...]) -> Any:
    """The group or list in which a path ends."""
    for key in path[:-1]:
        config = config[key]
    return config


def changed_twice(one: tuple[Any, ...], first: Any, other: tuple[Any, ...], second: Any) -> Any:
    """The whole config with two values, or one if the first takes the place of the other away."""
    config = changed(one, set_to(first))
    with suppress(KeyError, IndexError, TypeError):
        holder_of(config, other)[other[-1]] = copy.deepcopy(second)
    return config


def set_to(value: Any) -> Any:
    """A change: the value is another."""

    def change(holder: Any, key: Any) -> None:
        holder[key] = copy.deepcopy(value)

    return change


def remove(holder: Any, key: Any) -> None:
    """A change: the key is gone."""
    del holder[key]


def add_key(new: Any) -> Any:
    """A change: one more key beside it."""

    def change(holder: Any, key: Any) -> None:
        holder.append(new) if isinstance(holder, list) else holder.__setitem__(new, 1)

    return change


def cases(seed: int = 0, pairs: int = 2000, files: int = 2000) -> Iterator[Case]:
    """Every key with every wrong value, keys removed and added; then pairs of changes and bytes."""
    rng = random.Random(seed)
    found = list(places(whole_config()))
    for path in found:
        name = ".".join(map(str, path))
        for value in WRONG:
            yield Case(f"{name} = {short(value)}", partial(changed, path, set_to(value)))
        yield Case(f"{name} removed", partial(changed, path, remove))
    for path in {path[:-1]: path for path in found}.values():
        for key in KEYS:
            name = ".".join(map(str, path[:-1]))
            yield Case(f"{name} with {short(key)}", partial(changed, path, add_key(key)))
    for value in WRONG:
        yield Case(f"the whole = {short(value)}", partial(copy.deepcopy, value))
    for _ in range(pairs):
        (one, other), (first, second) = rng.sample(found, 2), rng.choices(WRONG, k=2)
        name = f"{one} = {short(first)}, {other} = {short(second)}"
        yield Case(name, partial(changed_twice, one, first, other, second))
    for number in range(files):
        yield Case(f"bytes {seed}/{number}", partial(file_of, f"{seed}/{number}"), in_bytes=True)


def file_of(seed: str) -> bytes:
    """config.yaml with bytes or lines put in, taken out, doubled or cut off."""
    rng, content = random.Random(seed), (ROOT / "config.yaml").read_bytes()
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        place = rng.randrange(len(content))
        lines = content.splitlines(keepends=True)
        line = rng.randrange(len(lines))
        match rng.randrange(6):
            case 0:
                content = content[:place] + rng.choice(BYTES) + content[place:]
            case 1:
                content = content[:place] + content[place + rng.randrange(1, 9) :]
            case 2:
                content = b"".join([*lines[: line + 1], *lines[line:]])
            case 3:
                content = b"".join([*lines[:line], *lines[line + 1 :]])
            case 4:
                content = b"".join([*lines[:line], b" " + lines[line], *lines[line + 1 :]])
            case 5:
                content = content[:place] or b" "
    return content


def short(value: Any) -> str:
    """A value, cut."""
    try:
        text = repr(value)
    except ValueError:
        text = "a number of thousands of digits"
    return text if len(text) < 60 else f"{text[:40]}... ({len(text)} characters)"


def read(case: Case, file: Path) -> Config:
    """The config of a case, as the Snakefile reads it; bytes by way of a file."""
    values = case.make()
    if case.in_bytes:
        file.write_bytes(values)
        check_files([file])
        values = load_configfile(file)
    if isinstance(values, dict):
        values, _ = without_other_models_values(values, values, DEFAULT)
    return read_config(values)


def outcome(case: Case, file: Path) -> Outcome:
    """How a case ends in this process. What is accepted has to be planned and carried as params."""

    def stop(number: int, frame: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(LIMIT)
    try:
        config = read(case, file)
        plan(config)
        assert Config.model_validate_json(json_text(config)) == config
    except UserError as error:
        said = str(error)
        one = "\n" not in said and said.startswith("config") and len(said) < 1000
        return Outcome(REFUSED if one else TRACEBACK, said)
    except TimeoutError:
        return Outcome(HANG, "")
    except Exception:
        return Outcome(TRACEBACK, traceback.format_exc())
    finally:
        signal.alarm(0)
    return Outcome(ACCEPTED, "")


def real_outcome(case: Case, project: Any) -> Outcome:
    """How a case ends in Snakemake, as the config.yaml of a project."""
    content = case.make() if case.in_bytes else yaml.safe_dump(case.make()).encode()
    (project.folder / "config.yaml").write_bytes(content)
    (project.folder / "tiny.yaml").write_text("{}")
    run = project.start("--dry-run", "--cores", "1")
    try:
        code = run.wait(timeout=LIMIT)
    except TimeoutExpired:
        run.kill()
        return Outcome(HANG, project.said())
    said = project.said()
    lines = [line for line in said.splitlines() if PREFIX in line]
    if "Traceback" in said:
        return Outcome(TRACEBACK, said)
    if code == 0:
        return Outcome(ACCEPTED, "")
    last = said.splitlines()[-1:]
    return Outcome(REFUSED if lines == last else SNAKEMAKE, said)


def written(case: Case) -> bool:
    """Whether a case can be written down as YAML."""
    try:
        return case.in_bytes or bool(yaml.safe_dump(case.make()).encode())
    except (yaml.YAMLError, UnicodeError, ValueError):
        return False


def sample(count: int, seed: int = 0) -> list[Case]:
    """Some of the cases, of every kind."""
    return random.Random(seed).sample(list(cases(seed, pairs=500, files=500)), count)


def main() -> None:
    """Run the campaign, and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--real", type=int, default=40)
    parser.add_argument("--accepted", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        counts: Counter[str] = Counter()
        for case in cases(chosen.seed):
            ended = outcome(case, Path(folder, "config.yaml"))
            counts[ended.kind] += 1
            if ended.kind in (TRACEBACK, HANG) or (chosen.accepted and ended.kind == ACCEPTED):
                print(f"{ended.kind}: {case.name}\n{ended.said}".rstrip())
        print(f"in this process: {counts.total()} tried, {dict(counts)}")
        real = [case for case in sample(4 * chosen.real, chosen.seed) if written(case)]
        counts = Counter()
        project = fresh(Path(folder, "project"))
        for case in real[: chosen.real]:
            ended = real_outcome(case, project)
            counts[ended.kind] += 1
            if ended.kind in (TRACEBACK, HANG, SNAKEMAKE):
                print(f"{ended.kind}: {case.name}\n{ended.said}")
        print(f"by snakemake --dry-run: {counts.total()} tried, {dict(counts)}")


def fresh(folder: Path) -> Any:
    """A copy of the project, where Snakemake runs."""
    from project import fresh_project

    return fresh_project(folder)


if __name__ == "__main__":
    sys.exit(main())
