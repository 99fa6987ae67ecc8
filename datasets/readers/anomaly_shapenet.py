"""Anomaly-ShapeNet: clouds of shapes with synthetic damage."""

from __future__ import annotations

from pathlib import Path

from looktwice.datasets.card import Card
from looktwice.datasets.layouts.labelled_clouds import read_labelled_clouds
from looktwice.datasets.sample import Sample

NAME = "anomaly-shapenet"
CARD = Card(
    NAME,
    title="Anomaly-ShapeNet",
    about="40 (later 50) shapes, 1600 clouds with synthetic bulges, dents, holes, cracks, breaks, one label per point.",
    licence="CC BY 4.0",
    home="https://github.com/Chopper-233/Anomaly-ShapeNet",
    layout=(
        "<category>/{train/<name>_template<n>.pcd, test/<name>_<defect><n>.pcd, "
        "GT/<name>_<defect><n>.txt (x,y,z,label)}"
    ),
    domain="3d",
)


def read(root: Path) -> list[Sample]:
    """Read clouds with a label for each point."""
    return read_labelled_clouds(root, CARD)
