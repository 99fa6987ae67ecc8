"""From the frames of a folder to one stack: choosing the series and its frames, sorting them, finding the spacing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from looktwice.modalities.volumes.dicom_frames import Frame
from looktwice.modalities.volumes.scan import pick_channel

SAME_PLACE_MM = 0.01
IRREGULAR = 0.25
"""A slice so far from its place in an even stack, in slice distances, is interpolated from its neighbours."""

LARGEST_GAP = 3.5
"""A larger gap, in slice distances, parts a stack."""

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
    kept = _largest(kept, lambda frame: frame.series, "series found, the largest taken", notes)
    kept = _largest(kept, _grid_of, "orientations or matrix sizes in the series, the largest group taken", notes)
    if any(frame.burned_in for frame in kept):
        notes.append("the header says that text is burned into the pixels; it may identify the patient")
    if any(frame.position is None or frame.orientation is None for frame in kept):
        return _without_geometry(kept, notes)
    locations = np.array([np.dot(_normal(frame), frame.position or ()) for frame in kept])
    kept = [kept[index] for index in np.argsort(locations, kind="stable")]
    kept, locations = _one_a_place(kept, np.sort(locations), channel, notes)
    kept, locations = _longest_run(kept, locations, notes)
    places = _even_places(locations, notes)
    return Stack(kept, places, _affine(kept, len(places), notes))


def _without_copies(frames: Sequence[Frame], notes: list[str]) -> list[Frame]:
    unique = list({(frame.instance or frame.file, frame.number): frame for frame in frames}.values())
    if len(unique) < len(frames):
        notes.append(f"{len(frames) - len(unique)} images were stored twice")
    return unique


def _without_localizers(frames: list[Frame], notes: list[str]) -> list[Frame]:
    kept = [frame for frame in frames if not frame.localizer]
    if not kept or len(kept) == len(frames):
        return frames
    notes.append(f"{len(frames) - len(kept)} localizer images left out")
    return kept


def _largest(frames: list[Frame], key: Callable[[Frame], Hashable], what: str, notes: list[str]) -> list[Frame]:
    groups: dict[Hashable, list[Frame]] = defaultdict(list)
    for frame in frames:
        groups[key(frame)].append(frame)
    # Sorting by the key as well makes the choice independent of file names.
    ranked = sorted(groups.items(), key=lambda item: (-len(item[1]), -item[1][0].rows, str(item[0])))
    if len(ranked) > 1:
        notes.append(f"{len(ranked)} {what} ({len(ranked[0][1])} of {len(frames)} images)")
    return ranked[0][1]


def _grid_of(frame: Frame) -> Hashable:
    orientation = None if frame.orientation is None else tuple(np.round(frame.orientation, 2).tolist())
    return frame.rows, frame.columns, tuple(np.round(frame.pixel_spacing, 3).tolist()), orientation


def _normal(frame: Frame) -> npt.NDArray[np.float64]:
    directions = np.asarray(frame.orientation, dtype=np.float64)
    return np.cross(directions[:3], directions[3:])


def _without_geometry(frames: list[Frame], notes: list[str]) -> Stack:
    """Stack frames that state no place in the order of their numbers."""
    notes.append("the images state no position; they are stacked by number, left and right are not certain")
    ordered = sorted(frames, key=lambda frame: frame.order)
    row, column = ordered[0].pixel_spacing
    affine = np.diag([-column, -row, ordered[0].thickness, 1.0])
    return Stack(ordered, np.arange(len(ordered), dtype=np.float64), affine)


def _one_a_place(
    frames: list[Frame], locations: npt.NDArray[np.float64], channel: int | None, notes: list[str]
) -> tuple[list[Frame], npt.NDArray[np.float64]]:
    """Keep one frame at each place: a volume of a 4D series, or the first of accidental duplicates."""
    breaks = np.flatnonzero(np.diff(locations) > SAME_PLACE_MM) + 1
    groups = [
        sorted((frames[index] for index in group), key=lambda frame: frame.order)
        for group in np.split(np.arange(len(frames)), breaks)
    ]
    fewest = min(len(group) for group in groups)
    taken = pick_channel(fewest, channel, notes)
    if fewest == 1 and len(frames) > len(groups):
        notes.append(f"{len(frames) - len(groups)} images lie where another one lies and are left out")
    return [group[taken] for group in groups], locations[np.concatenate([[0], breaks])]


def _longest_run(
    frames: list[Frame], locations: npt.NDArray[np.float64], notes: list[str]
) -> tuple[list[Frame], npt.NDArray[np.float64]]:
    if len(frames) < 3:
        return frames, locations
    steps = np.diff(locations)
    runs = np.split(np.arange(len(frames)), np.flatnonzero(steps > LARGEST_GAP * np.median(steps)) + 1)
    longest = max(runs, key=len)
    if len(runs) > 1:
        notes.append(f"the stack has {len(runs)} parts far from each other, the longest taken ({len(longest)} images)")
    return [frames[index] for index in longest], locations[longest]


def _even_places(locations: npt.NDArray[np.float64], notes: list[str]) -> npt.NDArray[np.float64]:
    """Return where the slices of an even stack lie among the frames."""
    count = len(locations)
    if count < 3:
        return np.arange(count, dtype=np.float64)
    steps = np.diff(locations)
    step = float(np.median(steps[steps <= 1.25 * steps.min()])) if steps.max() > 1.5 * steps.min() else steps.mean()
    slices = round(float(locations[-1] - locations[0]) / step) + 1
    wanted = np.linspace(locations[0], locations[-1], slices)
    places = np.interp(wanted, locations, np.arange(count))
    nearest = np.rint(places)
    off = np.abs(locations[nearest.astype(int)] - wanted) / step
    places = np.where(off <= IRREGULAR, nearest, places)
    between = int(np.count_nonzero(places % 1))
    if between:
        notes.append(f"slices are missing or unevenly spaced; {between} of {slices} are interpolated")
    return places


def _affine(frames: list[Frame], slices: int, notes: list[str]) -> npt.NDArray[np.float64]:
    first, last = frames[0], frames[-1]
    directions = np.asarray(first.orientation, dtype=np.float64)
    normal = _normal(first)
    origin = np.asarray(first.position, dtype=np.float64)
    across = normal * first.thickness
    if slices > 1:
        across = (np.asarray(last.position, dtype=np.float64) - origin) / (slices - 1)
        cosine = abs(float(across @ normal)) / (np.linalg.norm(across) * np.linalg.norm(normal))
        tilt = float(np.degrees(np.arccos(min(1.0, cosine))))
        if tilt > TILT_DEGREES:
            notes.append(f"the slices are tilted by {tilt:.1f} degrees against their stack; positions allow for it")
    affine = np.eye(4)
    affine[:3, 0] = directions[:3] * first.pixel_spacing[1]
    affine[:3, 1] = directions[3:] * first.pixel_spacing[0]
    affine[:3, 2] = across
    affine[:3, 3] = origin
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
