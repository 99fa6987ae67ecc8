"""Every file can be parsed by the oldest Python that the package supports."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import looktwice

ROOT = Path(looktwice.__file__).parent


def test_no_file_uses_syntax_that_the_oldest_supported_python_lacks():
    oldest = re.search(r'^requires-python = ">=3\.(\d+)', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert oldest is not None
    files = [path for path in ROOT.rglob("*.py") if not path.relative_to(ROOT).parts[0].startswith((".", "build"))]
    assert len(files) > 300
    for path in files:
        ast.parse(path.read_text(encoding="utf-8"), str(path), feature_version=(3, int(oldest[1])))
