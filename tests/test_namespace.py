"""The repository root is the package: nothing in it may be importable by its bare name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import looktwice

ROOT = Path(looktwice.__file__).parent


def run(code: str, folder: Path) -> str:
    """Run code in a fresh interpreter that starts in another folder."""
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_root_is_not_on_the_path():
    assert ROOT.resolve() not in {Path(entry or ".").resolve() for entry in sys.path}


@pytest.mark.parametrize("name", ["datasets", "encoders", "evaluation", "report", "models", "errors"])
def test_a_bare_import_is_never_ours(name, tmp_path):
    code = f"""
import importlib.util
found = importlib.util.find_spec({name!r})
places = [] if found is None else [found.origin, *(found.submodule_search_locations or [])]
print("\\n".join(str(place) for place in places))
"""
    for place in run(code, tmp_path).split():
        assert Path(place).resolve().parent not in (ROOT.resolve(), ROOT.resolve() / name)


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["inspect", "--help"], ["train", "expert", "--help"], ["datasets", "--help"]],
    ids=" ".join,
)
def test_help_answers_without_the_heavy_libraries(arguments, tmp_path):
    code = f"""
import sys
sys.argv = ["looktwice", *{arguments!r}]
from looktwice.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
heavy = {{"torch", "open3d", "monai", "transformers", "timm", "pytorch3d"}} & set(sys.modules)
assert not heavy, sorted(heavy)
"""
    assert run(code, tmp_path).strip()


def test_importing_the_package_is_light_and_inspect_is_there_when_asked_for(tmp_path):
    code = """
import sys
import looktwice
assert "torch" not in sys.modules
assert not hasattr(looktwice, "no_such_thing")
print(looktwice.__version__)
"""
    assert run(code, tmp_path).strip() == looktwice.__version__
