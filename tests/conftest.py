"""What several test modules need."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .made_studies import browse, make_cloud, make_volume, photograph  # noqa: F401 - fixtures for every room


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The shared data folder; tests that use it are skipped where it is absent."""
    configured = os.environ.get("LOOKTWICE_DATA")
    if not configured or not Path(configured).is_dir():
        pytest.skip("LOOKTWICE_DATA names no folder")
    return Path(configured)


@pytest.fixture
def tiny_encoder(monkeypatch: pytest.MonkeyPatch) -> str:
    """Add an encoder that costs nothing, fixed random filters on an 8 × 8 grid, and return its name."""
    monkeypatch.setenv("LOOKTWICE_PLUGINS", str(Path(__file__).parent / "plugins"))
    return "tiny"
