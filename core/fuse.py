"""The one place where the findings of all sources become one score, one heat map and its regions.

Findings join in one order, for the score and for the map alike. A finding that replaces others comes first (at most
one does): those that it names no longer count. Of the rest, the highest counts, place by place and for the study as a
whole. Last, findings that add are added as logits.

Heat that was measured in views joins there and is lifted once; heat that was measured in the input's own space joins
behind the lift.

Verdict and regions are one thing: an anomalous study shows where, a normal one shows nothing. Where the score is
anomalous and no place of the map reaches the threshold, the whole map is raised (`NativeMap.raised_to`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.special import expit
from skimage.transform import resize

from looktwice.core.calibration import logit
from looktwice.core.finding import Finding, Join, NativeHeat, ViewHeat
from looktwice.core.rates import EVEN_ODDS
from looktwice.core.study import FloatArray, NativeMap, Region, Study, added_in_logits

# Side of the empty map that is lifted where no source measured in views.
_EMPTY = 8
# A region that covers this share of the object is called global: it is no place in the object. Not measured.
GLOBAL_SHARE = 0.5


def fuse(
    findings: Sequence[Finding], study: Study, threshold: float = EVEN_ODDS
) -> tuple[float, NativeMap, list[Region]]:
    """Join what all sources found in one study.

    Parameters
    ----------
    findings : sequence of Finding
        At least one that counts (its `join` is not "none").
    study : Study
    threshold : float
        Of the score and the regions.

    Returns
    -------
    score : float
        In [0, 1].
    heatmap : NativeMap
    regions : list of Region
        At least one of an anomalous study; none of a normal one.

    Raises
    ------
    ValueError
        Nothing counts, or two findings want to replace others.
    """
    counted = counting(findings)
    alike = [one.logit for one in counted if one.join is not Join.ADD]
    joined = max(alike, default=0.0) + sum(one.logit for one in counted if one.join is Join.ADD)
    score, heatmap = float(expit(joined)), _native_map(counted, findings, study)
    if score < threshold:
        return score, heatmap, []
    regions = heatmap.regions(threshold)
    if not regions:
        heatmap = heatmap.raised_to(threshold)
        regions = heatmap.regions(threshold)
    whole = GLOBAL_SHARE * heatmap.object_size
    return score, heatmap, [replace(one, extent="global" if one.size >= whole else "local") for one in regions]


def counting(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings that count: those that are neither only reported nor replaced by another.

    A finding that is itself replaced takes what it replaces with it.

    Raises
    ------
    ValueError
        There is none, or two findings want to replace others.
    """
    gone = {name for one in findings if one.join is Join.REPLACE for name in one.replaces}
    replacing = [one.name for one in findings if one.join is Join.REPLACE and one.name not in gone]
    if len(replacing) > 1:
        raise ValueError(f"only one source may replace others, not {' and '.join(replacing)}")
    counted = [one for one in findings if one.join is not Join.NONE and one.name not in gone]
    if not counted:
        raise ValueError("no source of evidence fits this study")
    return counted


def view_maps(counted: Sequence[Finding]) -> FloatArray | None:
    """Join the heat that was measured in views, (V, h, w) in [0, 1]; None where none was."""
    alike = [one.heat.maps for one in counted if isinstance(one.heat, ViewHeat) and one.join is not Join.ADD]
    added = [one.heat.maps for one in counted if isinstance(one.heat, ViewHeat) and one.join is Join.ADD]
    if not alike and not added:
        return None
    grid = (alike or added)[0].shape[1:]
    # Without heat to add to, every place is as likely an anomaly as not.
    joined = np.max([_on_grid(maps, grid) for maps in alike], axis=0) if alike else np.full(added[0].shape, EVEN_ODDS)
    if added:
        logits = logit(joined) + np.sum([_on_grid(maps, grid) for maps in added], axis=0)
        joined = expit(logits)
    return np.asarray(joined, np.float32)


def view_scores(findings: Sequence[Finding], heatmap: NativeMap, maps: FloatArray) -> FloatArray:
    """Return how suspicious each view is, in [0, 1], shape (V,).

    Where all heat was measured in views, the sources say it, or else the highest value of each map. What was found in
    the input's own space ranks a view by the mean of the hottest hundredth of its pixels: what fills more of a view is
    seen better there.

    Parameters
    ----------
    findings : sequence of Finding
    heatmap : NativeMap
        What `fuse` made of them.
    maps : float32, shape (V, h, w)
        What `maps_in_views` made of them.
    """
    counted = counting(findings)
    if _measured_natively(counted) or heatmap.overlapping_views:
        flat = maps.reshape(len(maps), -1)
        # Sorting is vectorised and several times as fast as NumPy's partition.
        hottest: FloatArray = np.sort(flat, axis=1)[:, -max(1, flat.shape[1] // 100) :].mean(axis=1)
        return hottest
    seen = [one for one in counted if isinstance(one.heat, ViewHeat) and one.join is not Join.ADD]
    if len(seen) == 1 and seen[0].view_scores is not None:
        return seen[0].view_scores
    return np.asarray(maps.max(axis=(1, 2)), np.float32)


def maps_in_views(findings: Sequence[Finding], heatmap: NativeMap) -> FloatArray:
    """Return the joined map as the views show it, (V, h, w) in [0, 1]."""
    counted = counting(findings)
    maps = view_maps(counted)
    if maps is None or _measured_natively(counted) or heatmap.overlapping_views:
        return heatmap.in_views()
    return added_in_logits(maps, heatmap.raised) if heatmap.raised else maps


def _native_map(counted: Sequence[Finding], findings: Sequence[Finding], study: Study) -> NativeMap:
    maps = view_maps(counted)
    shape = (len(study.views()), _EMPTY, _EMPTY)
    lifted = study.lift(np.zeros(shape, np.float32) if maps is None else maps)
    native = [one for one in counted if isinstance(one.heat, NativeHeat)]
    if not native:
        return lifted
    return lifted.joined(
        highest=[one.heat.values for one in native if one.join is not Join.ADD],  # type: ignore[union-attr]
        added=[one.heat.values for one in native if one.join is Join.ADD],  # type: ignore[union-attr]
        own=maps is not None,
    )


def _measured_natively(counted: Sequence[Finding]) -> bool:
    return any(isinstance(one.heat, NativeHeat) for one in counted)


def _on_grid(maps: FloatArray, grid: tuple[int, ...]) -> npt.NDArray[np.floating]:
    """Bring maps (V, h, w) to another grid, bilinearly; pixel edges of both grids coincide."""
    if maps.shape[1:] == grid:
        return maps
    same: npt.NDArray[np.floating] = resize(
        maps, (len(maps), *grid), order=1, mode="edge", anti_aliasing=False, preserve_range=True
    )
    return same
