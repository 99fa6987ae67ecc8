"""Which files are inputs, which are masks, and which belongs to which."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from looktwice.core.errors import InputError

IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
VOLUMES = (".nii.gz", ".nii")
CLOUDS = (".ply", ".pcd", ".obj", ".stl", ".off", ".glb")
INPUTS = IMAGES + VOLUMES + CLOUDS
MASKS = (".png", ".bmp", ".tif", ".tiff", ".jpg", ".jpeg", *VOLUMES, ".npy", ".txt")
MASK_ENDINGS = ("_mask", "_ground_truth", "_label", "_gt")


def suffix(path: Path) -> str:
    """Return the lower-case suffix; ``.nii.gz`` counts as one.

    Examples
    --------
    >>> suffix(Path("brain.NII.gz"))
    '.nii.gz'
    """
    name = path.name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else path.suffix.lower()


def stem(path: Path) -> str:
    """Return the file's name without its suffix; ``.nii.gz`` counts as one.

    Examples
    --------
    >>> stem(Path("brain.nii.gz"))
    'brain'
    """
    ending = suffix(path)
    return path.name[: len(path.name) - len(ending)] if ending else path.name


def listed(folder: Path, suffixes: Sequence[str] = INPUTS) -> list[Path]:
    """Return the visible files of `folder` with one of `suffixes`, sorted by name; none if there is no folder."""
    files = (path for path in entries(folder) if not path.is_dir())
    return [path for path in files if suffix(path) in suffixes]


def subfolders(folder: Path) -> list[Path]:
    """Return the visible folders in `folder`, sorted by name; none if there is no such folder."""
    return [path for path in entries(folder) if path.is_dir()]


def entries(folder: Path) -> list[Path]:
    """Return what a folder shows, sorted by name; an unreadable folder is an :class:`InputError`."""
    if not folder.is_dir():
        return []
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise InputError(f"{folder} cannot be listed: {error.strerror or error}") from None


def by_stem(masks: Iterable[Path]) -> dict[str, Path]:
    """Index masks by the stem of their input: ``003_mask.png`` and ``003.png`` are both of ``003``."""
    return {bare(stem(path)): path for path in masks}


def bare(name: str) -> str:
    """Strip the ending that marks a file as a mask.

    Examples
    --------
    >>> bare("003_mask")
    '003'
    """
    for ending in MASK_ENDINGS:
        if name.endswith(ending) and name != ending:
            return name[: -len(ending)]
    return name
