"""A cloud's geometric evidence: which places look damaged, told from the points alone, without rendering."""

# kinds: a source of evidence for clouds and meshes

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from looktwice.core.calibration import Calibration
from looktwice.core.finding import Finding, Join, NativeHeat
from looktwice.core.rates import RATES
from looktwice.core.study import FloatArray, Study
from looktwice.evidence.base import Context
from looktwice.evidence.encoding import StudyTokens
from looktwice.evidence.networks.damage import GeometryNetwork, shipped_network
from looktwice.evidence.settings import DEFAULTS, GeometrySettings

if TYPE_CHECKING:
    from looktwice.modalities.pointclouds.study import CloudStudy
    from looktwice.modalities.pointclouds.surfels import Surfels


@dataclass(frozen=True)
class Reading:
    """What the network says of one cloud, not calibrated.

    Attributes
    ----------
    points : float32, shape (P,)
        Logit of each of the file's points, smoothed twice; negative infinity where a point is not inspected.
    elements : float32, shape (M,)
        Logit of each evenly spread element of the surface, smoothed once.
    settings : GeometrySettings

    Examples
    --------
    One damaged element in a hundred shows in the score:

    >>> elements = np.full(100, -3, np.float32)
    >>> sound = Reading(elements, elements)
    >>> elements = np.append(elements[1:], np.float32(9))
    >>> Reading(elements, elements).score > sound.score
    True
    """

    points: FloatArray
    elements: FloatArray
    settings: GeometrySettings = DEFAULTS.geometry

    @property
    def score(self) -> float:
        """Mean of the logits that the worst parts of the area reach, compressed beyond the knee."""
        reached = np.quantile(self.elements, [1 - share for share in self.settings.scored_shares])
        return float(np.arcsinh(reached.mean() / self.settings.knee))


NAME = "geometry"
TITLE = "Shape that looks damaged"
ONE_SIDED = "only one side of the object was seen; the rim of what was not seen is not judged"


def fits(study: Study) -> bool:
    """Whether the study is a cloud or a mesh."""
    from looktwice.modalities.pointclouds.study import CloudStudy

    return isinstance(study, CloudStudy)


def look(study: Study, tokens: StudyTokens, context: Context) -> Finding | None:
    """Measure a cloud's points.

    Shaded views show geometry, which is measured better on the points: where a cloud has no colour, geometry replaces
    what the views show; where it has, whichever source is more alarmed counts.
    """
    from looktwice.modalities.pointclouds.study import CloudStudy

    assert isinstance(study, CloudStudy)
    calibration = context.calibration(NAME)
    if calibration is None:
        return None
    reading = read_geometry(study, settings=context.config.settings.geometry)
    notes = (ONE_SIDED,) if study.shape[0].toward is not None else ()
    join = Join.REPLACE if study.cloud.colours is None else Join.MAX
    heat = NativeHeat(place_probabilities(reading, calibration))
    return Finding(NAME, calibration.logit(reading.score), heat, join, notes=notes)


def calibrate(normals: Sequence[Study], context: Context) -> Calibration:
    """Return the calibration that the network brings with it."""
    return shipped_network().calibration


def read_geometry(
    study: CloudStudy, network: GeometryNetwork | None = None, settings: GeometrySettings = DEFAULTS.geometry
) -> Reading:
    """Let a network, by default the shipped one, look at a cloud or a mesh."""
    surfels, features = study.shape
    logits = judged(network or shipped_network(), features, settings)
    return Reading(*spread_over_points(study, surfels, logits, settings), settings)


def judged(
    network: GeometryNetwork, features: Mapping[str, FloatArray], settings: GeometrySettings = DEFAULTS.geometry
) -> FloatArray:
    """Return a network's logit of each element (M,); where one side was seen, its rim is no more than usual."""
    logits = network.logits(features)
    if not features["one_sided"].any():
        return logits
    near = features["rim"] < settings.rim_margin
    usual = np.median(logits[~near] if not near.all() else logits)
    return np.where(near, np.minimum(logits, usual), logits).astype(np.float32)


def spread_over_points(
    study: CloudStudy, surfels: Surfels, logits: FloatArray, settings: GeometrySettings = DEFAULTS.geometry
) -> tuple[FloatArray, FloatArray]:
    """Return the logit of each point (P,), negative infinity where not inspected, and of each element, smoothed."""
    elements = smoothed(logits, surfels.neighbours, settings)
    # Places are ranked better over twice the neighbourhood; a whole object is not.
    places = smoothed(elements, surfels.neighbours, settings)
    points = np.full(len(study.drawn), -np.inf, np.float32)
    if len(surfels.owner) == study.drawn.sum():
        points[study.drawn] = places[surfels.owner]
    else:
        from scipy.spatial import cKDTree

        # A mesh: its elements come from points on its faces, its scores go to its vertices.
        points[study.drawn] = places[cKDTree(surfels.points).query(study.normalised[study.drawn])[1]]
    return points, elements


def smoothed(
    logits: FloatArray, neighbours: npt.NDArray[np.integer], settings: GeometrySettings = DEFAULTS.geometry
) -> FloatArray:
    """Return the logits of elements (M,) averaged over their nearest, from `neighbours` (M, K)."""
    mean: FloatArray = logits[neighbours[:, : settings.num_smoothed]].mean(axis=1)
    return mean


def place_probabilities(reading: Reading, calibration: Calibration) -> FloatArray:
    """Return probabilities (P,); 0 for points that are not inspected."""
    inspected = np.isfinite(reading.points)
    values = np.zeros(len(reading.points), np.float32)
    values[inspected] = calibration.probabilities(reading.points[inspected])
    return values


def calibrate_by(readings: Sequence[Reading]) -> Calibration:
    """Calibrate by sound objects: few of them, and few of their places, may reach the threshold."""
    return Calibration(
        score_shift=float(np.quantile([reading.score for reading in readings], 1 - RATES.studies)),
        score_scale=readings[0].settings.score_step,
        map_shift=float(
            np.quantile(np.concatenate([reading.points for reading in readings]), 1 - RATES.surface_places)
        ),
    )
