"""transformers' models come without the large libraries that it imports if they are there."""

import os
import subprocess
import sys

import pytest
from project import ROOT

LARGE = {"pandas", "scipy", "sklearn"}


def imported_with(code):
    """The packages that a process of its own has imported after some code."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "scripts")}
    command = [sys.executable, "-c", f"import sys\n{code}\nprint(*sys.modules)"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", ["backup.model_classes", "inference.native"])
def test_models_come_without_libraries_that_needq_does_not_use(module):
    loaded = imported_with(f"import needq.{module}")
    assert "transformers.modeling_utils" in loaded
    assert not loaded & LARGE


def test_what_is_left_out_is_installed_here():
    """Otherwise the test above would always pass."""
    assert imported_with("import pandas, scipy, sklearn") >= LARGE
