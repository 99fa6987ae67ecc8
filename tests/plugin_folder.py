"""Folders in which tests add parts of their own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def add_plugins(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Add a folder to those in which parts are found."""
    known = os.environ.get("LOOKTWICE_PLUGINS")
    monkeypatch.setenv("LOOKTWICE_PLUGINS", os.pathsep.join([str(folder), *([known] if known else [])]))
