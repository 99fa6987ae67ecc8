"""The examples in docstrings are run, in every module that holds one."""

from __future__ import annotations

import doctest
import importlib
import tempfile
from pathlib import Path

import pytest

import looktwice

ROOT = Path(looktwice.__file__).parent
# Not part of the package, though they lie in its folder.
OUTSIDE = {"tests", "benchmarks", "scripts", "docs", "build", "demo"}


def modules_with_examples() -> list[str]:
    """Return the modules whose text holds an example; the others need not be importable without optional extras."""
    found = []
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        inside = parts[0] not in OUTSIDE and not parts[0].startswith(".")
        if inside and ">>> " in path.read_text(encoding="utf-8"):
            found.append(".".join(("looktwice", *(part for part in parts if part != "__init__"))))
    return found


@pytest.mark.parametrize("module", modules_with_examples())
def test_the_examples_of_a_module_are_right(module, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # for examples that write files
    failed, attempted = doctest.testmod(importlib.import_module(module), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert attempted
    assert not failed
