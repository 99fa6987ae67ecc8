"""Tell from its first bytes whether a file is a picture; nothing heavy is imported."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from looktwice.modalities.memory import comes_from, is_array, is_tensor
from looktwice.modalities.volumes.sniffing import HEAD_BYTES, is_dicom, is_dicom_picture

_MAGIC = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"BM",
    b"II*\x00",
    b"MM\x00*",
    b"II+\x00",
    b"MM\x00+",
    b"\x00\x00\x00\x0cjP  \r\n",
    b"\xff\x4f\xff\x51",
)


def is_image(path: Path) -> bool:
    """Tell whether `path` is a file in one of the picture formats, or a DICOM picture; a folder is none."""
    if path.is_dir():
        return False
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    if is_dicom(head):
        return is_dicom_picture(path)
    return head.startswith(_MAGIC) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


def takes_picture(data: Any, options: Mapping[str, Any]) -> bool:
    """Tell whether an object in memory has the form of a picture: Pillow's, SimpleITK's in 2D, an array or a tensor.

    Tensors have their channels first, arrays last.
    """
    if comes_from(data, "PIL"):
        return True
    if comes_from(data, "SimpleITK"):
        return bool(data.GetDimension() == 2)
    if not is_array(data) or comes_from(data, "monai"):
        return False
    channels = data.shape[0 if is_tensor(data) else -1] if data.ndim == 3 else 1
    return data.ndim in (2, 3) and channels in (1, 3, 4)
