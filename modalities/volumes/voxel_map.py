"""The anomaly map of a volume, on the voxels of the input."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from isal import igzip
from scipy import ndimage

from looktwice.core.display import Display, Viewer
from looktwice.core.study import BoolArray, FloatArray, NativeMap, Region, added_in_logits, rise_to
from looktwice.modalities.volumes.anatomy import Anatomy
from looktwice.modalities.volumes.components import find_components
from looktwice.modalities.volumes.fields import SeparableField
from looktwice.modalities.volumes.foreground import Foreground
from looktwice.modalities.volumes.measurements import measure
from looktwice.modalities.volumes.orientation import orientation_of
from looktwice.modalities.volumes.scan import Scan
from looktwice.modalities.volumes.slices import SliceStack
from looktwice.modalities.volumes.viewer import volume_viewer
from looktwice.modalities.volumes.voxels import IN_MEMORY_BYTES, SLAB_BYTES, Box
from looktwice.modalities.volumes.windows import Windows

VIEW_CELLS = 72

# Every so many voxels are looked at for the median.
USUAL_STEP = 31

CELL_SAMPLES = 3
"""Places looked at along each side of a view's cell."""


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
    stacks : sequence of SliceStack
        The slices that are views.
    windows : Windows, optional
        How the scan's values are shown in the viewer; without them there is none.

    Examples
    --------
    >>> from looktwice.modalities.volumes.memory import scan_in_memory
    >>> from looktwice.modalities.volumes.study import VolumeStudy
    >>> ball = ((np.indices((30, 30, 30)) - 15) ** 2).sum(axis=0) < 10**2
    >>> study = VolumeStudy(scan_in_memory(ball * 100.0, spacing=(3, 3, 3)))
    >>> slices = np.zeros((len(study.views()), 16, 16))
    >>> slices[8:11, 7:9, 7:9] = 1
    >>> map_ = study.lift(slices, smoothing_mm=0)
    >>> [(region.score, region.details["peak"], region.size) for region in map_.regions(threshold=0.5)]
    [(1.0, [15, 15, 14], 729.0)]
    >>> float(map_[0:30, 0:30, 0:5].max())  # outside the ball
    0.0
    """

    display: ClassVar[Display] = Display("volume", "ijk", unit="voxel", frame="RAS")

    def __init__(
        self,
        scan: Scan,
        fields: Sequence[SeparableField],
        mask: Foreground,
        anatomy: Anatomy,
        stacks: Sequence[SliceStack] = (),
        windows: Windows | None = None,
    ) -> None:
        self.scan = scan
        self.anatomy = anatomy
        self._stacks = stacks
        self._windows = windows
        self._fields = fields
        self._mask = mask
        self._measured: list[SeparableField] = []
        self._added: list[SeparableField] = []

    def joined(self, highest: Sequence[SeparableField], added: Sequence[SeparableField], own: bool) -> VoxelMap:
        """Return a map that takes in fields, read at the voxels only where they are asked for; see ``NativeMap``."""
        fields = self._fields if own or not highest else ()
        map_ = VoxelMap(self.scan, fields, self._mask, self.anatomy, self._stacks, self._windows)
        map_._measured, map_._added = list(highest), list(added)
        return map_

    def usual_and_highest(self) -> tuple[float, float]:
        """Return the median over the head or body, of a sample of its voxels, and the highest value."""
        inside, highest = [], 0.0
        for box in self._boxes():
            piece = self._piece(box)
            inside.append(piece[self._mask[box]][::USUAL_STEP])
            highest = max(highest, float(piece.max()))
        return float(np.median(np.concatenate(inside))), highest

    def raised_to(self, threshold: float) -> VoxelMap:
        """Return this map raised; see ``NativeMap``."""
        map_ = self.joined(self._measured, self._added, own=True)
        map_.raised = rise_to(*self.usual_and_highest(), threshold)
        return map_

    @property
    def object_size(self) -> float:
        """Volume of the head or body, in mm³ or else in voxels, to the precision of the coarse scan."""
        voxel = float(abs(np.linalg.det(self.affine[:3, :3]))) if self.scan.measured else 1.0
        return float(self._mask.mask.sum()) * float(np.prod(self._mask.coarse.strides)) * voxel

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
        values = sum(field[box] for field in self._fields) / np.float32(max(1, len(self._fields)))
        for measured in self._measured:
            values = np.maximum(values, measured[box])
        clipped: FloatArray = np.clip(values, 0, 1, dtype=np.float32)
        if self._added or self.raised:
            added = sum((field[box] for field in self._added), start=np.float32(self.raised))
            clipped = added_in_logits(clipped, added)
        return np.multiply(clipped, self._mask[box], out=clipped)

    def in_views(self) -> FloatArray:
        """Return the map as its views show it, (V, `VIEW_CELLS`, `VIEW_CELLS`): the highest value in each cell."""
        return np.stack([self._in_view(stack, int(index)) for stack in self._stacks for index in stack.indices])

    def _in_view(self, stack: SliceStack, index: int) -> FloatArray:
        canvas = stack.canvas
        box = [slice(0, count) for count in self.shape]
        box[canvas.across] = slice(index, index + 1)
        plane = self._piece((box[0], box[1], box[2])).transpose(canvas.across, canvas.down, canvas.right)[0]
        down, right = canvas.cells((VIEW_CELLS * CELL_SAMPLES, VIEW_CELLS * CELL_SAMPLES))
        rows, columns = (
            np.clip(np.rint(at).astype(int), 0, count - 1) for at, count in zip((down, right), plane.shape, strict=True)
        )
        cells = plane[np.ix_(rows, columns)].reshape(VIEW_CELLS, CELL_SAMPLES, VIEW_CELLS, CELL_SAMPLES)
        shown: FloatArray = cells.max(axis=(1, 3))
        return shown

    def regions(self, threshold: float, limit: int = 20) -> list[Region]:
        """Return the 3D components at or above `threshold`, the highest score first, then the largest.

        Voxels are connected by their faces. See `looktwice.modalities.volumes.measurements.measure` for what
        ``details`` holds.
        """
        pieces = (((box[0].start, box[1].start, box[2].start), self._piece(box)) for box in self._boxes())
        components = find_components(pieces, threshold)
        components.sort(key=lambda component: (-component.score, -component.voxels))
        return [
            measure(component, self, self.scan, self._mask, self.anatomy, threshold) for component in components[:limit]
        ]

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

    def viewer(self, threshold: float, focus: tuple[float, ...] | None = None) -> Viewer | None:
        """Return the three-plane viewer, which shows the map at every score."""
        if self._windows is None:
            return None
        return volume_viewer(self.scan, self._windows, orientation_of(self.affine), self._mask.extent, self, focus)

    def write(self, folder: Path) -> dict[str, str]:
        """Write ``heatmap.nii.gz``."""
        self.save(folder / "heatmap.nii.gz")
        return {"heatmap": "heatmap.nii.gz"}

    def save(self, path: Path) -> None:
        """Write the map as gzipped NIfTI, float32, with the input's shape, affine, codes and units."""
        self._write(path, np.dtype(np.float32), "looktwice anomaly score", self._slabs())

    def save_mask(self, path: Path, threshold: float) -> None:
        """Write which voxels reach a threshold as gzipped NIfTI, uint8, on the input's grid."""
        above = (slab >= np.float32(threshold) for slab in self._slabs())
        self._write(path, np.dtype(np.uint8), "looktwice regions", above)

    def _write(self, path: Path, dtype: np.dtype[Any], words: str, slabs: Iterable[npt.NDArray[Any]]) -> None:
        header = self.scan.header.copy()
        header.set_data_dtype(dtype)
        header.set_slope_inter(1.0, 0.0)
        header["cal_min"], header["cal_max"] = 0.0, 1.0
        header["descrip"] = words.encode()
        header["magic"] = header.default_structarr()["magic"]
        header["vox_offset"] = header.single_vox_offset
        partial = path.with_name(f".{path.name}.partial")
        try:
            with igzip.IGzipFile(partial, "wb", compresslevel=1, mtime=0) as file:
                file.write(header.binaryblock.ljust(header.single_vox_offset, b"\0"))
                for slab in slabs:
                    file.write(slab.astype(dtype.newbyteorder(header.endianness), copy=False).tobytes(order="F"))
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
