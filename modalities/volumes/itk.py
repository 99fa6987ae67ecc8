"""Reading NRRD and MetaImage with SimpleITK."""

from __future__ import annotations

from collections.abc import Callable
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
    return scan_of_itk(image, path, lambda count, notes: pick_channel(count, channel, notes))


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
