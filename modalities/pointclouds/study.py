"""A point cloud or mesh as a `Study`: rendered views out, one score per input point back."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from looktwice.core.study import Modality, Study, View
from looktwice.modalities.pointclouds.cloud import Cloud
from looktwice.modalities.pointclouds.lifting import lift_to_points
from looktwice.modalities.pointclouds.neighbourhoods import Features
from looktwice.modalities.pointclouds.placed import PlacedCloud
from looktwice.modalities.pointclouds.pointmap import PointMap
from looktwice.modalities.pointclouds.shape_features import shape_features
from looktwice.modalities.pointclouds.surfels import Surfels
from looktwice.modalities.pointclouds.views import CloudViews
from looktwice.modalities.rendering.renderer import Rendering


class CloudStudy(PlacedCloud, Study):
    """A cloud or a mesh under inspection.

    Parameters
    ----------
    cloud : Cloud
    source : Path
    backend : {"numpy", "open3d", "pytorch3d"}
        What projects the points.
    views : int or None
        How many; None for as many as it takes to see every visible part twice.
    unit : {"mm", "m", "inch"}, optional
        Of the coordinates, where the file does not say.

    Examples
    --------
    >>> points = np.random.default_rng(0).normal(size=(3000, 3))
    >>> points /= np.linalg.norm(points, axis=1, keepdims=True)
    >>> study = CloudStudy(Cloud(points), Path("ball.ply"), views=2)
    >>> study.name, [view.image.shape for view in study.views()]
    ('ball', [(336, 336, 3), (336, 336, 3)])
    >>> study.lift(np.zeros((2, 24, 24))).values.shape
    (3000,)
    """

    modality = Modality.POINTCLOUD

    def __init__(
        self,
        cloud: Cloud,
        source: Path,
        *,
        backend: str = "numpy",
        views: int | None = 9,
        unit: str | None = None,
    ) -> None:
        super().__init__(cloud, source, unit)
        self.name = source.stem
        self._views = CloudViews(self, backend, views)

    def views(self) -> Sequence[View]:
        """Return the rendered views; each is drawn when it is first asked for."""
        return self._views

    def rendering(self, index: int) -> Rendering:
        """Return what was computed for one view: index map, depth, normals and curvature."""
        return self._views.rendering(index)

    @property
    def renderings(self) -> list[Rendering]:
        """What was computed for each view; all of them are drawn now."""
        return [self.rendering(index) for index in range(len(self._views))]

    @cached_property
    def shape(self) -> tuple[Surfels, Features]:
        """The surface in even elements, and what is known of each (`shape_features.shape_features`)."""
        return shape_features(self.surface, self.frame, self.renderings)

    def lift(self, maps: npt.NDArray[np.floating[Any]]) -> PointMap:
        """Bring one map per view back to one score per input point.

        Parameters
        ----------
        maps : float, shape (V, h, w)

        Returns
        -------
        PointMap
            ``values`` in the file's order; see `lifting.lift_to_points`.
        """
        lifted = lift_to_points(self.normalised, self.drawn, self.renderings, np.asarray(maps, np.float32))
        return PointMap(self, *lifted, self.renderings)
