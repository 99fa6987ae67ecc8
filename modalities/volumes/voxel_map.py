"""An anomaly map on the voxels of the input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from isal import igzip
from scipy import ndimage

from looktwice.modalities.study import BoolArray, FloatArray, NativeMap, Region
from looktwice.modalities.volumes.anatomy import Anatomy
from looktwice.modalities.volumes.components import find_components
from looktwice.modalities.volumes.fields import SeparableField
from looktwice.modalities.volumes.foreground import Foreground
from looktwice.modalities.volumes.measurements import measure
from looktwice.modalities.volumes.scan import Scan
from looktwice.modalities.volumes.voxels import IN_MEMORY_BYTES, SLAB_BYTES, Box


class VoxelMap(NativeMap):
    """An anomaly map in the input's own voxel grid, evaluated where it is read.

    Maps of slices are coarse, so the map is kept as coarse fields; voxels are computed a slab at a time, and the whole
    array exists only while `values` is used.

    Parameters
    ----------
    scan : Scan
    fields : sequence of SeparableField
        One a plane; they are averaged.
    mask : Foreground
    anatomy : Anatomy
    """

    def __init__(self, scan: Scan, fields: Sequence[SeparableField], mask: Foreground, anatomy: Anatomy) -> None:
        self.scan = scan
        self.anatomy = anatomy
        self._fields = fields
        self._mask = mask

    @property
    def affine(self) -> npt.NDArray[np.float64]:
        """Voxel indices to RAS millimetres, shape (4, 4)."""
        return self.scan.affine

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along i, j and k."""
        return self.scan.voxels.shape

    @cached_property
    def values(self) -> FloatArray:  # type: ignore[override]
        """The whole map, float32 in [0, 1], in the input's shape; made when first asked for."""
        whole: FloatArray = np.zeros(self.shape, np.float32, order="F")
        for box in self._boxes():
            whole[box] = self[box]
        return self._as_given(whole)

    @cached_property
    def foreground(self) -> BoolArray:
        """Where the head or body is, bool, in the input's shape."""
        whole: BoolArray = np.zeros(self.shape, bool, order="F")
        for box in self._boxes():
            whole[box] = self._mask[box]
        return self._as_given(whole)

    def _as_given(self, whole: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return an array in the input's own number of dimensions, two for a picture in NIfTI."""
        given: npt.NDArray[Any] = whole.reshape(self.scan.header.get_data_shape(), order="F")
        return given

    def __getitem__(self, box: Box) -> FloatArray:
        """Return the map at the voxels of one box."""
        total = sum((field[box] for field in self._fields[1:]), self._fields[0][box])
        mean: FloatArray = np.clip(total / np.float32(len(self._fields)), 0, 1)
        return np.multiply(mean, self._mask[box], out=mean)

    def regions(self, threshold: float, limit: int = 20) -> list[Region]:
        """Return the 3D components at or above `threshold`, the highest score first, then the largest.

        Voxels are connected by their faces. See `looktwice.modalities.volumes.measurements.measure` for what
        ``details`` holds.
        """
        pieces = (((box[0].start, box[1].start, box[2].start), self._piece(box)) for box in self._boxes())
        components = find_components(pieces, threshold)
        components.sort(key=lambda component: (-component.score, -component.voxels))
        return [measure(component, self, self._mask, threshold) for component in components[:limit]]

    def region_mask(self, region: Region) -> BoolArray:
        """Return which voxels of a region's box belong to it, for a region that ``regions`` gave."""
        i0, j0, k0, i1, j1, k1 = (int(edge) for edge in region.bbox)
        above = self._piece((slice(i0, i1), slice(j0, j1), slice(k0, k1))) >= region.details["threshold"]
        labels, _ = ndimage.label(above)
        i, j, k = region.details["peak"]
        own: BoolArray = labels == labels[i - i0, j - j0, k - k0]
        return own

    def _piece(self, box: Box) -> FloatArray:
        """Return one box, cut out of the whole map where that is small enough to be kept."""
        i, j, k = self.shape
        if 4 * i * j * k > IN_MEMORY_BYTES:
            return self[box]
        return self.values.reshape(self.shape, order="F")[box]

    def _boxes(self) -> Iterator[Box]:
        """Yield the boxes that hold foreground, slab by slab along k."""
        in_i, in_j, in_k = self._mask.extent
        thickness = max(1, SLAB_BYTES // (4 * self.shape[0] * self.shape[1]))
        for start in range(in_k.start, in_k.stop, thickness):
            yield in_i, in_j, slice(start, min(start + thickness, in_k.stop))

    def save(self, path: Path) -> None:
        """Write the map as gzipped NIfTI, float32, with the input's shape, affine, codes and units."""
        header = self.scan.header.copy()
        header.set_data_dtype(np.float32)
        header.set_slope_inter(1.0, 0.0)
        header["cal_min"], header["cal_max"] = 0.0, 1.0
        header["descrip"] = b"looktwice anomaly score"
        header["magic"] = header.default_structarr()["magic"]
        header["vox_offset"] = header.single_vox_offset
        partial = path.with_name(f".{path.name}.partial")
        try:
            with igzip.open(partial, "wb", compresslevel=1) as file:
                file.write(header.binaryblock.ljust(header.single_vox_offset, b"\0"))
                for slab in self._slabs():
                    file.write(slab.astype(f"{header.endianness}f4", copy=False).tobytes(order="F"))
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)

    def _slabs(self) -> Iterator[FloatArray]:
        """Yield the map from its first plane of k to its last, in slabs of full width."""
        i, j, k = self.shape
        written = 0
        for box in self._boxes():
            in_i, in_j, in_k = box
            slab = np.zeros((i, j, in_k.stop - written), np.float32, order="F")
            slab[in_i, in_j, in_k.start - written :] = self._piece(box)
            yield slab
            written = in_k.stop
        yield np.zeros((i, j, k - written), np.float32, order="F")
