"""Comparison of point clouds: the local shape around each surface element against the local shapes of others."""

# kinds: compares clouds and meshes

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from looktwice.core.study import FloatArray, Study
from looktwice.evidence.comparisons.memory_bank import farthest_points
from looktwice.evidence.comparisons.registration import PlacedElements, distance_over
from looktwice.evidence.geometry import spread_over_points
from looktwice.evidence.settings import DEFAULTS, CloudSettings, Settings
from looktwice.modalities.pointclouds.study import CloudStudy
from looktwice.modalities.pointclouds.surfels import Surfels

COMPARES = "pointcloud"

# Open3D returns histograms in percent.
_PERCENT = 100.0
# Number of descriptors compared with all others at once.
_ROWS = 512


@dataclass(frozen=True)
class Forms:
    """The local shape descriptors (FPFH) of a cloud.

    Attributes
    ----------
    elements : float32, shape (M, D)
        Descriptors of all elements of the surface.
    memory : float32, shape (m, D)
        The coreset that other clouds are compared with.
    placed : PlacedElements, optional
        Where the elements lie, to lay clouds over each other.

    Examples
    --------
    The elements of a cloud, of which only the most different are kept to compare others with:

    >>> elements = np.random.default_rng(0).random((500, 66), np.float32)
    >>> forms = Forms(elements, farthest_points(torch.from_numpy(elements), 100).numpy())
    >>> len(forms.elements), len(forms.memory)
    (500, 100)
    """

    elements: FloatArray
    memory: FloatArray
    placed: PlacedElements | None = None


class CloudComparer:
    """Compares local shapes: PatchCore's memory bank and MuSc's mutual scoring, on elements instead of patches.

    Examples
    --------
    The third element of a cloud has a shape that no other cloud has:

    >>> usual = np.eye(3, 66, dtype=np.float32)
    >>> one, other = Forms(usual, usual), Forms(usual[:2], usual[:2])
    >>> int(CloudComparer().distances(one, [other, other], mutual=False).argmax())
    2
    """

    clears, judges_alone = True, True

    def __init__(self, settings: Settings = DEFAULTS) -> None:
        self._settings = settings

    def describe(self, study: Study) -> Forms:
        """Return the descriptors of a cloud's elements."""
        assert isinstance(study, CloudStudy)
        elements = histograms(study.shape[0], self._settings.clouds)
        size = self._settings.clouds.coreset_size
        memory = farthest_points(torch.from_numpy(elements), size).numpy()
        return Forms(elements, memory, PlacedElements.of(study))

    def distances(self, one: Forms, others: Sequence[Forms], mutual: bool) -> FloatArray:
        """Return the log distance of each element (M,) to its nearest neighbour in the others; see ``Comparer``.

        Some members of a cohort may have the same defect, so the distance is the mean over the nearest of them.
        """
        settings = self._settings.clouds
        nearest = np.sort(np.stack([_nearest(one.elements, other.memory) for other in others]), axis=0)
        count = max(1, round(self._settings.memory_bank.cohort_share * len(others))) if mutual else 1
        distance: FloatArray = np.log(nearest[:count].mean(axis=0) + settings.distance_floor)
        if mutual or one.placed is None:
            return distance
        apart = [distance_over(one.placed, other.placed) for other in others if other.placed is not None]
        laid = [found for found in apart if found is not None]
        usual_form, usual_offset = self._usual(others)
        if one.placed.one_sided:
            # Its elements are smaller, and histograms near its rims lack what was not seen: only where it lies counts.
            distance = np.full_like(distance, usual_form)
        # A cloud that fits over none of the others is judged by local shape only.
        offset = np.min(laid, axis=0) if laid else np.full(len(distance), usual_offset, np.float32)
        combined: FloatArray = distance + np.log(offset + settings.distance_floor)
        return combined

    def _usual(self, others: Sequence[Forms]) -> tuple[np.float32, np.float32]:
        """Return the log distance of histograms, and the offset, that are usual between two of the others."""
        first, second = others[0], others[1]
        form = np.log(_nearest(first.elements, second.memory) + self._settings.clouds.distance_floor)
        assert first.placed is not None
        assert second.placed is not None
        offset = distance_over(first.placed, second.placed)
        return np.float32(np.median(form)), np.float32(0 if offset is None else np.median(offset))

    def places(self, study: Study, logits: FloatArray) -> FloatArray:
        """Return the logit of each of the file's points, averaged over neighbouring elements."""
        assert isinstance(study, CloudStudy)
        points, _ = spread_over_points(study, study.shape[0], logits, self._settings.geometry)
        return np.nan_to_num(points, neginf=0.0)


def histograms(surfels: Surfels, settings: CloudSettings = DEFAULTS.clouds) -> FloatArray:
    """Return FPFH descriptors of the elements, shape (M, 66): how the normals around each element turn.

    Fast point feature histograms (Rusu et al., ICRA 2009, doi:10.1109/ROBOT.2009.5152473) at two radii. They are
    invariant to pose, and to size and sampling, because elements are evenly spaced and radii are multiples of their
    side. Square roots are taken, so that Euclidean distances are Hellinger distances.
    """
    import open3d as o3d

    cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(surfels.points.astype(np.float64)))
    cloud.normals = o3d.utility.Vector3dVector(surfels.normals.astype(np.float64))
    parts = []
    for radius in settings.radii:
        search = o3d.geometry.KDTreeSearchParamHybrid(radius * surfels.side, settings.max_neighbors)
        found = o3d.pipelines.registration.compute_fpfh_feature(cloud, search)  # type: ignore[call-arg]  # stub errs
        parts.append(np.asarray(found.data).T / _PERCENT)
    return np.asarray(np.sqrt(np.concatenate(parts, axis=1)), np.float32)


def _nearest(elements: FloatArray, memory: FloatArray) -> FloatArray:
    """Return the distance of each descriptor (M, D) to the nearest of a memory bank, shape (M,)."""
    own, kept = ((rows * rows).sum(axis=1) for rows in (elements, memory))
    found = np.empty(len(elements), np.float32)
    for start in range(0, len(elements), _ROWS):
        part = slice(start, start + _ROWS)
        found[part] = (kept - 2 * elements[part] @ memory.T).min(axis=1) + own[part]
    distance: FloatArray = np.sqrt(np.maximum(found, 0))
    return distance


COMPARER = CloudComparer
