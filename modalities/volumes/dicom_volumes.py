"""The volumes of one series: acquisitions, phases, echoes, copies next to each other; each with one frame a place."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence

import numpy as np
import numpy.typing as npt

from looktwice.modalities.volumes.dicom_frames import Frame
from looktwice.modalities.volumes.dicom_groups import heights_of

SAME_PLACE_MM = 0.01

SAME_PLACE_SHARE = 0.1
"""Frames that lie closer than this share of the typical gap lie at one place."""

COMPLETE_GAP = 1.5
"""A volume whose slices lie farther apart, in slice thicknesses, is only every second slice of one."""

MORE_PLACES = 1.2
"""Stacks lie at places of their own where all together have so many times the places of one."""

EVEN = 0.05
"""Gaps of an even stack differ by no more than this share."""

MOST_INTERLEAVED = 4
FEWEST_SLICES = 3


def volumes_of(frames: Sequence[Frame], notes: list[str]) -> list[list[Frame]]:
    """Return the volumes that frames of one grid make, each sorted along the normal with one frame a place.

    Parameters
    ----------
    frames : sequence of Frame
        With positions and one orientation.
    notes : list of str
        What was decided is added here.
    """
    ordered = _sorted(frames)
    parts = _parts(ordered)
    if len(parts) == 1:
        return _one_a_place(ordered, notes)
    most = max(len(part) for part in parts)
    whole = [part for part in parts if 2 * len(part) >= most]
    notes.append(f"the series holds {len(whole)} stacks of slices at places of their own (acquisitions or phases)")
    if len(whole) < len(parts):
        notes.append(f"{len(frames) - sum(map(len, whole))} images of parts of a stack are left out")
    return [volume for part in whole for volume in _one_a_place(part, notes)]


def typical_gap(heights: npt.NDArray[np.float64]) -> float:
    """Return the gap that half of a stack's length has at most; one of many small ones does not move it."""
    gaps = np.sort(np.diff(np.sort(heights)))
    gaps = gaps[gaps > SAME_PLACE_MM]
    if not gaps.size:
        return 0.0
    return float(gaps[np.searchsorted(np.cumsum(gaps), gaps.sum() / 2)])


def _parts(frames: list[Frame]) -> list[list[Frame]]:
    """Part frames into stacks that lie at places of their own; one part where they are one stack."""
    keys: list[Callable[[Frame], Hashable]] = [
        lambda frame: frame.order[0],
        lambda frame: frame.order[1],
        lambda frame: frame.order[:3],
        _passes(frames),
    ]
    for key in keys:
        groups: dict[Hashable, list[Frame]] = defaultdict(list)
        for frame in frames:
            groups[key(frame)].append(frame)
        # Sorted by number, not by place: the first acquisition comes first.
        parts = [groups[name] for name in sorted(groups, key=str if key is keys[2] else None)]  # type: ignore[type-var,arg-type]
        if _are_stacks(parts):
            return parts
    return _interleaved(frames)


def _sorted(frames: Sequence[Frame]) -> list[Frame]:
    return [frames[index] for index in np.argsort(heights_of(frames), kind="stable")]


def _are_stacks(parts: list[list[Frame]]) -> bool:
    """Tell whether parts are stacks of the same thing, next to each other, rather than parts of one stack."""
    largest = max(parts, key=len)
    heights = heights_of(largest)
    low, high = heights.min(), heights.max()
    alike = 0
    for part in parts:
        own = heights_of(part)
        shared = min(high, own.max()) - max(low, own.min())
        alike += len(part) >= FEWEST_SLICES and 2 * shared >= np.ptp(own)
    together = _sorted([frame for part in parts for frame in part])
    if alike < 2 or _places(largest) * MORE_PLACES > _places(together):
        return False
    thickness = max((frame.thickness or 0.0 for frame in largest), default=0.0)
    if not thickness:  # what makes an even stack together is one, as far as can be told
        return not _is_even(heights_of([place[0] for place in _groups_at_places(together, SAME_PLACE_MM)]))
    return typical_gap(heights) <= COMPLETE_GAP * thickness


def _places(frames: Sequence[Frame]) -> int:
    return 1 + int(np.count_nonzero(np.diff(np.sort(heights_of(frames))) > SAME_PLACE_MM))


def _passes(frames: list[Frame]) -> Callable[[Frame], Hashable]:
    """Return which pass through the stack a frame is of, when the frames are gone through by number."""
    numbered = sorted(frames, key=lambda frame: frame.order[3:])
    heights = heights_of(numbered)
    steps = np.diff(heights)
    back = (np.abs(steps) > np.ptp(heights) / 2) & (np.sign(steps) != np.sign(np.median(steps)))
    passes = np.concatenate([[0], np.cumsum(back)])
    number = {id(frame): int(one) for frame, one in zip(numbered, passes, strict=True)}
    return lambda frame: number[id(frame)]


def _interleaved(frames: list[Frame]) -> list[list[Frame]]:
    """Part an uneven stack of which every n-th frame, for some n, makes an even one."""
    places = _groups_at_places(frames, SAME_PLACE_MM)
    heights = heights_of([place[0] for place in places])
    if len(heights) < 2 * FEWEST_SLICES or _is_even(heights):
        return [frames]
    for count in range(2, MOST_INTERLEAVED + 1):
        stacks = [heights[start::count] for start in range(count)]
        near = typical_gap(heights) * SAME_PLACE_SHARE < np.diff(heights).min()
        if near and min(map(len, stacks)) >= FEWEST_SLICES and all(map(_is_even, stacks)):
            parts = [[frame for place in places[start::count] for frame in place] for start in range(count)]
            return sorted(parts, key=lambda part: min(frame.order for frame in part))
    return [frames]


def _is_even(heights: npt.NDArray[np.float64]) -> bool:
    gaps = np.diff(heights)
    return bool(np.ptp(gaps) <= 2 * EVEN * np.median(gaps))


def _groups_at_places(frames: list[Frame], tolerance: float) -> list[list[Frame]]:
    """Return sorted frames in groups that lie at one place each."""
    heights = heights_of(frames)
    groups = [[frames[0]]]
    start = heights[0]
    for frame, height in zip(frames[1:], heights[1:], strict=True):
        if height - start > tolerance:
            groups.append([])
            start = height
        groups[-1].append(frame)
    return groups


def _one_a_place(frames: list[Frame], notes: list[str]) -> list[list[Frame]]:
    """Return one volume for each frame that every place has: those of a 4D series, or the one without duplicates."""
    tolerance = max(SAME_PLACE_MM, SAME_PLACE_SHARE * typical_gap(heights_of(frames)))
    places = [sorted(place, key=lambda frame: frame.order) for place in _groups_at_places(frames, tolerance)]
    fewest = min(len(place) for place in places)
    if fewest == 1 and len(frames) > len(places):
        notes.append(f"{len(frames) - len(places)} images lie where another one lies and are left out")
        usual = Counter(frame.order[:3] for frame in frames).most_common(1)[0][0]
        # Of one acquisition where it can be: a volume is not mixed out of several.
        return [[next((one for one in place if one.order[:3] == usual), place[0]) for place in places]]
    return [[place[index] for place in places] for index in range(fewest)]
