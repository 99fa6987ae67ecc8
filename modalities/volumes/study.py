"""A CT or MRI volume as a study: it makes slices as views, and lifts their maps to voxels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from looktwice.core.study import ByteArray, Modality, NativeMap, Region, Study
from looktwice.modalities.volumes.anatomy import Anatomy, describe
from looktwice.modalities.volumes.foreground import Foreground, find_foreground, sample
from looktwice.modalities.volumes.labels import looks_like_labels
from looktwice.modalities.volumes.options import check_planes
from looktwice.modalities.volumes.orientation import Orientation, Plane, orientation_of, thin_plane
from looktwice.modalities.volumes.planes import Canvas, canvas_of
from looktwice.modalities.volumes.scan import Kind, Scan
from looktwice.modalities.volumes.slices import Channel, SliceStack, SliceViews
from looktwice.modalities.volumes.voxel_map import VoxelMap
from looktwice.modalities.volumes.voxels import Voxels
from looktwice.modalities.volumes.windows import choose_windows, hu_offset, looks_like_hu

if TYPE_CHECKING:
    from looktwice.modalities.volumes.averages import Averages

THICK_SLICES = 2.5
"""A slice thickness so many times the voxel size in plane blurs every other plane."""

SMOOTHING_MM = 2.0
"""Standard deviation of the smoothing of lifted maps."""


class VolumeStudy(Study):
    """One CT or MRI volume.

    Parameters
    ----------
    scan : Scan
        Its grid is the study's; foreground and measurements are taken from it.
    companions : sequence of Scan
        Up to two more scans on the same grid; each scan then takes one colour channel.
    planes : {"axial", "all"}
        Which planes are views.
    window : str
        See `looktwice.modalities.volumes.windows.choose_windows`.
    neighbours_mm : float
        How far away the slices lie that a single grey scan shows in red and blue; 0 for grey pictures.

    Attributes
    ----------
    scan : Scan
    kind : Kind
    orientation : Orientation
    foreground : Foreground
    anatomy : Anatomy

    Examples
    --------
    >>> from looktwice.modalities.volumes.memory import scan_in_memory
    >>> ball = ((np.indices((30, 30, 30)) - 15) ** 2).sum(axis=0) < 10**2
    >>> study = VolumeStudy(scan_in_memory(ball * 100.0, spacing=(3, 3, 3)))
    >>> views = study.views()
    >>> len(views), views[study.base].name, views[0].image.shape
    (19, 'axial slice 14, z = +42 mm', (23, 23, 3))
    >>> study.lift(np.zeros((len(views), 16, 16))).values.shape
    (30, 30, 30)
    """

    modality = Modality.VOLUME
    medical = True

    def __init__(
        self,
        scan: Scan,
        companions: Sequence[Scan] = (),
        *,
        planes: str = "axial",
        window: str = "auto",
        neighbours_mm: float = 0.0,
    ) -> None:
        check_planes(planes)
        self.scan = scan
        self.name = scan.name
        self.source = scan.source
        first = next((frame for frame in scan.frames if frame is not None), None)
        self.identity = "" if first is None else first.series or first.instance
        self.notes = scan.notes
        self.orientation: Orientation = orientation_of(scan.affine)
        coarse = sample(scan.voxels, self.orientation.spacing, self.notes)
        self.kind: Kind = scan.kind or (Kind.CT if looks_like_hu(coarse.values) else Kind.OTHER)
        offset = hu_offset(coarse.values) if scan.kind is None else None
        if offset is not None:
            self.kind = Kind.CT
            scan.voxels.intercept -= offset
            coarse = sample(scan.voxels, self.orientation.spacing, self.notes)
            saved = f"raised by {offset:.0f}; subtracted it to get HU" if offset else "with 0 for all values below 0 HU"
            self.notes.append(f"assumed to be CT stored without negative values, {saved}")
        elif scan.kind is None and self.kind is Kind.OTHER and looks_like_labels(scan.voxels):
            self.notes.append("this looks like a label map: few values, each in large areas; give the scan itself")
        self.foreground: Foreground = find_foreground(coarse, self.kind, scan.voxels.shape)
        self.anatomy: Anatomy = describe(scan.affine, self.orientation, self.foreground, scan.head, scan.measured)
        head = self.anatomy.part == "head"
        self.windows = choose_windows(window, self.kind, head, self.foreground.values())
        self._channels = [Channel(scan.voxels, self.windows)]
        self._channels += [self._companion(other, window) for other in companions]
        grey = not companions and len(set(self.windows.limits)) == 1
        self._neighbours_mm = neighbours_mm if grey else 0.0
        chosen = self._planes(planes)
        self.stacks = [self._stack(plane) for plane in chosen]

    @property
    def scan_kind(self) -> str:
        """What kind of scan it is: "ct", "mr" or, where that is not known, "volume"."""
        return str(self.modality) if self.kind is Kind.OTHER else self.kind.value

    def views(self) -> SliceViews:
        """Return the slices that show foreground: axial first, then coronal and sagittal where asked for."""
        return SliceViews(self._channels, self.stacks)

    @cached_property
    def base(self) -> int:  # type: ignore[override]
        """Index of the slice with the largest foreground in the first plane."""
        stack = self.stacks[0]
        return int(np.argmax(self.foreground.areas(stack.canvas.across)[stack.indices]))

    def lift(self, maps: npt.NDArray[np.floating[Any]], smoothing_mm: float = SMOOTHING_MM) -> VoxelMap:
        """Bring slice maps back to voxels: interpolated, smoothed in millimetres, averaged over planes.

        Parameters
        ----------
        maps : float, shape (V, h, w)
            One map per view, in [0, 1].
        smoothing_mm : float
            Standard deviation of a Gaussian in all three directions.

        Returns
        -------
        VoxelMap
            In the input's own index order; 0 outside the foreground.
        """
        counts = [len(stack.indices) for stack in self.stacks]
        if maps.ndim != 3 or len(maps) != sum(counts):
            raise ValueError(f"maps of shape {maps.shape} for {sum(counts)} views")
        sigma = tuple(smoothing_mm / size for size in self.orientation.spacing)
        parts = np.split(np.asarray(maps, dtype=np.float32), np.cumsum(counts)[:-1])
        fields = [
            stack.canvas.lift(part, stack.indices, self.scan.voxels.shape, sigma)
            for stack, part in zip(self.stacks, parts, strict=True)
        ]
        anatomy = replace(self.anatomy, to_mni=self.to_mni)
        return VoxelMap(self.scan, fields, self.foreground, anatomy, self.stacks, self.windows)

    def shown(self, picture: ByteArray) -> ByteArray:
        """Return a slice in grey, in its first intensity window; encoders read three windows as colours."""
        return np.repeat(picture[..., :1], 3, axis=2)

    def write_dicom(
        self, heatmap: NativeMap, regions: Sequence[Region], folder: Path, keep_identifiers: bool = False
    ) -> dict[str, str]:
        """Write what was found in a DICOM series; see `dicom_objects.writing.write_dicom_objects`."""
        from looktwice.modalities.volumes.dicom_objects import write_dicom_objects

        assert isinstance(heatmap, VoxelMap)
        return write_dicom_objects(self.scan, self.kind, heatmap, regions, folder, keep_identifiers)

    @cached_property
    def to_mni(self) -> npt.NDArray[np.float64] | None:
        """Matrix (4, 4) from RAS millimetres to MNI millimetres, for heads that could be aligned; else None."""
        # A few slices fit many places of the template equally well.
        slab = thin_plane(self.orientation, self.scan.voxels.shape) is not None
        if self.anatomy.part != "head" or slab or not self.scan.measured:
            return None
        from looktwice.modalities.volumes.mni import align

        return align(self.means.values, self.means.affine, self.means.inside(self.foreground))

    @cached_property
    def means(self) -> Averages:
        """The first scan averaged over blocks of about 2 mm, within the foreground's box."""
        from looktwice.modalities.volumes.averages import average
        from looktwice.modalities.volumes.mni import TEMPLATE_MM

        return average(self.scan.voxels, self.scan.affine, self.orientation, self.foreground.extent, TEMPLATE_MM)

    @property
    def voxels(self) -> list[Voxels]:
        """Values of each scan of the case, on the study's grid."""
        return [channel.voxels for channel in self._channels]

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Millimetres a voxel along i, j and k."""
        return self.orientation.spacing

    def slice_name(self, plane: Plane, index: int) -> str:
        """Return a slice's name: its plane, its voxel index (from 0) and, if known, its place in RAS millimetres."""
        if not self.scan.measured:
            return f"{plane.value} slice {index}"
        axis = self.orientation.axes[plane.normal]
        centre = np.array([(side.start + side.stop - 1) / 2 for side in self.foreground.extent])
        centre[axis] = index
        world = float(self.scan.affine[plane.normal, :3] @ centre + self.scan.affine[plane.normal, 3])
        return f"{plane.value} slice {index}, {'xyz'[plane.normal]} = {_signed(world)} mm"

    def _companion(self, scan: Scan, window: str) -> Channel:
        """Return a scan on the study's grid with windows of its own, from its values within the study's foreground."""
        coarse = sample(scan.voxels, self.orientation.spacing, self.notes)
        kind = scan.kind or (Kind.CT if looks_like_hu(coarse.values) else Kind.OTHER)
        inside = coarse.values[self.foreground.mask]
        return Channel(scan.voxels, choose_windows(window, kind, self.anatomy.part == "head", inside))

    def _planes(self, planes: str) -> tuple[Plane, ...]:
        """Return the planes that are views; a single slice or a thin slab shows something only in its own."""
        thin = thin_plane(self.orientation, self.scan.voxels.shape)
        if thin is None:
            return tuple(Plane) if planes == "all" else (self._main_plane(),)
        if thin is not Plane.AXIAL or planes == "all":
            self.notes.append(f"a thin slab of {thin.value} slices; these are the views")
        return (thin,)

    def _main_plane(self) -> Plane:
        """Return axial, or the plane of acquisition where thick slices would blur axial pictures."""
        thickness = [self.orientation.spacing[self.orientation.axes[plane.normal]] for plane in Plane]
        thickest = tuple(Plane)[int(np.argmax(thickness))]
        if thickest is not Plane.AXIAL and max(thickness) >= THICK_SLICES * sorted(thickness)[1]:
            self.notes.append(f"acquired in thick {thickest.value} slices; these are the views")
            return thickest
        return Plane.AXIAL

    def _stack(self, plane: Plane) -> SliceStack:
        canvas: Canvas = canvas_of(plane, self.orientation, self.scan.voxels.shape, self.foreground.extent)
        indices = np.flatnonzero(self.foreground.areas(canvas.across))
        names: Sequence[str] = [self.slice_name(plane, int(index)) for index in indices]
        reach = 0
        if self._neighbours_mm > 0:
            reach = max(1, round(self._neighbours_mm / self.orientation.spacing[canvas.across]))
        return SliceStack(canvas, indices, tuple(names), reach)


def _signed(value: float) -> str:
    """Return whole millimetres with a sign, as radiologists write them ("−7", "+34")."""
    rounded = round(value)
    return f"{rounded:+d}" if rounded else "0"
