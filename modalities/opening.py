"""Telling what an input is by its content, and opening it with the adapter for its kind."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from looktwice.core.discovery import find_part, find_parts
from looktwice.core.errors import InputError, UsageError
from looktwice.core.study import Modality, Study
from looktwice.modalities.base import Adapter
from looktwice.modalities.memory import describe

ROOM, MARKER = "modalities", "ADAPTER"


def open_study(
    source: Any, modality: str = "auto", *, medical: bool = False, name: str | None = None, **options: Any
) -> Study:
    """Open one input: a file or folder, or an object in memory.

    Parameters
    ----------
    source : path or object
        A path: a file, or a folder or zip of one DICOM series.

        A picture: ``PIL.Image.Image``; an array (H, W) or (H, W, 3 or 4), or a tensor (H, W) or (3, H, W), of uint8 or
        of floats in [0, 1]; uint16 (H, W), which is scaled by the bits in use; a 2D ``SimpleITK.Image``, whose pixels
        are such an array.

        A volume: a nibabel image; a ``SimpleITK.Image`` (LPS, as SimpleITK has it); a MONAI ``MetaTensor`` (I, J, K) or
        (C, I, J, K); an array or a tensor (I, J, K) of numbers in any range, with its geometry in `options`:
        ``affine=`` (4 × 4, voxel indices to RAS millimetres) or ``spacing=`` (three lengths in millimetres). Of several
        volumes or channels, ``channel=`` says which.

        A point cloud or a mesh: an array or a tensor (P, 3) of floats in any unit, or (P, 6) with colours in [0, 1];
        Open3D's point clouds and triangle meshes, of both its interfaces; trimesh's.
    modality : str
        A kind of input, by name; ``"auto"`` tells it by content, not by a file's name.
    medical : bool
        It shows a patient, although its content does not say so (a radiograph saved as PNG). Volumes and DICOM files
        are medical in any case.
    name : str, optional
        What the study is called; for a file its stem, for an object in memory "array", "image", "volume" or "cloud".
    **options
        For the adapter: ``planes``, ``window``, ``channel`` for volumes; ``views``, ``backend``, ``unit`` for point
        clouds, and so on. Those of another kind of input are passed over.

    Returns
    -------
    Study

    Raises
    ------
    InputError
        Missing, empty, unreadable or of no known kind; an object of another shape, type or range.
    UsageError
        There is no such kind or option, or its value is not understood.

    Examples
    --------
    >>> import numpy as np
    >>> ramp = np.tile(np.arange(32, dtype=np.uint8), (24, 1))
    >>> study = open_study(ramp, name="ramp")
    >>> study.modality, study.name, study.views()[0].image.shape
    ('image', 'ramp', (24, 32, 3))
    >>> ball = np.linalg.norm(np.indices((20, 20, 20)) - 10, axis=0) < 6
    >>> open_study(ball * 100.0, spacing=(1, 1, 2)).medical
    True
    """
    _check_options(options)
    if name is not None and (not name or name in (".", "..") or Path(name).name != name):
        raise UsageError(f"{name!r} cannot be a study's name: it names a folder")
    path = Path(source) if isinstance(source, (str, os.PathLike)) else None
    if path is not None:
        adapter = _adapter_of(path) if modality == "auto" else adapter_named(modality)
        check_readable(path)
    else:
        adapter = _adapter_taking(source, options) if modality == "auto" else adapter_named(modality)
    fitting = {option: value for option, value in options.items() if option in adapter.options}
    study = adapter.open(source if path is None else path, **fitting)
    study.modality = Modality(adapter.kind)
    study.medical = study.medical or medical
    if name is not None:
        study.name = name
        study.source = Path(name) if path is None else study.source
    return study


def adapters() -> list[Adapter]:
    """Return the adapters of all kinds of input in the order in which they are asked."""
    found = [cast(Adapter, part.load().ADAPTER) for part in find_parts(ROOM, MARKER).values()]
    return sorted(found, key=lambda adapter: (adapter.order, adapter.kind))


def adapter_named(kind: str) -> Adapter:
    """Return the adapter of one kind.

    Raises
    ------
    UsageError
        There is no such kind.
    """
    return cast(Adapter, find_part(ROOM, MARKER, kind, "kind of input").load().ADAPTER)


def kinds() -> list[str]:
    """Return the names of all kinds of input; no adapter is imported."""
    return list(find_parts(ROOM, MARKER))


def exports() -> list[str]:
    """Return the further file formats that maps of some kind can be written to."""
    return list(dict.fromkeys(export for adapter in adapters() for export in adapter.exports))


def detect(path: Path) -> Modality:
    """Tell the kind of a file or folder by its content.

    Raises
    ------
    InputError
        Missing, empty, unreadable or of no known kind.
    """
    return Modality(_adapter_of(path).kind)


def _adapter_of(path: Path) -> Adapter:
    check_readable(path)
    adapter = sniff(path)
    if adapter is None:
        what = "folder contains no DICOM series" if path.is_dir() else f"file is not a supported {nouns()}"
        raise InputError(f"{path}: this {what}")
    return adapter


def _adapter_taking(data: Any, options: Mapping[str, Any]) -> Adapter:
    """Return the adapter that takes an object in memory."""
    asked = adapters()
    for adapter in asked:
        if adapter.takes(data, options):
            return adapter
    accepted = "; ".join(adapter.accepts for adapter in asked if adapter.accepts)
    raise InputError(f"{describe(data)} cannot be opened: {accepted}")


def _check_options(options: Iterable[str]) -> None:
    known = sorted({option for adapter in adapters() for option in adapter.options})
    for option in options:
        if option not in known:
            raise UsageError(f"there is no option {option!r}; choose from {', '.join(known)}")


def nouns() -> str:
    """Return what can be inspected, in words: "image, point cloud or volume"."""
    nouns = sorted(adapter.noun for adapter in adapters())
    return f"{', '.join(nouns[:-1])} or {nouns[-1]}"


def sniff(path: Path) -> Adapter | None:
    """Return the adapter whose kind a path is by its content, or None."""
    return next((adapter for adapter in adapters() if adapter.matches(path)), None)


def check_readable(path: Path) -> None:
    """Raise an ``InputError`` where a path is missing, empty, no regular file or folder, or may not be read."""
    try:
        if not path.exists():
            raise InputError(f"{path}: no such file or folder")
        if path.is_dir():
            next(path.iterdir(), None)
        elif not path.is_file():
            # Opening a pipe would wait for whoever writes to it.
            raise InputError(f"{path}: this is neither a file nor a folder")
        elif path.stat().st_size == 0:
            raise InputError(f"{path}: the file is empty")
        else:
            with path.open("rb") as stream:
                stream.read(1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
