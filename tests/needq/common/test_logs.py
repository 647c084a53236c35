"""Jobs: their log, their one line, their exit code."""

import logging
import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from needq.common.errors import PREFIX, UserError, reported
from needq.common.files import temporary
from needq.common.logs import job, progress

SCRIPTS = Path(__file__).parents[3] / "scripts"


@pytest.fixture(autouse=True)
def restored():
    """The root logger and the handling of SIGTERM as they were."""
    handling = signal.getsignal(signal.SIGTERM)
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    for handler in set(root.handlers) - set(before):
        handler.close()
    root.handlers[:] = before
    root.setLevel(level)
    logging.captureWarnings(False)
    signal.signal(signal.SIGTERM, handling)


def test_a_mistake_is_one_line_and_exit_code_1(tmp_path):
    log = tmp_path / "logs" / "a.log"
    code = (
        "from needq.common.logs import job\nfrom needq.common.errors import UserError\n"
        f"with job({str(log)!r}):\n    raise UserError('config: run: is\\nwrong')\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(SCRIPTS)},
        capture_output=True,
        text=True,
    )
    assert found.returncode == 1
    assert found.stdout == ""
    assert found.stderr == f"{PREFIX}config: run: is wrong\n"
    assert reported(log.parent, 0) == [f"{PREFIX}config: run: is wrong"]


def test_a_job_that_succeeds_logs_what_it_did(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("what an earlier run left")
    with job(str(log)):
        logging.info("hello")
        warnings.warn("beware", stacklevel=1)
        assert list(progress(["x", "y"], "count")) == ["x", "y"]
    content = log.read_text()
    lines = content.splitlines()
    assert "earlier" not in content
    assert "beware" in content
    assert [line.split(": ", 1)[1] for line in lines if "count" in line] == [
        "count 1 of 2",
        "count 2 of 2",
    ]
    assert "done in" in lines[-1]


def test_a_cancelled_job_leaves_nothing_half_written(tmp_path):
    target = tmp_path / "table.tsv"
    with (
        pytest.raises(SystemExit) as stopped,
        job(str(tmp_path / "a.log")),
        temporary(target) as partial,
    ):
        partial.write_text("half")
        os.kill(os.getpid(), signal.SIGTERM)
    assert stopped.value.code == 128 + signal.SIGTERM
    assert [file.name for file in tmp_path.iterdir()] == ["a.log"]


def test_the_log_names_the_environment(tmp_path):
    log = tmp_path / "a.log"
    with job(str(log)):
        pass
    assert log.read_text().splitlines()[0].endswith(f"Python of {sys.prefix}")


def test_a_mistake_is_the_last_line_of_the_log(tmp_path):
    log = tmp_path / "a.log"
    with pytest.raises(SystemExit) as stopped, job(str(log)):
        raise UserError("model: is missing")
    assert stopped.value.code == f"{PREFIX}model: is missing"
    assert log.read_text().splitlines()[-1].endswith(f"{PREFIX}model: is missing")


def test_a_defect_keeps_its_traceback(tmp_path):
    log = tmp_path / "a.log"
    with pytest.raises(ZeroDivisionError), job(str(log)):
        _ = 1 / 0
    assert "Traceback" in log.read_text()
    assert "ZeroDivisionError" in log.read_text()
    assert reported(tmp_path, 0) == []
