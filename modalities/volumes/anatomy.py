"""The body part that a scan shows, and positions in it, in plain words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from looktwice.modalities.volumes.foreground import Foreground
from looktwice.modalities.volumes.lobes import part_of_brain
from looktwice.modalities.volumes.orientation import Orientation

HEAD_WIDTH_MM = (100.0, 220.0)
HEAD_LENGTH_MM = (130.0, 290.0)
MIDLINE_SHARE = 0.04
"""Of the foreground's width, to either side of its middle."""

MIDLINE_MM = 4.0
"""To either side of the middle in MNI space."""


@dataclass(frozen=True)
class Anatomy:
    """The imaged part as a box in RAS millimetres.

    Attributes
    ----------
    low, high : float64, shape (3,)
        Corners of the box around the foreground.
    part : {"head", "body", "imaged part"}
    to_mni : float64, shape (4, 4), optional
        RAS millimetres to MNI millimetres, of heads that could be aligned.

    Examples
    --------
    >>> head = Anatomy(np.array([-80.0, -100, -60]), np.array([80.0, 80, 90]), "head")
    >>> head.laterality(np.array([-40.0, 60, 70])), head.position(np.array([-40.0, 60, 70]))
    ('left', 'upper left front of the head')
    >>> aligned = Anatomy(head.low, head.high, "head", to_mni=np.eye(4))
    >>> aligned.position(np.array([-40.0, 40, 20]))
    'left frontal lobe'
    """

    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]
    part: str
    to_mni: npt.NDArray[np.float64] | None = None

    def laterality(self, world: npt.NDArray[np.float64]) -> str:
        """Return the patient's side of a point: "left", "right" or "midline"."""
        place = self.mni(world)
        middle, half = (self.low[0] + self.high[0]) / 2, MIDLINE_SHARE * (self.high[0] - self.low[0])
        offset, half = (world[0] - middle, half) if place is None else (place[0], MIDLINE_MM)
        if abs(offset) <= half:
            return "midline"
        return "right" if offset > 0 else "left"

    def mni(self, world: npt.NDArray[np.float64]) -> npt.NDArray[np.float64] | None:
        """Return a point in MNI millimetres; None where the head could not be aligned."""
        return None if self.to_mni is None else np.asarray(self.to_mni[:3, :3] @ world + self.to_mni[:3, 3])

    def position(self, world: npt.NDArray[np.float64]) -> str:
        """Return where a point lies: "left frontal lobe", or by thirds of the box, "upper left front of the head"."""
        place = self.mni(world)
        part = None if place is None else part_of_brain(float(place[0]), float(place[1]), float(place[2]))
        if part is not None:
            side = self.laterality(world)
            return f"{part}, midline" if side == "midline" else f"{side} {part}"
        share = np.clip((world - self.low) / (self.high - self.low), 0, 1)
        height, depth = (int(np.searchsorted((1 / 3, 2 / 3), value)) for value in (share[2], share[1]))
        side = self.laterality(world)
        words = [("lower", "", "upper")[height], "" if side == "midline" else side, ("back", "", "front")[depth]]
        stated = [word for word in words if word] or ["middle"]
        noun = {"left": " side", "right": " side"}.get(stated[0], " part") if len(stated) == 1 else ""
        return f"{' '.join(stated)}{noun} of the {self.part}"


def describe(
    affine: npt.NDArray[np.float64],
    orientation: Orientation,
    foreground: Foreground,
    stated_head: bool | None,
    measured: bool = True,
) -> Anatomy:
    """Return the imaged part; it is a head if the input says so, or if its size and proportions are those of one.

    Sizes tell nothing of a scan that is not `measured`.
    """
    extent = foreground.extent
    corners = np.array([[side.start - 0.5, side.stop - 0.5] for side in extent])
    points = np.array(np.meshgrid(*corners, indexing="ij")).reshape(3, -1)
    world = affine[:3, :3] @ points + affine[:3, 3:]
    sizes = [(extent[axis].stop - extent[axis].start) * orientation.spacing[axis] for axis in orientation.axes]
    part = _part(sizes[0], sizes[1], stated_head) if measured else "head" if stated_head else "imaged part"
    return Anatomy(world.min(axis=1), world.max(axis=1), part)


def _part(width: float, length: float, stated_head: bool | None) -> str:
    like_a_head = (
        HEAD_WIDTH_MM[0] <= width <= HEAD_WIDTH_MM[1]
        and HEAD_LENGTH_MM[0] <= length <= HEAD_LENGTH_MM[1]
        and length >= 0.9 * width
    )
    if stated_head or (stated_head is None and like_a_head):
        return "head"
    return "body" if width > HEAD_WIDTH_MM[1] and width > length else "imaged part"
