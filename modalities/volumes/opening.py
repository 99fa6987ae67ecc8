"""Open a volume, or a case of several, as a study."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from looktwice.core.errors import InputError, UsageError
from looktwice.modalities.volumes.case import read_case
from looktwice.modalities.volumes.memory import scan_in_memory
from looktwice.modalities.volumes.reading import read_scan
from looktwice.modalities.volumes.scan import Scan
from looktwice.modalities.volumes.study import VolumeStudy

if TYPE_CHECKING:
    from looktwice.modalities.volumes.dicom_grouping import Series


def open_volume(
    source: Path | Any,
    *,
    planes: str = "axial",
    window: str = "auto",
    channel: int | None = None,
    neighbours_mm: float = 0.0,
    case: str | None = None,
    affine: npt.ArrayLike | None = None,
    spacing: Sequence[float] | None = None,
    series: Series | None = None,
) -> VolumeStudy:
    """Open a CT or MRI volume.

    Parameters
    ----------
    source : Path, nibabel image, SimpleITK.Image, MONAI MetaTensor, array or tensor
        NIfTI-1/2 (plain or gzipped), NRRD, MetaImage, a DICOM file, or a folder or zip with a DICOM series. The content
        decides, not the name. Objects in memory are described at `looktwice.modalities.volumes.memory.scan_in_memory`.
    planes : {"axial", "all"}
        Slices across one plane, or axial, coronal and sagittal.
    window : str
        "auto" (three HU windows as channels for CT, percentiles otherwise), an HU preset ("brain", "subdural",
        "stroke", "lung", "bone", "soft tissue", "mediastinum"), or "level,width".
    channel : int, optional
        Which 3D volume of a 4D input, from 0. Of a file, the first if not given; of an object in memory it must be
        given where there are several.
    neighbours_mm : float
        Grey scans show the slices so far before and after in red and blue, as context; 0 for grey pictures.
    case : str, optional
        `source` is the first scan of this case, as `open_case` takes it; all of them are opened.
    affine, spacing : optional
        Geometry of an array or a tensor, as for `scan_in_memory`.
    series : Series, optional
        The files of a DICOM series, as `find_inputs` brings them together; `source` is where they lie.

    Raises
    ------
    InputError
        The input is no volume, or is damaged, empty or without any contrast.
    UsageError
        `planes` or `window` is not understood, `affine` or `spacing` not usable.
    """
    if case is not None:
        return open_case(case, planes=planes, window=window)
    if not isinstance(source, Path):
        scan = scan_in_memory(source, affine=affine, spacing=spacing, channel=channel)
        return _study(scan, scan.name, planes=planes, window=window, neighbours_mm=neighbours_mm)
    if affine is not None or spacing is not None:
        raise UsageError(f"{source}: affine and spacing are for arrays and tensors; a file states its own geometry")
    try:
        scan = read_scan(source, channel, series)
    except (InputError, OSError) as error:
        raise InputError(f"{source}: {error}") from error
    return _study(scan, source, planes=planes, window=window, neighbours_mm=neighbours_mm)


def _study(scan: Scan, name: object, **options: Any) -> VolumeStudy:
    """Return a scan as a study; errors begin with its name."""
    try:
        return VolumeStudy(scan, **options)
    except (InputError, OSError) as error:
        raise InputError(f"{name}: {error}") from error


def open_case(spec: str, *, planes: str = "axial", window: str = "auto") -> VolumeStudy:
    """Open two or three scans of one case as one study.

    The first scan gives the grid, the foreground, the measured intensities and the name; the others are resampled to
    it (trilinear) where they lie on another grid. They must be registered: only their positions are used. Each scan
    becomes one colour channel of the views; of two, the first takes red and blue.

    Parameters
    ----------
    spec : str
        "flair=PATH,t1=PATH" or with a third scan; a comma belongs to a path unless "name=" follows.
    planes, window
        As for `open_volume`; the window holds for all scans.

    Raises
    ------
    UsageError
        `spec`, `planes` or `window` is not understood.
    InputError
        A scan cannot be read, or does not overlap the first.
    """
    first, others = read_case(spec)
    try:
        return VolumeStudy(first, others, planes=planes, window=window)
    except InputError as error:
        raise InputError(f"{spec}: {error}") from error
