"""A sample of the campaign of model files, in a process of its own, since audit hooks stay."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATHS = (ROOT / "scripts", ROOT / "tests/helpers", Path(__file__).parent)


def run(*arguments):
    return subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, PATHS))},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_sample_of_model_files_ends_in_a_right_backup_or_one_line():
    result = run(Path(__file__).parent / "models.py", "250", "1")
    assert result.returncode == 0, result.stdout
    assert "250 cases: {'accepted': " in result.stdout


# what a backup could do wrong, and how the campaign calls that
BREACHES = {
    "it writes elsewhere": ("open(Path(source.location).parent / 'more', 'w')", "unsafe"),
    "it changes the model": ("(Path(source.location) / 'more').touch()", "unsafe"),
    "it connects": ("socket.create_connection(('127.0.0.1', 9))", "unsafe"),
    "it starts a process": ("subprocess.run(['true'])", "unsafe"),
    "it runs the model's code": ("runpy.run_path(Path(source.location) / 'trap.py')", "unsafe"),
    "it opens a pickle": ("open(Path(source.location) / 'pytorch_model.bin')", "unsafe"),
    "it fails": ("{}['x']", "traceback"),
    "it leaves something behind": ("target.mkdir(); raise UserError('x')", "wrong"),
    "it drops a tensor": ("back_up(source, target); drop(target)", "wrong"),
}


PROGRAM = """
import json, runpy, socket, subprocess, sys
import models as campaign
from models import *

def drop(target):
    tensors = tensors_of(target)
    tensors.pop("transformer.wpe.weight")
    save_tensors(target, tensors)

def broken(source, target):
    with contextlib.suppress(OSError):
        exec(code)

back_up, found = campaign.back_up, {}
campaign.back_up = broken
for name, code in json.loads(sys.argv[1]).items():
    found[name] = dict(campaign.run([Case(name, "gpt2", lambda at: None)], show=lambda _: None))
print(json.dumps(found))
"""


def test_the_campaign_sees_what_it_looks_for():
    result = run("-c", PROGRAM, json.dumps({name: code for name, (code, _) in BREACHES.items()}))
    assert json.loads(result.stdout) == {name: {ended: 1} for name, (_, ended) in BREACHES.items()}
