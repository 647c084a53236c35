"""A sample of the campaign of model files, in a process of its own, since audit hooks stay."""

import os
import subprocess
import sys
from pathlib import Path

CAMPAIGN = Path(__file__).parent / "models.py"


def test_a_sample_of_model_files_ends_in_a_right_backup_or_one_line():
    root = CAMPAIGN.parents[2]
    result = subprocess.run(
        [sys.executable, CAMPAIGN, "250", "1"],
        env=os.environ | {"PYTHONPATH": f"{root / 'scripts'}:{root / 'tests/helpers'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    assert "250 cases: {'accepted': " in result.stdout
