"""Real3D-AD: high-resolution scans of toys."""

from __future__ import annotations

from pathlib import Path

from looktwice.datasets.card import Card
from looktwice.datasets.layouts.labelled_clouds import read_labelled_clouds
from looktwice.datasets.sample import Sample

NAME = "real3d-ad"
CARD = Card(
    NAME,
    title="Real3D-AD",
    about=(
        "12 kinds of toys, 1254 high-resolution scans, one label per point; training scans are complete, test scans "
        "show one side."
    ),
    licence="CC BY 4.0",
    home="https://github.com/M-3LAB/Real3D-AD",
    layout="<category>/{train/<name>_template.pcd, test/<name>_<defect>.pcd, gt/<name>_<defect>.txt (x y z label)}",
    domain="3d",
)


def read(root: Path) -> list[Sample]:
    """Read clouds with a label for each point."""
    return read_labelled_clouds(root, CARD)
