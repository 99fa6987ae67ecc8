"""The slices of a scan as a lazy sequence of views."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
import numpy.typing as npt

from looktwice.modalities.study import ByteArray, View
from looktwice.modalities.volumes.planes import Canvas
from looktwice.modalities.volumes.voxels import Voxels
from looktwice.modalities.volumes.windows import Windows

BLOCK = 16
"""Slices read together: reading across a file's slowest axis passes over the whole file each time."""


@dataclass(frozen=True)
class SliceStack:
    """The slices of one plane that are views.

    Attributes
    ----------
    canvas : Canvas
    indices : int64, shape (V,)
        Voxel index of each slice along ``canvas.across``, ascending.
    names : tuple of str
    """

    canvas: Canvas
    indices: npt.NDArray[np.int64]
    names: tuple[str, ...]


class SliceViews(Sequence[View]):
    """Views of one or more stacks of slices; pictures are made when asked for, a block of slices at a time.

    Parameters
    ----------
    voxels : Voxels
    windows : Windows
    stacks : sequence of SliceStack
    numbers : range, optional
        Which of the views this sequence holds; all if not given.
    """

    def __init__(
        self, voxels: Voxels, windows: Windows, stacks: Sequence[SliceStack], numbers: range | None = None
    ) -> None:
        self._voxels = voxels
        self._windows = windows
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
            return SliceViews(self._voxels, self._windows, self._stacks, self._numbers[index])
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
            canvas = self._stacks[which].canvas
            values = canvas.crop(self._voxels.planes(canvas.across, block * BLOCK, (block + 1) * BLOCK))
            self._block = [canvas.paint(self._windows(plane)) for plane in values]
            self._block_key = (which, block)
        return self._block[at]
