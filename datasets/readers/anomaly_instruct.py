"""Anomaly-Instruct-125k: conversations to train on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from looktwice.core.errors import InputError
from looktwice.datasets.card import Card
from looktwice.datasets.files import listed

if TYPE_CHECKING:
    from looktwice.datasets.instruct import Record

NAME = "anomaly-instruct"
CARD = Card(
    NAME,
    title="Anomaly-Instruct-125k",
    about=(
        "125000 conversations about normal and anomalous things, industrial, medical, 3D and from the web, to tune a "
        "multimodal LLM with (Anomaly-OneVision)."
    ),
    licence="not stated, research only",
    home="https://github.com/honda-research-institute/Anomaly-OneVision",
    layout="<name>.json, a list of {id, image, conversations: [{from, value}, ...]}, with the pictures it names beside",
    domain="industrial",
    content="records",
)


def read(root: Path) -> list[Record]:
    """Read all conversations: one JSON file, or every one in a folder."""
    from looktwice.datasets.instruct import read_records

    files = listed(root, (".json",)) if root.is_dir() else [root]
    if not files:
        raise InputError(f"{root} contains no .json file with conversations")
    return [record for file in files for record in read_records(file)]
