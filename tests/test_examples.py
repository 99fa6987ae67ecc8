"""The examples in docstrings are run, in every module that holds one."""

from __future__ import annotations

import ast
import doctest
import importlib
import tempfile
from pathlib import Path

import pytest

import looktwice

ROOT = Path(looktwice.__file__).parent
# Not part of the package, though they lie in its folder.
OUTSIDE = {"tests", "benchmarks", "scripts", "docs", "build", "demo"}
# A protocol says what others must do, an enumeration and an error are nothing but their names.
NEED_NO_EXAMPLE = {"Protocol", "Enum", "Exception", "LookTwiceError"}


def code_files() -> list[Path]:
    """Return the package's own files."""
    found = [(path, path.relative_to(ROOT).parts[0]) for path in sorted(ROOT.rglob("*.py"))]
    return [path for path, room in found if room not in OUTSIDE and not room.startswith(".")]


def modules_with_examples() -> list[str]:
    """Return the modules whose text holds an example; the others need not be importable without optional extras."""
    found = []
    for path in code_files():
        if ">>> " in path.read_text(encoding="utf-8"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found.append(".".join(("looktwice", *(part for part in parts if part != "__init__"))))
    return found


def classes_without_an_example(text: str) -> list[str]:
    """Return the public classes of a file that need an example and have none."""
    classes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ClassDef) and node.name[0] != "_"]
    return [
        found.name
        for found in classes
        if not NEED_NO_EXAMPLE & {ast.unparse(base).split("[")[0] for base in found.bases}
        and ">>> " not in (ast.get_docstring(found) or "")
    ]


@pytest.mark.parametrize("module", modules_with_examples())
def test_the_examples_of_a_module_are_right(module, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # for examples that write files
    failed, attempted = doctest.testmod(importlib.import_module(module), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert attempted
    assert not failed


def test_every_public_class_shows_by_example_what_it_is_for():
    files = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in code_files()}
    missing = {name: classes_without_an_example(text) for name, text in files.items()}
    assert {name: classes for name, classes in missing.items() if classes} == {}
    assert classes_without_an_example("class Told:\n    pass\nclass _Own:\n    pass") == ["Told"]
