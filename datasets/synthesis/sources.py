"""From what a user names to what makes cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from looktwice.core.errors import InputError, UsageError
from looktwice.datasets.files import CLOUDS, IMAGES, VOLUMES, listed, stem, suffix
from looktwice.datasets.sample import GOOD
from looktwice.datasets.synthesis.makers import CloudMaker, Maker, PictureMaker, ScanMaker, usable_lesions
from looktwice.datasets.synthesis.shapes.catalogue import SHAPES


@dataclass(frozen=True)
class Options:
    """What scans and clouds need besides the sources; see ``looktwice datasets synthesize``.

    Examples
    --------
    >>> list(makers_for(["ring", "gear"], Options(points=(500,))))
    ['ring', 'gear']
    """

    lesions: Path | None = None
    within: Path | None = None
    points: tuple[int, ...] = (20_000, 80_000)
    noise: float = 0.0005
    one_sided: float = 0.0
    tables: float = 0.0


def makers_for(sources: Sequence[str], options: Options) -> dict[str, Maker]:
    """Return a maker for each category.

    All pictures of a folder, or of the files named, are one category, and so are all scans; each mesh and each made
    shape is a category of its own.

    Raises
    ------
    InputError
        A source does not exist or holds nothing that can be used.
    """
    makers: dict[str, Maker] = {}
    for source in sources:
        path = Path(source)
        if not path.exists():
            if source not in SHAPES:
                raise InputError(f"{source} does not exist; generated shapes are {', '.join(SHAPES)}")
            _add(makers, source, _cloud_maker(source, options))
            continue
        files = listed(path) if path.is_dir() else [path]
        name = _category(path.resolve()) if path.is_dir() else stem(path)
        pictures, scans, meshes = (
            [file for file in files if suffix(file) in endings] for endings in (IMAGES, VOLUMES, CLOUDS)
        )
        if not (pictures or scans or meshes):
            raise InputError(f"{path} contains no image, NIfTI scan or mesh")
        if pictures:
            _add(makers, name, PictureMaker(pictures))
        if scans:
            _add(makers, name, _scan_maker(scans, options))
        for mesh in meshes:
            _add(makers, stem(mesh), _cloud_maker(mesh, options))
    return makers


def numbers(text: str) -> list[int]:
    """Read numbers of points separated by commas.

    Raises
    ------
    UsageError
        Something is no number, or below 100.

    Examples
    --------
    >>> numbers("20000,80000")
    [20000, 80000]
    """
    try:
        found = [int(word) for word in text.split(",")]
    except ValueError:
        found = []
    if not found or min(found) < 100:
        raise UsageError(f"{text!r}: give numbers of points, 100 or more, separated by commas")
    return found


def _cloud_maker(shape: Path | str, options: Options) -> CloudMaker:
    return CloudMaker(shape, options.points, options.noise, options.one_sided, options.tables)


def _scan_maker(files: Sequence[Path], options: Options) -> ScanMaker:
    lesions: list[Path] = []
    if options.lesions is not None:
        folder = options.lesions
        lesions = usable_lesions(listed(folder, VOLUMES) if folder.is_dir() else [folder])
    return ScanMaker(files, lesions, options.within)


def _category(folder: Path) -> str:
    """Name a category by its folder, or by the one above ``train/good``."""
    while folder.name in (GOOD, "train", "test") and folder.parent != folder:
        folder = folder.parent
    return folder.name


def _add(makers: dict[str, Maker], name: str, maker: Maker) -> None:
    """Add a category, numbered where the name is taken."""
    number, free = 2, name
    while free in makers:
        free, number = f"{name}_{number}", number + 1
    makers[free] = maker
