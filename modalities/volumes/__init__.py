"""CT and MRI volumes: reading, orientation, intensity windows, slices, and the way back to voxels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lazy_loader

from looktwice.modalities.base import Adapter, Gathered
from looktwice.modalities.volumes.sniffing import is_volume, takes_volume

if TYPE_CHECKING:
    from looktwice.modalities.volumes.opening import open_case, open_volume
    from looktwice.modalities.volumes.study import VolumeStudy

__all__ = ["ADAPTER", "is_volume", "open_case", "open_volume"]


def _open(source: Path | Any, **options: Any) -> VolumeStudy:
    from looktwice.modalities.volumes.opening import open_volume

    return open_volume(source, **options)


def _gather(paths: Sequence[Path]) -> list[Gathered]:
    from looktwice.modalities.volumes.dicom_grouping import gather_series

    return gather_series(paths)


def _check(options: Mapping[str, Any]) -> None:
    from looktwice.modalities.volumes.options import check_options

    check_options(options)


NAME = "volume"

ADAPTER = Adapter(
    kind=NAME,
    noun="volume",
    matches=is_volume,
    open=_open,
    options=("planes", "window", "channel", "neighbours_mm", "case", "affine", "spacing", "series"),
    takes=takes_volume,
    accepts=(
        "a volume is an image of nibabel or SimpleITK, a MONAI MetaTensor, or an array or tensor of numbers (I, J, K) "
        "with affine= or spacing="
    ),
    suffixes=(
        *(".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".dcm", ".dicom", ".ima"),
        *(".mgh", ".mgz", ".hdr", ".hdr.gz"),
    ),
    gather=_gather,
    check=_check,
    # First: what holds DICOM is medical, even where its preamble makes it a TIFF picture too.
    order=10,
)

# Every input is asked whether it is a volume; only those that are may cost what the readers take to import.
__getattr__, __dir__, _ = lazy_loader.attach(__name__, submod_attrs={"opening": ["open_case", "open_volume"]})
