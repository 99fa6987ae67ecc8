"""What several test modules need."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from .made_studies import browse, make_cloud, make_volume, photograph  # noqa: F401 - fixtures for every room
from .plugin_folder import add_plugins
from .plugin_kind import grid_kind  # noqa: F401

# The same examples in every run, however slow the machine; `--hypothesis-profile=default` draws others.
settings.register_profile("steady", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The shared data folder; tests that use it are skipped where it is absent."""
    configured = os.environ.get("LOOKTWICE_DATA")
    if not configured or not Path(configured).is_dir():
        pytest.skip("LOOKTWICE_DATA names no folder")
    return Path(configured)


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Let every test draw the same random numbers, whichever ran before it."""
    random.seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


@pytest.fixture
def tiny_encoder(monkeypatch: pytest.MonkeyPatch) -> str:
    """Add an encoder that costs nothing, fixed random filters on an 8 × 8 grid, and return its name."""
    add_plugins(monkeypatch, Path(__file__).parent / "plugins")
    return "tiny"


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for parts of one's own (``encoders/NAME.py`` and so on), which are forgotten afterwards."""
    folder = tmp_path / "plugins"
    add_plugins(monkeypatch, folder)
    before = set(sys.modules)
    yield folder
    for name, module in list(sys.modules.items()):
        if name not in before and str(getattr(module, "__file__", "")).startswith(str(folder)):
            del sys.modules[name]
