"""Voxel values of a scan, in memory or read from a raw file slab by slab."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
import numpy.typing as npt

from looktwice.core.errors import InputError
from looktwice.core.study import FloatArray

IN_MEMORY_BYTES = 64 * 2**20
"""Scans up to this size stay in memory; larger ones are read from a file, so that memory does not grow with them."""

SLAB_BYTES = 16 * 2**20

Box = tuple[slice, slice, slice]


class ReadByBox(Protocol):
    """Values on a voxel grid that are computed or read where they are asked for."""

    def __getitem__(self, box: Box) -> FloatArray:
        """Return the values in one box."""


@dataclass
class RawFile:
    """Voxels in Fortran order in an open file, as NIfTI lays them out.

    Attributes
    ----------
    file : binary file
        Read with ``os.pread``; its position is never used.
    offset : int
        Where the first voxel starts, in bytes.

    Examples
    --------
    >>> import tempfile
    >>> values = np.arange(24, dtype=np.int16).reshape((2, 3, 4), order="F")
    >>> with tempfile.TemporaryFile() as file:
    ...     _ = file.write(b"header" + values.tobytes(order="F"))
    ...     file.flush()
    ...     stored = RawFile(file, 6, (2, 3, 4), np.dtype(np.int16))
    ...     np.array_equal(stored[0:2, 1:3, 2:4], values[0:2, 1:3, 2:4])
    True
    """

    file: IO[bytes]
    offset: int
    shape: tuple[int, int, int]
    dtype: np.dtype[Any]

    def __reduce__(self) -> tuple[Any, ...]:
        """Hand the values to another process in a file of its own, which that process removes."""
        with tempfile.NamedTemporaryFile(delete=False) as copy:
            for start in range(0, self.shape[2], planes := max(1, SLAB_BYTES // max(1, self._plane_bytes))):
                copy.write(self._planes(start, min(start + planes, self.shape[2])).tobytes(order="F"))
        return _taken_over, (copy.name, self.shape, self.dtype)

    def __getitem__(self, box: Box) -> npt.NDArray[Any]:
        """Read one box; whole planes of the last axis are read in slabs and cut."""
        in_i, in_j, in_k = box
        start, stop, step = in_k.indices(self.shape[2])
        rows, columns = (len(range(*s.indices(n))) for s, n in zip((in_i, in_j), self.shape, strict=False))
        out = np.empty((rows, columns, len(range(start, stop, step))), self.dtype, order="F")
        planes = 1 if step > 1 else max(1, SLAB_BYTES // max(1, self._plane_bytes))
        for position, first in enumerate(range(start, stop, step * planes)):
            at = position * planes
            slab = self._planes(first, min(first + planes, stop) if step == 1 else first + 1)
            out[:, :, at : at + slab.shape[2]] = slab[in_i, in_j]
        return out

    @property
    def _plane_bytes(self) -> int:
        return self.shape[0] * self.shape[1] * self.dtype.itemsize

    def _planes(self, start: int, stop: int) -> npt.NDArray[Any]:
        wanted = (stop - start) * self._plane_bytes
        data = os.pread(self.file.fileno(), wanted, self.offset + start * self._plane_bytes)
        if len(data) < wanted:
            raise InputError("the file ends before its last voxel; copy or export it again")
        return np.frombuffer(data, self.dtype).reshape((*self.shape[:2], stop - start), order="F")


def _taken_over(name: str, shape: tuple[int, int, int], dtype: np.dtype[Any]) -> RawFile:
    file = Path(name).open("rb")  # noqa: SIM115  (closed with the scan)
    Path(name).unlink()
    return RawFile(file, 0, shape, dtype)


@dataclass
class Voxels:
    """Scaled voxel values of one 3D scan.

    Attributes
    ----------
    raw : array or RawFile, shape (I, J, K)
        Stored values, in the input's own index order.
    slope, intercept : float
        ``value = raw * slope + intercept``.
    fill : float or None
        What stands in for values that are not finite; None while none are known.

    Examples
    --------
    >>> stored = np.array([24, 1024, np.nan]).reshape(1, 1, 3)
    >>> voxels = Voxels(stored, intercept=-1024.0, fill=-1000.0)
    >>> voxels.shape, voxels[0:1, 0:1, 0:3].ravel()
    ((1, 1, 3), array([-1000.,     0., -1000.], dtype=float32))
    """

    raw: npt.NDArray[Any] | RawFile
    slope: float = 1.0
    intercept: float = 0.0
    fill: float | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along i, j and k."""
        i, j, k = self.raw.shape
        return i, j, k

    @property
    def floating(self) -> bool:
        """Whether values that are not finite are possible at all."""
        return self.raw.dtype.kind == "f" or not np.isfinite([self.slope, self.intercept]).all()

    def __getitem__(self, box: Box) -> FloatArray:
        """Return the scaled values of one box, float32."""
        values = np.asarray(self.raw[box], dtype=np.float32)
        if self.slope != 1.0 or self.intercept != 0.0:
            values = values * np.float32(self.slope) + np.float32(self.intercept)
        if self.fill is not None:
            values = np.where(np.isfinite(values), values, np.float32(self.fill))
        return values

    def planes(self, axis: int, start: int, stop: int) -> FloatArray:
        """Return whole planes ``start:stop`` across `axis`; the other two axes are complete."""
        box = [slice(None)] * 3
        box[axis] = slice(start, stop)
        return self[box[0], box[1], box[2]]

    def slabs(self) -> Iterator[FloatArray]:
        """Yield the whole scan in slabs of the last axis that take little memory each."""
        thickness = max(1, SLAB_BYTES // (4 * self.shape[0] * self.shape[1]))
        for start in range(0, self.shape[2], thickness):
            yield self.planes(2, start, start + thickness)
