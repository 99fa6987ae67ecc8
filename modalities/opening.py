"""Telling what an input is by its content, and opening it with the adapter for its kind."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from looktwice.core.errors import InputError
from looktwice.core.study import Modality, Study


def open_study(path: str | Path, modality: str = "auto", **options: Any) -> Study:
    """Open one input.

    Parameters
    ----------
    path : path
        A file, a folder or zip of one DICOM series.
    modality : {"auto", "image", "volume", "pointcloud"}
        ``"auto"`` tells the kind by content, not by the file's name.
    **options
        Passed to the adapter (``planes``, ``window``, ``channel`` for volumes; ``views``, ``backend``, ``unit`` for
        point clouds).

    Raises
    ------
    InputError
        Missing, empty, unreadable or of no known kind; one line that says so.
    """
    path = Path(path)
    kind = detect(path) if modality == "auto" else Modality(modality)
    _check_readable(path)
    if kind is Modality.IMAGE:
        from looktwice.modalities.images import ImageStudy

        return ImageStudy(path)
    if kind is Modality.VOLUME:
        from looktwice.modalities.volumes import open_volume

        return open_volume(path, **options)
    from looktwice.modalities.pointclouds import open_pointcloud

    return open_pointcloud(path, **options)


def detect(path: Path) -> Modality:
    """Tell the kind of an input by its content.

    Raises
    ------
    InputError
        Missing, empty, unreadable or of no known kind.
    """
    _check_readable(path)
    kind = _sniff(path)
    if kind is None:
        what = (
            "folder holds no DICOM series" if path.is_dir() else "file is no picture, volume or point cloud known here"
        )
        raise InputError(f"{path}: this {what}")
    return kind


def expand(inputs: Iterable[Path]) -> list[Path]:
    """Replace each folder of inputs by the inputs in it, sorted by name; a DICOM series folder is one input.

    Files of no known kind inside a folder are passed over; a path named directly is always kept, so that its
    problem is reported.

    Raises
    ------
    InputError
        A folder that holds no input at all, or may not be listed.
    """
    found: list[Path] = []
    for path in inputs:
        if not path.is_dir() or _sniff(path) is not None:
            found.append(path)
            continue
        _check_readable(path)
        inside = [child for child in sorted(path.iterdir()) if not child.name.startswith(".") and _is_input(child)]
        if not inside:
            raise InputError(f"{path}: no picture, volume or point cloud in this folder")
        found.extend(inside)
    return found


def _is_input(path: Path) -> bool:
    try:
        return _sniff(path) is not None
    except OSError:
        return True  # unreadable: let it be named as a failure of its own


def _sniff(path: Path) -> Modality | None:
    from looktwice.modalities.images import is_image
    from looktwice.modalities.pointclouds import is_pointcloud
    from looktwice.modalities.volumes import is_volume

    if path.is_dir():
        return Modality.VOLUME if is_volume(path) else None
    # Clouds first: an organised XYZ TIFF is a cloud although its first bytes are a picture's.
    if is_pointcloud(path):
        return Modality.POINTCLOUD
    if is_image(path):
        return Modality.IMAGE
    return Modality.VOLUME if is_volume(path) else None


def _check_readable(path: Path) -> None:
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    try:
        if path.is_dir():
            next(path.iterdir(), None)
        elif path.stat().st_size == 0:
            raise InputError(f"{path}: the file is empty")
        else:
            with path.open("rb") as stream:
                stream.read(1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
