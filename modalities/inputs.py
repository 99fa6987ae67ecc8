"""What users give as inputs: paths, folders and objects in memory, each with what is asked for it alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from looktwice.core.errors import InputError, UsageError
from looktwice.modalities.opening import expand


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


def origin_of(source: Any) -> str:
    """Return what tells an input from others: its path, or which object in memory it is."""
    return str(Path(source).absolute()) if isinstance(source, (str, Path)) else f"object {id(source):x}"


def list_inputs(inputs: Any) -> list[Any]:
    """Return inputs as a list; a single one, or a folder's path, is searched for those in it."""
    several = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
    listed: list[Any] = []
    for one in several:
        try:
            listed += expand([Path(one)]) if isinstance(one, (str, Path)) else [one]
        except InputError as error:
            raise UsageError(str(error)) from error
    return listed
