"""The slices of a scan, as a lazy sequence of views."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
import numpy.typing as npt

from looktwice.core.study import ByteArray, View
from looktwice.modalities.volumes.planes import Canvas
from looktwice.modalities.volumes.voxels import Voxels
from looktwice.modalities.volumes.windows import Windows

BLOCK = 16
"""Slices read together: reading across a file's slowest axis passes over the whole file each time."""


@dataclass(frozen=True)
class Channel:
    """A scan on the study's grid, and how its values are shown.

    Attributes
    ----------
    voxels : Voxels
    windows : Windows

    Examples
    --------
    >>> hounsfield = Voxels(np.array([-1000, 0, 40, 80, 1000], np.float32).reshape(5, 1, 1))
    >>> brain = Channel(hounsfield, Windows(((0.0, 80.0),) * 3))
    >>> brain.windows(brain.voxels[:, :, :])[:, 0, 0, 0]
    array([  0,   0, 127, 255, 255], dtype=uint8)
    """

    voxels: Voxels
    windows: Windows


@dataclass(frozen=True)
class SliceStack:
    """The slices of one plane that are views.

    Attributes
    ----------
    canvas : Canvas
    indices : int64, shape (V,)
        Voxel index of each slice along ``canvas.across``, ascending.
    names : tuple of str
    reach : int
        With a single grey scan, the slices so many before and after become red and blue; 0 for none.

    Examples
    --------
    >>> from looktwice.modalities.volumes.memory import scan_in_memory
    >>> from looktwice.modalities.volumes.study import VolumeStudy
    >>> ball = ((np.indices((30, 30, 30)) - 15) ** 2).sum(axis=0) < 10**2
    >>> (axial,) = VolumeStudy(scan_in_memory(ball * 100.0, spacing=(3, 3, 3))).stacks
    >>> axial.canvas.plane.value, axial.indices[[0, -1]], axial.names[0]
    ('axial', array([ 6, 24]), 'axial slice 6, z = +18 mm')
    """

    canvas: Canvas
    indices: npt.NDArray[np.int64]
    names: tuple[str, ...]
    reach: int = 0


class SliceViews(Sequence[View]):
    """Views of one or more stacks of slices; pictures are made when asked for, a block of slices at a time.

    Parameters
    ----------
    channels : sequence of Channel
        One makes RGB by its three windows, several make one colour each.
    stacks : sequence of SliceStack
    numbers : range, optional
        Which of the views this sequence holds; all if not given.

    Examples
    --------
    >>> from looktwice.modalities.volumes.orientation import Orientation, Plane
    >>> from looktwice.modalities.volumes.planes import canvas_of
    >>> whole = (slice(0, 40), slice(0, 40), slice(0, 10))
    >>> canvas = canvas_of(Plane.AXIAL, Orientation((0, 1, 2), (1, 1, 1), (1.0, 1.0, 1.0)), (40, 40, 10), whole)
    >>> stack = SliceStack(canvas, np.array([4, 5, 6]), ("slice 4", "slice 5", "slice 6"))
    >>> scan = Voxels(np.tile(np.arange(10, dtype=np.float32), (40, 40, 1)))
    >>> views = SliceViews([Channel(scan, Windows(((0.0, 10.0),) * 3))], [stack])
    >>> [(view.name, view.image.shape, int(view.image.max())) for view in views[1:]]
    [('slice 5', (40, 40, 3), 127), ('slice 6', (40, 40, 3), 153)]
    """

    def __init__(self, channels: Sequence[Channel], stacks: Sequence[SliceStack], numbers: range | None = None) -> None:
        self._channels = channels
        self._stacks = stacks
        self._offsets = np.cumsum([0, *(len(stack.indices) for stack in stacks)])
        self._numbers = range(int(self._offsets[-1])) if numbers is None else numbers
        self._block_key: tuple[int, int] = (-1, -1)
        self._block: list[ByteArray] = []

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> View: ...
    @overload
    def __getitem__(self, index: slice) -> SliceViews: ...
    def __getitem__(self, index: int | slice) -> View | SliceViews:
        if isinstance(index, slice):
            return SliceViews(self._channels, self._stacks, self._numbers[index])
        number = self._numbers[index]
        which = int(np.searchsorted(self._offsets, number, side="right")) - 1
        position = number - int(self._offsets[which])
        stack = self._stacks[which]
        return View(
            image=self._picture(which, int(stack.indices[position])),
            name=stack.names[position],
            index=number,
            anchor=(stack.canvas.plane.value, int(stack.indices[position])),
        )

    def _picture(self, which: int, slice_index: int) -> ByteArray:
        block, at = divmod(slice_index, BLOCK)
        if self._block_key != (which, block):
            stack = self._stacks[which]
            pictures = self._with_neighbours(stack, block) if stack.reach else self._in_colours(stack.canvas, block)
            self._block = [stack.canvas.paint(picture) for picture in pictures]
            self._block_key = (which, block)
        return self._block[at]

    def _in_colours(self, canvas: Canvas, block: int) -> Iterator[ByteArray]:
        """Yield the RGB pictures of one block of slices, cropped to the canvas."""
        planes = [
            canvas.crop(channel.voxels.planes(canvas.across, block * BLOCK, (block + 1) * BLOCK))
            for channel in self._channels
        ]
        for slices in zip(*planes, strict=True):
            shades = [channel.windows(plane) for channel, plane in zip(self._channels, slices, strict=True)]
            # Two scans leave one colour: the first takes it as well.
            yield shades[0] if len(shades) == 1 else np.stack([*shades, shades[0]][:3], axis=-2)[..., 0]

    def _with_neighbours(self, stack: SliceStack, block: int) -> Iterator[ByteArray]:
        """Yield pictures of one block in which red and blue are slices before and after."""
        channel, canvas = self._channels[0], stack.canvas
        count = channel.voxels.shape[canvas.across]
        start, stop = block * BLOCK, min((block + 1) * BLOCK, count)
        first = max(0, start - stack.reach)
        planes = canvas.crop(channel.voxels.planes(canvas.across, first, min(count, stop + stack.reach)))
        grey = channel.windows(planes)[..., 0]
        for index in range(start, stop):
            wanted = np.clip([index - stack.reach, index, index + stack.reach], 0, count - 1)
            yield np.moveaxis(grey[wanted - first], 0, -1)
