"""What users give as inputs: paths, folders and objects in memory, each with what is asked for it alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Input:
    """An input with what is asked for it alone.

    Attributes
    ----------
    source : path or data
        What `modalities.open` takes.
    name : str, optional
        Of the study and its folder, in place of the one that its adapter derives from a file's name.
    modality : str, optional
        In place of the one asked for all.
    options : dict
        For the adapter, besides those given for all.
    kind : str
        What it was recognised as; "" where that is not known yet.
    identity : str
        What tells it from others wherever it lies, such as a series UID; by default its path.
    files : tuple of Path
        What it consists of, where that is not one file.
    shown : str
        What people know it by, where it was unpacked from an archive.
    notes : tuple of str
        What was decided about it before it was opened.
    holds : object
        What must live as long as the input, such as the folder that it was unpacked to.

    Examples
    --------
    >>> import numpy as np
    >>> from looktwice.modalities.opening import open_study
    >>> block = Input(np.random.default_rng(0).random((16, 16, 16)), name="block 7", options={"spacing": (1, 1, 2)})
    >>> study = open_study(block.source, name=block.name, **block.options)
    >>> study.name, study.modality
    ('block 7', 'volume')
    """

    source: Any
    name: str | None = None
    modality: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    kind: str = ""
    identity: str = ""
    files: tuple[Path, ...] = ()
    shown: str = ""
    notes: tuple[str, ...] = ()
    holds: Any = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        return self.shown or str(self.source)


def origin_of(source: Any) -> str:
    """Return what tells an input from others: its path, or which object in memory it is."""
    return str(Path(source).absolute()) if isinstance(source, (str, Path)) else f"object {id(source):x}"
