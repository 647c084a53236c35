"""Errors: one line each, and repeated last."""

import os

from needq.common.errors import PREFIX, UserError, reported


def log(folder, name, content, age=0.0):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    os.utime(path, (1000 - age, 1000 - age))


def test_an_error_is_one_line_whatever_it_quotes():
    assert str(UserError("no folder a\nb\r\n c")) == "no folder a b c"


def test_only_logs_that_end_with_an_error_since_the_start_are_reported(tmp_path):
    log(tmp_path, "b.log", f"start\n2026 root: {PREFIX}config: run: is wrong\n")
    log(tmp_path, "deep/er/a.log", f"2026 root: {PREFIX}model: {PREFIX}odd\n\n")
    log(tmp_path, "mended.log", f"root: {PREFIX}was wrong\nroot: done in 1.0 s\n")
    log(tmp_path, "old.log", f"root: {PREFIX}too old\n", age=1)
    log(tmp_path, "crash.log", "Traceback\nValueError: x\n")
    log(tmp_path, "empty.log", "")
    log(tmp_path, "bytes.log", b"\xff\xfe\n")
    log(tmp_path, "other.txt", f"{PREFIX}not a log\n")
    assert reported(tmp_path, 1000) == [
        f"{PREFIX}config: run: is wrong",
        f"{PREFIX}model: {PREFIX}odd",
    ]


def test_no_logs_no_errors(tmp_path):
    assert reported(tmp_path / "nothing", 0) == []


def test_a_line_ends_whatever_others_put_into_it():
    line = str(UserError(f"model: {'x' * 9000}: what to do"))
    assert len(line) < 1300
    assert line.startswith("model: xx")
    assert line.endswith("xx: what to do")
    assert " … " in line


def test_a_line_gives_a_terminal_nothing_to_obey():
    assert str(UserError("model: a\x1b[2J\u202eb")) == "model: a\ufffd[2J\ufffdb"
