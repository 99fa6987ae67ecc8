"""What makes one case of a benchmark: a picture, a scan or a cloud, sound or not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from looktwice.core.errors import InputError
from looktwice.datasets.synthesis import images, shapes, volumes
from looktwice.datasets.synthesis.shapes.catalogue import SHAPES

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Case:
    """One case, ready to be written.

    Attributes
    ----------
    kind : str or None
        What was done to it; None for a normal one.
    save : callable
        Writes the input to a path.
    save_mask : callable
        Writes the ground truth to a path.

    Examples
    --------
    >>> import tempfile
    >>> case = Case("crack", lambda path: path.touch(), lambda path: path.touch())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     case.save(Path(folder, "1.png"))
    ...     case.save_mask(Path(folder, "1_mask.png"))
    ...     sorted(path.name for path in Path(folder).iterdir())
    ['1.png', '1_mask.png']
    """

    kind: str | None
    save: Callable[[Path], None]
    save_mask: Callable[[Path], None]


class Maker(Protocol):
    """Makes cases of one category.

    Attributes
    ----------
    ending, mask_ending : str
        Suffixes of the files.
    sources : int
        How many different things there are to start from.
    """

    ending: str
    mask_ending: str
    sources: int

    @property
    def kinds(self) -> Sequence[str]:
        """Names that ``make`` takes."""
        ...

    def make(self, rng: np.random.Generator, source: int, kind: str | None) -> Case:
        """Make a case from one source; a normal one where `kind` is None.

        Raises
        ------
        ValueError
            The source does not take this kind.
        """
        ...


class PictureMaker:
    """Makes pictures out of normal ones.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.linear_gradient("L").save(f"{folder}/sound.png")
    ...     case = PictureMaker([Path(folder, "sound.png")]).make(np.random.default_rng(0), 0, "stain")
    ...     case.save_mask(Path(folder, "mask.png"))
    ...     mask = np.asarray(Image.open(f"{folder}/mask.png"))
    >>> case.kind, mask.shape, bool(mask.any())
    ('stain', (256, 256), True)
    """

    ending, mask_ending = ".png", ".png"
    kinds: Sequence[str] = tuple(images.KINDS)

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = list(paths)
        self.sources = len(self._paths)

    def make(self, rng: np.random.Generator, source: int, kind: str | None) -> Case:
        """Paint a defect into a picture; material may come from any other one."""
        from PIL import Image

        from looktwice.modalities.images import read_image  # kind: damages pixels

        picture = read_image(self._paths[source])
        mask = np.zeros(picture.shape[:2], bool)
        if kind is not None:
            donor = read_image(self._paths[int(rng.integers(self.sources))])
            picture, mask, kind = images.synthesize(picture, rng, kind, donor)
        return Case(
            kind,
            lambda path: Image.fromarray(picture).save(path),
            lambda path: Image.fromarray(mask.astype(np.uint8) * 255).save(path),
        )


class ScanMaker:
    """Makes scans out of normal ones; each, normal or not, is varied first, so that one template gives many.

    Examples
    --------
    >>> import tempfile
    >>> import nibabel as nib
    >>> values = np.random.default_rng(0).normal(100, 10, (24, 24, 24)).astype(np.float32)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     nib.save(nib.Nifti1Image(values, 4 * np.eye(4)), f"{folder}/head.nii.gz")
    ...     case = ScanMaker([Path(folder, "head.nii.gz")]).make(np.random.default_rng(0), 0, "cyst")
    >>> case.kind
    'cyst'
    """

    ending, mask_ending = ".nii.gz", ".nii.gz"
    kinds: Sequence[str] = tuple(volumes.KINDS)

    def __init__(self, paths: Sequence[Path], lesions: Sequence[Path] = (), within: Path | None = None) -> None:
        self._paths = list(paths)
        self._lesions = list(lesions)
        self._within = within
        self.sources = len(self._paths)

    def make(self, rng: np.random.Generator, source: int, kind: str | None) -> Case:
        """Paint a lesion, of a real shape where there are some, into a varied scan."""
        affine, anatomy = _read_scan(self._paths[source], self._within)
        varied = volumes.vary_scan(rng, anatomy)
        volume, mask = varied.volume, np.zeros(varied.volume.shape, bool)
        if kind is not None:
            shape = None
            if self._lesions:
                shape = mask_on_grid(self._lesions[int(rng.integers(len(self._lesions)))], affine, volume.shape)
            volume, mask, kind = volumes.synthesize_volume(rng, varied, kind, shape)
        return Case(kind, lambda path: _save_nifti(volume, affine, path), lambda path: _save_nifti(mask, affine, path))


class CloudMaker:
    """Makes clouds out of one mesh, or one kind of made shape; each is another specimen, turned and scanned anew.

    Examples
    --------
    >>> maker = CloudMaker("ring", densities=[500])
    >>> maker.make(np.random.default_rng(0), 0, "dent").kind
    'dent'
    """

    ending, mask_ending = ".ply", ".txt"
    kinds: Sequence[str] = tuple(shapes.KINDS)
    sources = 1

    def __init__(
        self,
        shape: Path | str,
        densities: Sequence[int] = (20_000, 80_000),
        noise: float = 0.0005,
        one_sided: float = 0.0,
        tables: float = 0.0,
    ) -> None:
        self._mesh = shapes.load_mesh(shape) if isinstance(shape, Path) else None
        self._made = None if isinstance(shape, Path) else SHAPES[shape]
        self._densities = list(densities)
        self._noise, self._one_sided, self._tables = noise, one_sided, tables

    def make(self, rng: np.random.Generator, source: int, kind: str | None) -> Case:
        """Damage a specimen and scan it at one of the densities: whole, from one side, or on a table."""
        mesh = self._mesh if self._mesh is not None else self._made(rng)  # type: ignore[misc]
        mesh = shapes.vary_mesh(rng, mesh)
        if kind is not None:
            mesh, kind = shapes.damage_mesh(rng, mesh, kind)
        tabled, one_sided = (
            bool(rng.random() < share) if share else False for share in (self._tables, self._one_sided)
        )
        if tabled:
            mesh = shapes.on_table(rng, mesh)
        scan = shapes.one_side if one_sided else shapes.sample_cloud
        cloud = scan(rng, mesh, int(rng.choice(self._densities)), self._noise)
        return Case(
            kind,
            lambda path: _save_ply(cloud.points, path),
            lambda path: np.savetxt(path, cloud.labels, fmt="%d"),
        )


def usable_lesions(paths: Sequence[Path]) -> list[Path]:
    """Return the files that hold one lesion: two values, at least 8 voxels, at most a tenth of the volume.

    Raises
    ------
    InputError
        None does.
    """
    found = [path for path in paths if 8 <= np.count_nonzero(mask := _read_mask(path)[0]) <= 0.1 * mask.size]
    if not found:
        raise InputError("no lesion mask was found: binary NIfTI files are needed")
    return found


@lru_cache(maxsize=4)
def _read_scan(path: Path, within: Path | None) -> tuple[npt.NDArray[np.float64], volumes.Anatomy]:
    import nibabel as nib

    try:
        image = nib.Nifti1Image.from_filename(path)
        values = np.asarray(image.dataobj, np.float32)
    except Exception as error:
        raise InputError(f"{path} cannot be read as NIfTI: {error}") from None
    if values.ndim != 3 or not np.isfinite(values).all():
        raise InputError(f"{path}: expected one 3D volume of finite values")
    affine = np.asarray(image.affine, np.float64)
    tissue = None if within is None else mask_on_grid(within, affine, values.shape)
    sizes = nib.affines.voxel_sizes(affine)
    try:
        return affine, volumes.Anatomy.of(values, (float(sizes[0]), float(sizes[1]), float(sizes[2])), tissue)
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None


@lru_cache(maxsize=128)
def _read_mask(path: Path) -> tuple[BoolArray, npt.NDArray[np.float64]]:
    """Return a mask and its affine; all false where the file is no mask of two values."""
    import nibabel as nib

    try:
        image = nib.Nifti1Image.from_filename(path)
        values = np.asarray(image.dataobj)
    except Exception as error:
        raise InputError(f"{path} cannot be read as NIfTI: {error}") from None
    marked = np.asarray(values > 0)
    binary = values.ndim == 3 and bool((values[marked] == values.max()).all())
    return (marked if binary else np.zeros(values.shape, bool)), np.asarray(image.affine, np.float64)


def mask_on_grid(path: Path, affine: npt.NDArray[np.float64], shape: tuple[int, ...]) -> BoolArray:
    """Return a mask resampled to the grid of a scan."""
    from scipy import ndimage

    mask, own = _read_mask(path)
    if mask.shape == shape and np.allclose(own, affine, atol=1e-3):
        return mask
    matrix = np.linalg.inv(own) @ affine
    moved = ndimage.affine_transform(
        mask.astype(np.float32), matrix[:3, :3], matrix[:3, 3], output_shape=shape, order=1, prefilter=False
    )
    return np.asarray(moved > 0.5)


def _save_nifti(values: npt.NDArray[Any], affine: npt.NDArray[np.float64], path: Path) -> None:
    import nibabel as nib

    image = nib.Nifti1Image(values.astype(np.uint8) if values.dtype == bool else values, affine)
    image.header.set_xyzt_units("mm")
    nib.save(image, path)


def _save_ply(points: npt.NDArray[np.float32], path: Path) -> None:
    import open3d as o3d

    tensor: Any = o3d.core.Tensor.from_numpy
    if not o3d.t.io.write_point_cloud(path, o3d.t.geometry.PointCloud(tensor(points))):
        raise InputError(f"{path} could not be written")
