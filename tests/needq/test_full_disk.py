"""No space, no permission, a file too large: one line that names the file, and no half-written one.

Each kind of writer is tried: JSON, parquet, TSV, safetensors, figures, pages. They run in one
process whose files may have 4,096 bytes, since a disk of that size takes a superuser.
"""

import errno
import json
import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from needq.common.errors import PREFIX, UserError, machine_error, machine_line, reported
from needq.common.files import reading, temporary, write_text
from needq.common.logs import job
from process_state import as_nobody

SCRIPTS = Path(__file__).parents[2] / "scripts"
LIMIT = 4096
WRITERS = """
import json, resource, sys
import matplotlib.pyplot
import numpy as np
import pandas
from needq.common import schemas, tables
from needq.common.files import temporary, write_json, write_text
from needq.common.logs import job
from needq.common.tensors import write_tensors
from needq.figures import theme

figure = matplotlib.pyplot.figure()
figure.add_subplot().plot(np.random.rand(1000))
keys = {"sweep": "s", "intervention": "i", "blocks_replaced": 1}
rows = [keys | {"nll": float(value)} for value in np.random.rand(2000)]
text = "x" * 100_000


def write_png(path):
    with temporary(path) as partial:
        figure.savefig(partial)


writers = {
    "a.json": lambda path: write_json(path, text),
    "a.parquet": lambda path: tables.write_rows(path, rows, schemas.EVALUATION),
    "a.tsv": lambda path: tables.write_table(path, pandas.DataFrame(rows)),
    "a.safetensors": lambda path: write_tensors(path, {"a": np.zeros(10_000)}),
    "a.svg": lambda path: theme.save(figure, path, "b.png"),
    "a.png": write_png,
    "a.html": lambda path: write_text(path, text),
}
said = {}
for name, write in writers.items():
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
    try:
        with job(f"logs/{name}.log"):
            write(f"out/{name}")
    except SystemExit as error:
        said[name] = error.code
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(json.dumps(said))
"""
NAMES = ["a.json", "a.parquet", "a.tsv", "a.safetensors", "a.svg", "a.png", "a.html"]


@pytest.fixture(scope="module")
def limited(tmp_path_factory):
    """The folder of a process whose files were too large, what its jobs said, and its stderr."""
    folder = tmp_path_factory.mktemp("limited")
    result = subprocess.run(
        [sys.executable, "-c", WRITERS, str(LIMIT)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(SCRIPTS)},
        capture_output=True,
        text=True,
        check=True,
    )
    return folder, json.loads(result.stdout), result.stderr


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_too_large_is_one_line(limited, name):
    folder, said, _ = limited
    line = f"out/{name}: File too large; raise the limit on the size of files (ulimit -f)"
    assert said[name] == f"{PREFIX}{line} and run again"
    assert (folder / f"logs/{name}.log").read_text().rstrip().endswith(said[name])


def test_nothing_half_written_is_left(limited):
    folder, said, stderr = limited
    assert list(said) == NAMES
    assert list((folder / "out").iterdir()) == []
    assert reported(folder / "logs", 0) == sorted(said.values())
    assert "Traceback" not in stderr


@pytest.mark.parametrize("number", sorted(errno.errorcode))
def test_every_error_of_the_machine_is_one_line(number, tmp_path, restored):
    target, log = tmp_path / "table.tsv", tmp_path / "a.log"
    with pytest.raises(SystemExit) as stopped, job(str(log)), temporary(target) as partial:
        partial.write_text("half")
        raise OSError(number, os.strerror(number))
    assert stopped.value.code.startswith(f"{PREFIX}{target}: {os.strerror(number)}")
    assert "\n" not in stopped.value.code
    assert log.read_text().rstrip().endswith(stopped.value.code)
    assert [file.name for file in tmp_path.iterdir()] == ["a.log"]


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"),
        OSError("[Errno 28] Error writing bytes to file. Detail: [errno 28] No space left"),
        OSError(errno.ENOSPC, "another text", ".partial-table.tsv"),
    ],
)
def test_errors_of_other_libraries_are_the_machines(error, tmp_path):
    found = machine_error(error, Path("table.tsv"))
    line = "table.tsv: No space left on device; make room and run again"
    assert machine_line(found) == line
    with pytest.raises(OSError, match="No space left"), temporary(tmp_path / "table.tsv"):
        raise error
    with pytest.raises(OSError, match="No space left"), reading("table.tsv", type(error)):
        raise error


@pytest.mark.parametrize("error", [ValueError("3"), OSError("no number"), UserError("[errno 28]")])
def test_other_errors_are_not(error):
    assert machine_error(error, Path("x")) is None


def test_a_log_that_cannot_be_written_hides_nothing(restored, capsys):
    with pytest.raises(SystemExit) as stopped, job("/dev/full"):
        logging.info("never seen")
        raise UserError("config: run: is wrong")
    assert stopped.value.code == f"{PREFIX}config: run: is wrong"
    assert capsys.readouterr() == ("", "")


def test_a_log_that_cannot_be_opened_is_one_line(tmp_path, restored):
    (tmp_path / "file").touch()
    for log, reason in {
        tmp_path: "Is a directory",
        tmp_path / "file/a.log": "File exists",
        tmp_path / ("n" * 300): "File name too long; use a shorter name",
    }.items():
        with pytest.raises(SystemExit) as stopped, job(str(log)):
            pytest.fail("the job began")
        assert stopped.value.code.startswith(f"{PREFIX}{tmp_path}")
        assert reason in stopped.value.code


@pytest.fixture
def read_only():
    """A folder that others may read."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o555)
        yield Path(name)


def test_a_folder_that_is_not_writable_is_one_line(tmp_path, read_only, restored):
    folder = read_only
    with pytest.raises(SystemExit) as stopped, job(str(tmp_path / "a.log")), as_nobody():
        write_text(folder / "page.html", "text")
    assert stopped.value.code == (
        f"{PREFIX}{folder}/page.html: Permission denied; this user needs the permission"
    )


def test_a_job_without_memory_is_one_line(tmp_path, restored):
    with pytest.raises(SystemExit) as stopped, job(str(tmp_path / "a.log")):
        raise MemoryError
    assert stopped.value.code == f"{PREFIX}there is not enough memory for this job"


def test_a_log_that_cannot_be_read_hides_no_other(tmp_path):
    (tmp_path / "b.log").write_text(f"{PREFIX}model: is missing")
    (tmp_path / "a.log").symlink_to("a.log")
    (tmp_path / "c.log").mkdir()
    assert reported(tmp_path, 0) == [f"{PREFIX}model: is missing"]
