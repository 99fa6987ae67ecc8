"""A kind of input that is added from outside: one folder, which nothing in the package knows of."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import looktwice.modalities

from .plugin_folder import add_plugins

ADAPTER = '''
"""Tables of numbers that begin with the word GRID, a picture each."""

from __future__ import annotations

from pathlib import Path

from looktwice.modalities.base import Adapter

NAME = "grid"


def is_grid(path):
    if path.is_dir():
        return False
    with path.open("rb") as file:
        return file.read(5) == b"GRID\\n"


def open_grid(source, *, gain=1):
    from .study import GridStudy

    return GridStudy(source, gain)


ADAPTER = Adapter(
    kind=NAME, noun="table", matches=is_grid, open=open_grid, options=("gain",), exports=("txt",)
)
'''

STUDY = '''
"""A table as a study."""

from __future__ import annotations

import numpy as np

from looktwice.core.display import Display
from looktwice.core.errors import InputError, UsageError
from looktwice.core.study import NativeMap, Region, Study, View


class GridMap(NativeMap):
    display = Display("table", "xy", unit="cell")
    exports = ("txt",)

    def __init__(self, values):
        self.values = values

    def regions(self, threshold, limit=20):
        rows, columns = np.nonzero(self.values >= threshold)
        if not len(rows):
            return []
        box = (int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
        centre = (float(columns.mean()), float(rows.mean()))
        return [Region(float(self.values.max()), float(len(rows)), "area_px", centre, box)][:limit]

    def export(self, kind, folder):
        if kind not in self.exports:
            raise UsageError(f"unknown export {kind!r}")
        np.savetxt(folder / "heatmap.txt", self.values)
        return "heatmap.txt"


class GridStudy(Study):
    def __init__(self, source, gain):
        lines = source.read_text().splitlines()[1:]
        self.source, self.name, self.notes = source, source.stem, []
        try:
            cells = np.array([line.split() for line in lines], float) * gain
        except ValueError as error:
            raise InputError(f"{source}: no table of numbers") from error
        grey = np.clip(cells, 0, 255).astype(np.uint8)
        self._image = np.repeat(grey[..., None], 3, axis=2)

    def views(self):
        return [View(self._image, "the table", 0)]

    def lift(self, maps):
        from skimage.transform import resize

        return GridMap(resize(np.asarray(maps[0], np.float32), self._image.shape[:2], order=1).astype(np.float32))
'''


@pytest.fixture
def grid_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Add the kind "grid" for one test.

    ``make(path)`` writes such an input: 24 rows of 32 numbers in a file of any name, bright in one corner.
    """
    folder = tmp_path / "plugins" / "modalities" / "grid"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(ADAPTER)
    (folder / "study.py").write_text(STUDY)
    add_plugins(monkeypatch, tmp_path / "plugins")
    # What importing it changes is undone after the test.
    monkeypatch.setattr(looktwice.modalities, "__path__", list(looktwice.modalities.__path__))
    for module in ("looktwice.modalities.grid", "looktwice.modalities.grid.study"):
        monkeypatch.setitem(sys.modules, module, None)
        monkeypatch.delitem(sys.modules, module)

    def make(path: Path) -> Path:
        rows = [[200 if row < 6 and column < 8 else 40 + column for column in range(32)] for row in range(24)]
        path.write_text("GRID\n" + "\n".join(" ".join(map(str, row)) for row in rows) + "\n")
        return path

    return SimpleNamespace(make=make, plugins=tmp_path / "plugins")
