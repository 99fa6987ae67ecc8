"""NRRD and MetaImage, read by SimpleITK."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from looktwice.errors import InputError
from looktwice.modalities.volumes.scan import Scan, nifti_header
from looktwice.modalities.volumes.voxels import Voxels


def read_itk(path: Path, channel: int | None = None) -> Scan:
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
    import SimpleITK as sitk  # noqa: N813  (the name that its own documentation uses)

    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    io = "NrrdImageIO" if path.open("rb").read(4) == b"NRRD" else "MetaImageIO"
    try:
        image = sitk.ReadImage(str(path), imageIO=io)
    except RuntimeError as error:
        raise InputError("the file is truncated or damaged, or its data file is missing; export it again") from error
    dimension = image.GetDimension()
    if not 2 <= dimension <= 4:
        raise InputError(f"image in {dimension} dimensions; only 2 to 4 can be inspected")
    notes: list[str] = []
    array = sitk.GetArrayFromImage(image)
    components = image.GetNumberOfComponentsPerPixel()
    if components > 1:
        array = np.moveaxis(array, -1, 0)
    elif dimension == 4:
        components = array.shape[0]
    if channel is not None and not 0 <= channel < components:
        raise InputError(f"channel {channel} does not exist; the file holds {components} (the first is 0)")
    if components > 1:
        notes.append(f"{components} channels found, number {channel or 0} taken")
        array = array[channel or 0]
    array = array.reshape((1,) * (3 - array.ndim) + array.shape).T
    affine = np.eye(4)
    used = min(dimension, 3)
    direction = np.array(image.GetDirection()).reshape(dimension, dimension)[:used, :used]
    affine[:used, :used] = direction * np.array(image.GetSpacing()[:used])
    affine[:used, 3] = image.GetOrigin()[:used]
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
    return Scan(
        voxels=Voxels(array),
        affine=affine,
        kind=None,
        header=nifti_header(array.shape, affine),
        name=path.name.split(".")[0] or "volume",
        source=path,
        notes=notes,
    )
