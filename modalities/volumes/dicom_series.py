"""From the frames of a folder to one stack: choosing the series and its volume, sorting it, finding the spacing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from pydicom.errors import InvalidDicomError

from looktwice.core.errors import InputError
from looktwice.modalities.volumes.dicom_frames import Frame
from looktwice.modalities.volumes.dicom_groups import Series, grids, group_series, heights_of, normal_of
from looktwice.modalities.volumes.dicom_volumes import volumes_of
from looktwice.modalities.volumes.scan import pick_channel

IRREGULAR = 0.25
"""A slice so far from its place in an even stack, in slice distances, is interpolated from its neighbours."""

LARGEST_GAP = 3.5
"""A larger gap, in slice distances, parts a stack."""

COMMON_SHARE = 0.2
"""The step of an uneven stack is the smallest gap that this share of its slices has, so that thin parts stay thin."""

MOST_SLICES = 4
"""Times the images; a step that makes more slices gives way to the median gap."""

SHIFT_MM = 1.0
"""Slices that lie farther aside than the line of their stack were taken after the table had moved."""

TILT_DEGREES = 0.5


@dataclass(frozen=True)
class Stack:
    """Frames in an even stack.

    Attributes
    ----------
    frames : list of Frame
        In the order of their place, from the lowest along the normal.
    places : float64, shape (K,)
        For each slice of the even stack, its position among `frames`: whole numbers are frames themselves, others
        lie between two.
    affine : float64, shape (4, 4)
        (column, row, slice) to RAS millimetres; sheared where the gantry was tilted.
    heights : float64, shape (N,)
        Where each frame lies, in slices of the even stack.
    measured : bool
        Whether the images say how large their pixels are.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from pathlib import Path
    >>> from pydicom.data import get_testdata_file
    >>> from looktwice.modalities.volumes.dicom_files import DicomFile
    >>> from looktwice.modalities.volumes.dicom_frames import read_frames
    >>> (first,) = read_frames(DicomFile(Path(get_testdata_file("CT_small.dcm", download=False))))
    >>> heights = (12.0, 0.0, 3.0, 9.0)  # out of order, and one is missing
    >>> frames = [replace(first, instance=str(z), position=(0.0, 0.0, z)) for z in heights]
    >>> stack = build_stack(frames, None, notes := [])
    >>> stack.places
    array([0. , 1. , 1.5, 2. , 3. ])
    >>> notes
    ['slices are missing or unevenly spaced; 1 of 5 are interpolated']
    """

    frames: list[Frame]
    places: npt.NDArray[np.float64]
    affine: npt.NDArray[np.float64]
    heights: npt.NDArray[np.float64]
    measured: bool


def build_stack(frames: Sequence[Frame], channel: int | None, notes: list[str]) -> Stack:
    """Pick one series and one volume of it, sort it by geometry and even out its spacing.

    Parameters
    ----------
    channel : int, optional
        Which of the frames that lie at one place, where every place has several; the first if not given.
    notes : list of str
        What was decided is added here.
    """
    kept = _without_copies(frames, notes)
    kept = _without_localizers(kept, notes)
    kept = _largest_series(kept, notes)
    kept = _with_place(kept, notes)
    kept = _largest_grid(kept, notes)
    if any(frame.burned_in for frame in kept):
        notes.append("the header says that text is burned into the pixels; it may identify the patient")
    measured = kept[0].pixel_spacing is not None
    if not measured:
        notes.append("the images state no pixel size; no size in millimetres is certain")
    if kept[0].position is None or kept[0].orientation is None:
        return _without_geometry(kept, channel, measured, notes)
    volumes = volumes_of(kept, notes)
    kept = volumes[pick_channel(len(volumes), channel, notes)]
    kept = _straight_run(kept, notes)
    kept = _longest_run(kept, notes)
    heights = heights_of(kept)
    places, planes = _even_places(heights, notes)
    return Stack(kept, places, _affine(kept, len(places), notes), planes, measured)


def _without_copies(frames: Sequence[Frame], notes: list[str]) -> list[Frame]:
    """Leave out images that were stored twice: one instance UID and place, and the same pixels.

    The UID alone is no proof: some anonymisers give every slice the same one.
    """
    unique: dict[object, Frame] = {}
    for frame in frames:
        key: object = (frame.instance or frame.file, frame.number, frame.position, frame.order, frame.series)
        if key in unique and _digest(unique[key]) != _digest(frame):
            key = (key, frame.file)
        unique[key] = frame
    if len(unique) < len(frames):
        notes.append(f"{len(frames) - len(unique)} images were stored twice")
    return list(unique.values())


def _digest(frame: Frame) -> bytes:
    """Return what tells the pixels of a frame's object from others."""
    try:
        return hashlib.sha256(frame.file.read().get("PixelData") or b"").digest()
    except (InvalidDicomError, OSError, EOFError, ValueError, TypeError, AttributeError, KeyError):
        return str(frame.file).encode()


def _without_localizers(frames: list[Frame], notes: list[str]) -> list[Frame]:
    kept = [frame for frame in frames if not frame.localizer]
    if not kept or len(kept) == len(frames):
        return frames
    notes.append(f"{len(frames) - len(kept)} localizer images left out")
    return kept


def _largest_series(frames: list[Frame], notes: list[str]) -> list[Frame]:
    """Return the frames of the largest series that is a volume."""
    series = group_series(frames)
    volumes = [one for one in series if not one.frames[0].picture]
    if not volumes:
        raise InputError(_refusal(series))
    pictures = len(series) - len(volumes)
    if pictures:
        notes.append(f"{pictures} pictures that are no slices of a volume left out")
    chosen = volumes[0]
    if len(volumes) > 1:
        images = f"{len(chosen.frames)} of {sum(len(one.frames) for one in volumes)} images"
        notes.append(f"{len(volumes)} series found, the largest taken ({images})")
    if chosen.joined:
        notes.append(f"{len(chosen.frames)} images have a series UID each; they are joined by their places")
    if chosen.frames[0].mosaic:
        raise InputError(
            "a Siemens mosaic: each image holds all slices of a volume as tiles; convert the series to NIfTI (dcm2niix)"
        )
    return list(chosen.frames)


def _refusal(series: Sequence[Series]) -> str:
    first = series[0].frames
    kind = first[0].modality or "no modality stated"
    if len(series) > 1:
        return f"{len(series)} pictures ({kind}) and no volume; give each by its file name"
    if len(first) > 1:
        return f"a film of {len(first)} pictures ({kind}) and no volume; export those that matter as pictures"
    return f"a picture ({kind}) and no volume; leave the kind of input to be told by its content"


def _with_place(frames: list[Frame], notes: list[str]) -> list[Frame]:
    """Leave out the few frames of a series that do not say where they lie."""
    placed = [frame for frame in frames if frame.position is not None and frame.orientation is not None]
    if len(placed) == len(frames) or 2 * len(placed) <= len(frames):
        # Frames without a place are stacked by number, all of them alike.
        return frames if len(placed) == len(frames) else [replace(frame, position=None) for frame in frames]
    notes.append(f"{len(frames) - len(placed)} images state no position and are left out")
    return placed


def _largest_grid(frames: list[Frame], notes: list[str]) -> list[Frame]:
    found = grids(frames)
    if len(found) > 1:
        notes.append(
            f"{len(found)} orientations or matrix sizes in the series, the largest group taken "
            f"({len(found[0])} of {len(frames)} images)"
        )
    return found[0]


def _without_geometry(frames: list[Frame], channel: int | None, measured: bool, notes: list[str]) -> Stack:
    """Stack frames that state no place in the order of their numbers."""
    notes.append("the images state no position or no orientation; they are stacked by number, sides are not certain")
    pick_channel(1, channel, notes)
    ordered = sorted(frames, key=lambda frame: frame.order)
    row, column = ordered[0].pixel_spacing or (1.0, 1.0)
    affine = np.diag([-column, -row, _thickness(ordered[0], notes), 1.0])
    planes = np.arange(len(ordered), dtype=np.float64)
    return Stack(ordered, planes, affine, planes, measured)


def _straight_run(frames: list[Frame], notes: list[str]) -> list[Frame]:
    """Return the longest part of a stack that lies in one line: the table may have moved between two slices."""
    if len(frames) < 3:
        return frames
    places = np.array([frame.position for frame in frames], np.float64)
    steps = np.diff(places, axis=0)
    across = steps @ normal_of(frames)
    slopes = (steps - np.outer(across, normal_of(frames))) / across[:, None]
    aside = np.linalg.norm((slopes - np.median(slopes, axis=0)) * across[:, None], axis=1)
    runs = np.split(np.arange(len(frames)), np.flatnonzero(aside > SHIFT_MM) + 1)
    if len(runs) == 1:
        return frames
    longest = max(runs, key=len)
    notes.append(
        f"the slices jump sideways by up to {aside.max():.0f} mm, as after a shift of the table; the longest straight "
        f"part taken ({len(longest)} of {len(frames)} images)"
    )
    return [frames[index] for index in longest]


def _longest_run(frames: list[Frame], notes: list[str]) -> list[Frame]:
    if len(frames) < 3:
        return frames
    steps = np.diff(heights_of(frames))
    runs = np.split(np.arange(len(frames)), np.flatnonzero(steps > LARGEST_GAP * np.median(steps)) + 1)
    longest = max(runs, key=len)
    if len(runs) > 1:
        notes.append(f"the stack has {len(runs)} parts far from each other, the longest taken ({len(longest)} images)")
    return [frames[index] for index in longest]


def _even_places(
    heights: npt.NDArray[np.float64], notes: list[str]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return where the slices of an even stack lie among the frames, and where the frames lie among the slices."""
    count = len(heights)
    if count < 3:
        return np.arange(count, dtype=np.float64), np.arange(count, dtype=np.float64)
    length = float(heights[-1] - heights[0])
    slices = round(length / _step(np.diff(heights))) + 1
    wanted = np.linspace(heights[0], heights[-1], slices)
    places = np.interp(wanted, heights, np.arange(count))
    nearest = np.rint(places)
    off = np.abs(heights[nearest.astype(int)] - wanted) * (slices - 1) / length
    places = np.where(off <= IRREGULAR, nearest, places)
    planes = (heights - heights[0]) * (slices - 1) / length
    own = places % 1 == 0
    planes[places[own].astype(int)] = np.flatnonzero(own)
    between = int(np.count_nonzero(places % 1))
    if between:
        notes.append(f"slices are missing or unevenly spaced; {between} of {slices} are interpolated")
    return places, planes


def _step(gaps: npt.NDArray[np.float64]) -> float:
    """Return the distance of the slices of an even stack."""
    if gaps.max() <= 1.5 * gaps.min():
        return float(gaps.mean())
    ordered = np.sort(gaps)
    common = ordered[int(COMMON_SHARE * len(ordered))]
    like = gaps[(gaps >= common / 1.25) & (gaps <= 1.25 * common)]
    step = float(np.median(like))
    return step if gaps.sum() / step <= MOST_SLICES * (len(gaps) + 1) else float(np.median(gaps))


def _thickness(frame: Frame, notes: list[str]) -> float:
    """Return a slice's thickness in millimetres."""
    if frame.thickness is None:
        notes.append("the images state no slice thickness; 1 mm is assumed")
    return frame.thickness or 1.0


def _affine(frames: list[Frame], slices: int, notes: list[str]) -> npt.NDArray[np.float64]:
    first, last = frames[0], frames[-1]
    directions = np.asarray(first.orientation, dtype=np.float64)
    row, column = first.pixel_spacing or (1.0, 1.0)
    normal = normal_of(frames)
    origin = np.asarray(first.position, dtype=np.float64)
    if slices == 1:
        across = normal * _thickness(first, notes)
    else:
        across = (np.asarray(last.position, dtype=np.float64) - origin) / (slices - 1)
        cosine = abs(float(across @ normal)) / (np.linalg.norm(across) * np.linalg.norm(normal))
        tilt = float(np.degrees(np.arccos(min(1.0, cosine))))
        if tilt > TILT_DEGREES:
            notes.append(f"the slices are tilted by {tilt:.1f} degrees against their stack; positions allow for it")
    affine = np.eye(4)
    affine[:3, 0] = directions[:3] * column
    affine[:3, 1] = directions[3:] * row
    affine[:3, 2] = across
    affine[:3, 3] = origin
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
