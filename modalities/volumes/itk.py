"""Reading NRRD and MetaImage with SimpleITK."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from looktwice.core.errors import InputError
from looktwice.modalities.volumes.scan import Scan, nifti_header, pick_channel
from looktwice.modalities.volumes.sniffing import VolumeFormat
from looktwice.modalities.volumes.voxels import Voxels

if TYPE_CHECKING:
    from SimpleITK import Image

IMAGE_IO = {VolumeFormat.NRRD: "NrrdImageIO", VolumeFormat.METAIMAGE: "MetaImageIO"}

LONGEST_HEADER = 2**16

ANATOMICAL_SPACES = frozenset(
    f"{name}{time}"
    for name in ("right-anterior-superior", "ras", "left-anterior-superior", "las", "left-posterior-superior", "lps")
    for time in ("", "-time")
)
"""NRRD's names of spaces that tell sides; "scanner-xyz" and the like do not."""

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def read_itk(path: Path, kind: VolumeFormat, channel: int | None = None) -> Scan:
    """Read one NRRD or MetaImage file; the voxel axes are ITK's (x, y, z), its LPS frame becomes RAS.

    Parameters
    ----------
    channel : int, optional
        Which component of a vector image or volume of a 4D one; the first if not given.

    Raises
    ------
    InputError
        The file is damaged or has not 2 to 4 dimensions.
    """
    import SimpleITK

    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        image = SimpleITK.ReadImage(str(path), imageIO=IMAGE_IO[kind])
    except RuntimeError as error:
        raise InputError("the file is truncated or damaged, or its data file is missing; export it again") from error
    scan = scan_of_itk(image, path, lambda count, notes: pick_channel(count, channel, notes))
    stated = _stated_nrrd(path) if kind is VolumeFormat.NRRD else _stated_metaimage(path)
    if not stated.orientation:
        scan.notes.append("the file states no orientation; left and right are not certain")
    if not stated.sizes:
        scan.notes.append("the file states no voxel sizes; no size in millimetres is certain")
        scan.measured = False
    return scan


@dataclass(frozen=True)
class _Stated:
    """What a header says; ITK takes the axes of LPS and 1 mm for what it does not."""

    orientation: bool
    sizes: bool


def _stated_nrrd(path: Path) -> _Stated:
    fields = _fields(path, ":")
    sizes = f"{fields.get('spacings', '')} {fields.get('space directions', '')}".lower()
    known = fields.get("space", "").lower().replace("_", "-") in ANATOMICAL_SPACES
    return _Stated(known and "space directions" in fields, bool(sizes.strip()) and "nan" not in sizes)


def _stated_metaimage(path: Path) -> _Stated:
    fields = _fields(path, "=")
    matrix = {"transformmatrix", "orientation", "rotation"} & set(fields)
    named = fields.get("anatomicalorientation", "").strip("? ")
    return _Stated(bool(matrix or named), bool({"elementspacing", "elementsize"} & set(fields)))


def _fields(path: Path, mark: str) -> dict[str, str]:
    """Return the lines ``name: value`` of a text header, which ends at an empty line or at the voxels."""
    fields: dict[str, str] = {}
    with path.open("rb") as file:
        head = file.read(LONGEST_HEADER)
    for line in head.split(b"\n"):
        name, found, value = line.decode("latin-1").strip().partition(mark)
        if not line.strip() or fields.get("elementdatafile"):
            break
        if found and not line.startswith(b"#"):
            fields[name.strip().lower()] = value.strip(" =")
    return fields


def scan_of_itk(image: Image, source: Path, pick: Callable[[int, list[str]], int]) -> Scan:
    """Return an image of SimpleITK as a scan.

    Parameters
    ----------
    image : SimpleITK.Image
        In 2 to 4 dimensions.
    source : Path
        Where it comes from, or a name.
    pick : callable
        From the number of its components or volumes, and the notes, to which one to take.
    """
    import SimpleITK

    if not 2 <= image.GetDimension() <= 4:
        raise InputError(f"the image has {image.GetDimension()} dimensions; only 2 to 4 are supported")
    notes: list[str] = []
    channels = _channels(SimpleITK.GetArrayFromImage(image), image)
    array = channels[pick(len(channels), notes)]
    voxels = array.reshape((1,) * (3 - array.ndim) + array.shape).T
    affine = _affine(image)
    return Scan(
        voxels=Voxels(voxels),
        affine=affine,
        kind=None,
        header=nifti_header(voxels.shape, affine),
        name=source.stem or "volume",
        source=source,
        notes=notes,
    )


def _channels(array: npt.NDArray[Any], image: Image) -> npt.NDArray[Any]:
    """Return the voxels with a leading axis of components or volumes."""
    if image.GetNumberOfComponentsPerPixel() > 1:
        return np.moveaxis(array, -1, 0)
    return array if image.GetDimension() == 4 else array[None]


def _affine(image: Image) -> npt.NDArray[np.float64]:
    dimension = image.GetDimension()
    used = min(dimension, 3)
    affine = np.eye(4)
    direction = np.array(image.GetDirection()).reshape(dimension, dimension)[:used, :used]
    affine[:used, :used] = direction * np.array(image.GetSpacing()[:used])
    affine[:used, 3] = image.GetOrigin()[:used]
    ras: npt.NDArray[np.float64] = LPS_TO_RAS @ affine
    return ras
