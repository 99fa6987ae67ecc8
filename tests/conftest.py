"""What several test modules need."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The shared data folder; tests that use it are skipped where it is absent."""
    configured = os.environ.get("LOOKTWICE_DATA")
    if not configured or not Path(configured).is_dir():
        pytest.skip("LOOKTWICE_DATA names no folder")
    return Path(configured)
