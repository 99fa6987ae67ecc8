"""Open a photograph: a file, or a picture in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from looktwice.core.errors import InputError
from looktwice.modalities.images.reading import array_to_rgb, picture_to_rgb
from looktwice.modalities.images.study import ImageStudy
from looktwice.modalities.memory import as_array, comes_from, describe, is_array, is_tensor
from looktwice.modalities.volumes.sniffing import head_of, is_dicom, is_dicom_picture


def open_image(source: Path | Any) -> ImageStudy:
    """Open a photograph.

    Parameters
    ----------
    source : Path, PIL.Image.Image, array, tensor or SimpleITK.Image in 2D
        Arrays have the shape (H, W) or (H, W, 3 or 4), tensors (H, W) or (3, H, W), as PyTorch has its channels first.
        Both hold uint8, floats in [0, 1], or, in the shape (H, W), uint16, which is scaled by the bits in use.

    Raises
    ------
    InputError
        Unreadable, of another shape, type or range, or without any contrast.
    """
    if isinstance(source, Path):
        if is_dicom(head_of(source)) and is_dicom_picture(source):
            from looktwice.modalities.images.dicom_picture import open_dicom_picture

            return open_dicom_picture(source)
        return ImageStudy(source)
    if isinstance(source, Image.Image):
        return ImageStudy(Path("image"), picture_to_rgb(source, "image"))
    if comes_from(source, "SimpleITK"):
        return _open_itk(source)
    if not is_array(source):
        raise InputError(f"{describe(source)}: this is not an image")
    values = as_array(source)
    if is_tensor(source) and values.ndim == 3:
        values = np.moveaxis(values, 0, -1)
    return ImageStudy(Path("array"), array_to_rgb(values, describe(source)))


def _open_itk(image: Any) -> ImageStudy:
    import SimpleITK

    if image.GetDimension() != 2:
        raise InputError(f"SimpleITK image in {image.GetDimension()} dimensions: a picture has 2")
    values = SimpleITK.GetArrayFromImage(image)
    study = ImageStudy(Path("image"), array_to_rgb(values, f"SimpleITK image, {describe(values)}"))
    # What was read from DICOM carries its attributes, under keys such as "0010|0010".
    study.medical = any("|" in key for key in image.GetMetaDataKeys())
    return study
