"""The regions as a binary Segmentation (PS3.3 A.51), one segment per region."""

from __future__ import annotations

from collections.abc import Sequence

import highdicom
import numpy as np
import numpy.typing as npt
from pydicom.sr.codedict import codes

from looktwice.core.study import Region
from looktwice.modalities.volumes.dicom_objects.equipment import NewObject, algorithm_identification
from looktwice.modalities.volumes.dicom_objects.source import SourceSeries
from looktwice.modalities.volumes.voxel_map import VoxelMap


def segmentation(
    source: SourceSeries, voxel_map: VoxelMap, regions: Sequence[Region], new: NewObject
) -> highdicom.seg.Segmentation:
    """Return the regions on the frames of their source; frames without a region are left out.

    Segment n is ``regions[n - 1]``. A frame shows what the slices that it stands for hold, the first region first.
    """
    low = min(int(region.bbox[2]) for region in regions)
    high = max(int(region.bbox[5]) for region in regions)
    shown = np.array([bool(((own >= low) & (own < high)).any()) for own in source.slices])
    volume = label_volume(voxel_map, regions, low, high)
    on_frames = [own[(own >= low) & (own < high)] - low for own in source.slices]
    slabs = [volume[:, :, own] for own in on_frames if own.size]
    labels = np.stack([first_label(slab) for slab in slabs])
    numbers = np.arange(1, len(regions) + 1)
    if not np.isin(numbers, labels).all():  # one hides another: they lie on each other, as DICOM allows
        labels = np.stack([(slab[..., None] == numbers).any(axis=2) for slab in slabs]).astype(np.uint8)
    return highdicom.seg.Segmentation(
        source_images=source.images,
        pixel_array=np.ascontiguousarray(labels.swapaxes(1, 2)),
        plane_positions=source.positions_of(shown),
        segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[_describe(number, region) for number, region in enumerate(regions, start=1)],
        content_label="ANOMALIES",
        content_description="Regions with a high anomaly score",
        **new.arguments(),
    )


def first_label(labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return the lowest number above 0 along the last axis, 0 where there is none; (I, J, K) to (I, J)."""
    # 0 - 1 is the highest number that a byte holds.
    lowest: npt.NDArray[np.uint8] = (labels - np.uint8(1)).min(axis=2) + np.uint8(1)
    return lowest


def label_volume(voxel_map: VoxelMap, regions: Sequence[Region], low: int, high: int) -> npt.NDArray[np.uint8]:
    """Return the number of the region that each voxel between two k belongs to, 0 where none; (I, J, high - low)."""
    labels = np.zeros((*voxel_map.shape[:2], high - low), np.uint8)
    for number, region in enumerate(regions, start=1):
        i0, j0, k0, i1, j1, k1 = (int(edge) for edge in region.bbox)
        labels[i0:i1, j0:j1, k0 - low : k1 - low][voxel_map.region_mask(region)] = number
    return labels


def _describe(number: int, region: Region) -> highdicom.seg.SegmentDescription:
    return highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=f"anomaly {number}",
        segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
        segmented_property_type=codes.SCT.Lesion,
        algorithm_type=highdicom.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=algorithm_identification(),
        tracking_uid=highdicom.UID(),
        tracking_id=f"anomaly {number}",
    )
