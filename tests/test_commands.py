"""The commands in the documents: each is tried as far as a test can, or the document says why not.

Snakemake's are dry runs and make's are `make --dry-run`. Of a script or a test, the file and its
options are looked up. A block with another program stands below the line
`<!-- no test runs this: REASON -->`. docs/recipes.md has tests of its own (test_recipes.py).
"""

import re
import shlex
import subprocess
import sys

import pytest
from default_config import ROOT
from project import fresh_project

LISTED = subprocess.run(
    ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
    cwd=ROOT,
    capture_output=True,
    text=True,
    check=True,
).stdout.split()
DOCUMENTS = [name for name in LISTED if name not in {"docs/recipes.md", "CHANGELOG.md"}]
PYTHON = ("python", "python3", "pytest", "jupytext")
TRIED = ("snakemake", "make", *PYTHON)
OTHER = ("alias", "apt-get", "conda", "docker", "git", "install", "npm", "pip", "scancel")
NOT_RUN = re.compile(r" *<!-- no test runs this: \S.*-->")
FENCED = re.compile(r"^```(?:sh)?\n(.*?)^```$", re.M | re.S)
INDENTED = re.compile(r"((?:^ {4,}\S.*\n|^\n(?= {4}))+)", re.M)
INLINE = re.compile(r"`([^`\n]+(?:\n[^`\n]+)?)`")
OPTION = re.compile(r'"(--?[\w-]+)"')
# `snakemake` that no dry run says anything of: it needs a finished run, or conda
LATER = {"--report", "--containerize", "--unlock", "--directory"}
CONDA = ("--use-conda", "--sdm", "conda", "apptainer")


def words_of(line):
    """The program of a line and its words; nothing if it is no command that we know."""
    try:
        words = shlex.split(re.sub(r" [>|].*", "", line.strip().removeprefix("$ ")), comments=True)
    except ValueError:  # an apostrophe in a text
        return ()
    while words and re.match(r"[A-Z_]+=", words[0]):
        words.pop(0)
    name = words[0].rpartition("/")[2] if words else ""
    return (name, *words[1:]) if name in TRIED + OTHER and len(words) > 1 else ()


def blocks(text):
    """The lines of the blocks of code of a document, and whether a mark stands above each."""
    for pattern in (FENCED, INDENTED):
        for found in pattern.finditer(text):
            above = text[: found.start()].rstrip("\n").rpartition("\n")[2]
            for line in re.sub(r"\\\n", " ", found[1]).splitlines():
                yield line, bool(NOT_RUN.fullmatch(above))


def commands():
    """(document, words, whether it is marked) of every command; prose may name other programs."""
    for name in DOCUMENTS:
        text = (ROOT / name).read_text(encoding="utf-8")
        for line, marked in blocks(text):
            yield name, words_of(line), marked
        for found in INLINE.findall(FENCED.sub("", text)):
            yield name, words_of(" ".join(found.split())), True


COMMANDS = [command for command in commands() if command[1]]


def of(*programs):
    """The different commands of some programs, each with the first document that has it."""
    first = {}
    for name, words, _ in COMMANDS:
        if words[0] in programs:
            first.setdefault(words, name)
    return [pytest.param(name, words, id=" ".join(words)) for words, name in first.items()]


def test_other_programs_are_marked():
    assert [(n, words) for n, words, marked in COMMANDS if words[0] in OTHER and not marked] == []


def test_commands_are_found():
    assert len(of("snakemake")) > 20
    assert len(of(*PYTHON)) > 40
    assert len(of("make")) > 5


@pytest.mark.parametrize(("name", "words"), of("make"))
def test_make(name, words):
    subprocess.run(["make", "--dry-run", *words[1:]], cwd=ROOT, check=True, capture_output=True)


@pytest.mark.parametrize(("name", "words"), of(*PYTHON))
def test_script(name, words):
    def path(file):
        """Where a file is: documents name it from the top, or from their own folder."""
        beside = (ROOT / name).parent / file
        assert (ROOT / file).exists() or beside.exists(), file
        return ROOT / file if (ROOT / file).exists() else beside

    files = [path(w.partition("::")[0]) for w in words[1:] if re.search(r"\.(py|txt)$|^tests/", w)]
    if words[0].startswith("python") and "-m" not in words:
        options = {word.partition("=")[0] for word in words if word.startswith("-")}
        sources = [files[0], *(ROOT / "scripts/needq").rglob(files[0].name)]
        known = "".join(source.read_text(encoding="utf-8") for source in sources)
        assert options <= set(OPTION.findall(known))


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project with the overlays that the documents ask of a reader."""
    folder = fresh_project(tmp_path_factory.mktemp("commands") / "project").folder
    for name in ("local", "my-model", "my-gpt2"):
        (folder / f"{name}.yaml").write_text(f"run: {name}\n", encoding="utf-8")
    return folder


def planned():
    """The runs that commands of Snakemake ask for, each once: cores and conda change no plan."""
    runs = {}
    for param in of("snakemake"):
        words = " ".join(param.values[1][1:])
        words = re.sub(r"--cores \w+|--use-conda|--sdm conda apptainer|-n\b", "", words)
        if not LATER & set(words.split()):
            runs.setdefault(" ".join(words.split()), param.values[1])
    return [pytest.param(words, id=" ".join(words)) for words in runs.values()]


@pytest.mark.parametrize("words", planned())
def test_snakemake(words, project):
    words = [word.replace("NAME.yaml", "smollm2.yaml") for word in words if word not in CONDA]
    command = [sys.executable, "-m", "snakemake", "--quiet", "host", "--dry-run", *words[1:]]
    result = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    said = result.stdout + result.stderr
    if result.returncode and "this machine shows no CUDA device" in said:
        assert any("cuda" in word for word in words)
        assert "Traceback" not in said
    else:
        assert result.returncode == 0, said[-2000:]
        assert re.search(r"^total +\d+$", said, re.M)
