"""Which frames belong together: by series UID, and by where they lie where UIDs cannot be trusted."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from looktwice.modalities.volumes.dicom_frames import Frame

SAME_COSINE = 0.01
"""Directions of slices of one stack differ by no more (0.6 degrees): by rounding, not by another plane."""

SAME_SPACING = 1e-3
"""So large a share of the pixel spacing may be rounding: a quarter of a millimetre over a whole head."""

FEWEST_JOINED = 3
"""Two slices in series of their own may lie in one line by chance."""

LARGEST_JOINED_GAP = 2.5
"""A larger gap, in typical gaps, and slices in series of their own are not taken for one stack."""

STRAIGHT_MM = 1.0


@dataclass(frozen=True)
class Series:
    """Frames that belong together: a series, or a picture.

    Attributes
    ----------
    frames : tuple of Frame
        In the order of their numbers.
    joined : bool
        Each image had a series UID of its own; they were put together by where they lie.

    Examples
    --------
    >>> from pathlib import Path
    >>> from pydicom.data import get_testdata_file
    >>> from looktwice.modalities.volumes.dicom_files import DicomFile
    >>> from looktwice.modalities.volumes.dicom_frames import read_frames
    >>> files = [DicomFile(Path(get_testdata_file(name, download=False))) for name in ("CT_small.dcm", "MR_small.dcm")]
    >>> series = group_series([frame for file in files for frame in read_frames(file)])
    >>> [(one.frames[0].modality, len(one.frames), one.joined) for one in series]
    [('CT', 1, False), ('MR', 1, False)]
    """

    frames: tuple[Frame, ...]
    joined: bool = False

    @property
    def identity(self) -> str:
        """What tells the series from all others, the same for the same files in any order; nobody can read it."""
        first = self.frames[0]
        told = sorted({frame.series or frame.instance for frame in self.frames})
        told += [first.study, first.reference] + ([first.instance] if first.picture else [])
        return hashlib.sha256("\n".join(told).encode()).hexdigest()


def group_series(frames: Sequence[Frame]) -> list[Series]:
    """Return the series that frames of any number of files are from, the largest first.

    A series is what shares the UIDs of study and series. A picture (a radiograph, an ultrasound) is one by itself.
    Frames of one series that lie in several frames of reference are several series; single images with series UIDs of
    their own that lie in one even stack are one.
    """
    pictures: dict[Hashable, list[Frame]] = defaultdict(list)
    slices: dict[Hashable, list[Frame]] = defaultdict(list)
    for frame in frames:
        if frame.picture:
            pictures[frame.file].append(frame)
        else:
            slices[frame.study, frame.series].append(frame)
    several = [part for group in slices.values() for part in _by_reference(group)]
    alone = [group[0] for group in several if len(group) == 1 and _has_place(group[0]) and not group[0].localizer]
    joined = _join(alone)
    taken = {id(frame) for group in joined for frame in group}
    found = [Series(_numbered(group), joined=True) for group in joined]
    found += [Series(_numbered(group)) for group in several if id(group[0]) not in taken]
    found += [Series(_numbered(group)) for group in pictures.values()]
    return sorted(found, key=lambda one: (-len(one.frames), -one.frames[0].rows, one.identity))


def grids(frames: Sequence[Frame]) -> list[list[Frame]]:
    """Return frames in groups of one matrix, pixel spacing and orientation each, the largest group first."""
    groups: list[list[Frame]] = []
    for frame in _numbered(frames):
        own = next((group for group in groups if same_grid(group[0], frame)), None)
        if own is None:
            groups.append([frame])
        else:
            own.append(frame)
    return sorted(groups, key=lambda group: (-len(group), -group[0].rows, str(group[0].orientation)))


def same_grid(one: Frame, other: Frame) -> bool:
    """Tell whether two frames could be slices of one stack: one matrix, and up to rounding one spacing and plane."""
    if (one.rows, one.columns) != (other.rows, other.columns):
        return False
    return _close(one.pixel_spacing, other.pixel_spacing, relative=SAME_SPACING) and _close(
        one.orientation, other.orientation, absolute=SAME_COSINE
    )


def normal_of(frames: Sequence[Frame]) -> npt.NDArray[np.float64]:
    """Return the direction across frames of one orientation, of length 1, in LPS."""
    directions = np.mean(np.array([frame.orientation for frame in frames], np.float64), axis=0)
    across = np.cross(directions[:3], directions[3:])
    normal: npt.NDArray[np.float64] = across / np.linalg.norm(across)
    return normal


def heights_of(frames: Sequence[Frame]) -> npt.NDArray[np.float64]:
    """Return where frames of one orientation lie along their normal, in millimetres."""
    heights: npt.NDArray[np.float64] = np.array([frame.position for frame in frames], np.float64) @ normal_of(frames)
    return heights


def _numbered(frames: Sequence[Frame]) -> tuple[Frame, ...]:
    return tuple(sorted(frames, key=lambda frame: (frame.order, frame.instance, str(frame.file))))


def _has_place(frame: Frame) -> bool:
    return frame.position is not None and frame.orientation is not None


def _close(
    one: tuple[float, ...] | None, other: tuple[float, ...] | None, absolute: float = 0.0, relative: float = 0.0
) -> bool:
    if one is None or other is None:
        return one is other
    return bool(np.allclose(one, other, rtol=relative, atol=absolute))


def _by_reference(frames: list[Frame]) -> list[list[Frame]]:
    """Part frames of one series UID by frame of reference, where each holds a stack; else the UIDs say nothing."""
    groups: dict[str, list[Frame]] = defaultdict(list)
    for frame in frames:
        groups[frame.reference].append(frame)
    return list(groups.values()) if all(len(group) >= FEWEST_JOINED for group in groups.values()) else [frames]


def _join(alone: Sequence[Frame]) -> list[list[Frame]]:
    """Return the even stacks among images that have a series UID each."""
    shared: list[Callable[[Frame], str]] = [lambda frame: frame.reference, lambda frame: frame.study]
    stacks: list[list[Frame]] = []
    rest = list(alone)
    for key in shared:
        groups: dict[str, list[Frame]] = defaultdict(list)
        for frame in rest:
            groups[f"{frame.modality} {key(frame)}" if key(frame) else ""].append(frame)
        found = [group for name, one in groups.items() if name for group in grids(one) if _is_even(group)]
        stacks += found
        taken = {id(frame) for group in found for frame in group}
        rest = [frame for frame in rest if id(frame) not in taken]
    return stacks


def _is_even(frames: Sequence[Frame]) -> bool:
    """Tell whether frames lie in one straight stack without large gaps."""
    if len(frames) < FEWEST_JOINED:
        return False
    heights = heights_of(frames)
    order = np.argsort(heights)
    gaps = np.diff(heights[order])
    typical = float(np.median(gaps))
    if gaps.min() < typical / LARGEST_JOINED_GAP or gaps.max() > typical * LARGEST_JOINED_GAP:
        return False
    places = np.array([frames[index].position for index in order], np.float64)
    line = places[0] + np.outer((heights[order] - heights.min()) / np.ptp(heights), places[-1] - places[0])
    return bool(np.abs(places - line).max() <= STRAIGHT_MM)
