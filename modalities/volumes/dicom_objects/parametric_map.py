"""The heat map as a Parametric Map with floating-point pixels (PS3.3 A.75)."""

from __future__ import annotations

import highdicom
import numpy as np
from pydicom.sr.codedict import codes

from looktwice.core.study import FloatArray
from looktwice.modalities.volumes.dicom_objects.equipment import NewObject
from looktwice.modalities.volumes.dicom_objects.source import SourceSeries
from looktwice.modalities.volumes.voxel_map import VoxelMap


def scores_on_frames(source: SourceSeries, voxel_map: VoxelMap) -> FloatArray:
    """Return the map on the frames of its source, shape (frames, rows, columns).

    A frame shows the highest score on the slices that it stands for.
    """
    everywhere = slice(None)
    boxes = [(everywhere, everywhere, slice(int(own[0]), int(own[-1]) + 1)) for own in source.slices]
    return np.stack([voxel_map[box].max(axis=2).T for box in boxes])


def parametric_map(source: SourceSeries, scores: FloatArray, new: NewObject) -> highdicom.pm.ParametricMap:
    """Return the scores, in [0, 1] without unit, as an object on the frames of its source."""
    mapping = highdicom.pm.RealWorldValueMapping(
        lut_label="anomaly score",
        lut_explanation="anomaly score in 0 to 1",
        unit=codes.UCUM.NoUnits,
        value_range=(0.0, 1.0),
        slope=1.0,
        intercept=0.0,
        quantity_definition=codes.cid7180.Saliency,
    )
    created = highdicom.pm.ParametricMap(
        source_images=source.images,
        pixel_array=scores,
        plane_positions=source.positions,
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[mapping],
        voi_lut_transformations=[highdicom.VOILUTTransformation(window_center=0.5, window_width=1.0)],
        content_label="ANOMALY_SCORE",
        content_description="Anomaly score of each voxel",
        **new.arguments(),
    )
    created.Laterality = None  # required with an unknown body part, and highdicom leaves it out
    return created
