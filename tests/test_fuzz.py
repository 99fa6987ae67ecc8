"""A short run of ``scripts/fuzz.py``: damaged files cost one line each, whatever their format."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "fuzz.py"


@pytest.mark.skipif(sys.platform != "linux", reason="forks, and limits memory as Linux does")
def test_damaged_files_are_read_rightly_or_refused_in_one_line(tmp_path):
    ran = subprocess.run(
        [sys.executable, "-P", str(SCRIPT), "--cases", "48", "--seed", "7"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "48 cases" in ran.stdout
