"""Measurements of drawn shapes: what is missing from a conductor or added to it, and what that does to its neighbours.

Boards, prints and masks are pictures of two tones, where the kind of a flaw is a matter of topology, not of appearance:
missing copper that is enclosed is a pin hole, at an edge a mouse bite, across a track an open circuit; added copper
that touches nothing is spurious, one conductor a spur, two a short. So the drawing is compared with what it should be
(an aligned reference where there is one, else the pattern around the region, continued through it), and what differs
is described by how much of its rim lies on material and on ground, and in how many separate arcs.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.filters import threshold_otsu
from skimage.measure import label
from skimage.morphology import disk

from looktwice.core.study import BoolArray, ByteArray
from looktwice.evidence.settings import DEFAULTS

DIRECTIONS = 12
# As golden templates have it; what classification measures here was learnt with it.
TOLERANCE = DEFAULTS.drawings.tolerance
# Rims on the drawing shorter than this share of the rim (and than two pixels) are chance contacts.
LEAST_ARC = 0.04

NAMES = (
    "missing_share",
    "log_missing",
    "log_extra",
    "missing_arcs",
    "extra_arcs",
    "missing_open_rim",
    "extra_bound_rim",
    "parts_change",
    "grounds_change",
)


def grey(image: ByteArray) -> npt.NDArray[np.float64]:
    """Return the mean of a picture's channels, float of shape (H, W)."""
    mean: npt.NDArray[np.float64] = image.mean(axis=2)
    return mean


def binarise(grey: npt.NDArray[np.floating], dark: bool) -> BoolArray:
    """Separate a drawing's material from its ground by Otsu's threshold.

    Parameters
    ----------
    grey : float, shape (H, W)
    dark : bool
        The material is darker than the ground.

    Returns
    -------
    bool, shape (H, W)
        Where there is material.
    """
    if float(grey.min()) == float(grey.max()):
        return np.zeros(grey.shape, bool)
    above: BoolArray = grey > threshold_otsu(grey)
    return ~above if dark else above


def continue_pattern(drawing: BoolArray, region: BoolArray) -> BoolArray:
    """Return what a region would show if the pattern around it continued.

    Along each of 12 directions every pixel of the region lies between two pixels outside. The direction in which the
    two agree most often, and which leaves the fewest seams along the region's border, is that of the tracks; the
    nearer of the two pixels is taken.

    Parameters
    ----------
    drawing, region : bool, shape (H, W)

    Returns
    -------
    bool, shape (H, W)
        `drawing`, changed only inside `region`.
    """
    rows, columns = np.nonzero(region)
    best, best_fit = drawing, -np.inf
    if not len(rows):
        return best
    for angle in np.arange(DIRECTIONS) * np.pi / DIRECTIONS:
        step = np.array([np.sin(angle), np.cos(angle)])
        (ahead, far), (behind, near) = (_leave(drawing, region, rows, columns, sign * step) for sign in (1, -1))
        filled: BoolArray = drawing.copy()
        filled[rows, columns] = np.where(far < near, ahead, behind)
        fit = float((ahead == behind).mean()) - _seams(filled, region)
        if fit > best_fit + 1e-9:
            best, best_fit = filled, fit
    return best


def _seams(filled: BoolArray, region: BoolArray) -> float:
    """Share of a region's border across which the drawing does not go on."""
    broken = border = 0
    for axis in (0, 1):
        crossing = np.diff(region, axis=axis)
        border += int(crossing.sum())
        broken += int((crossing & np.diff(filled, axis=axis)).sum())
    return broken / max(1, border)


def _leave(
    drawing: BoolArray,
    region: BoolArray,
    rows: npt.NDArray[np.intp],
    columns: npt.NDArray[np.intp],
    step: npt.NDArray[np.float64],
) -> tuple[BoolArray, npt.NDArray[np.float64]]:
    """Walk from each pixel until the region ends; return what is drawn there and the steps it took."""
    height, width = drawing.shape
    y, x = rows.astype(float), columns.astype(float)
    taken = np.zeros(len(rows))
    inside = np.ones(len(rows), bool)
    while inside.any():
        ahead_y, ahead_x = y + step[0], x + step[1]
        within = (ahead_y > -0.5) & (ahead_y < height - 0.5) & (ahead_x > -0.5) & (ahead_x < width - 0.5)
        moving = inside & within
        taken[inside & ~within] = np.inf
        y[moving], x[moving], taken[moving] = ahead_y[moving], ahead_x[moving], taken[moving] + 1
        inside = moving
        inside[moving] = region[np.rint(y[moving]).astype(int), np.rint(x[moving]).astype(int)]
    return drawing[np.rint(y).astype(int), np.rint(x).astype(int)], taken


def measure_drawing(drawing: BoolArray, expected: BoolArray, region: BoolArray) -> npt.NDArray[np.float64]:
    """Measure what is missing from a drawing, or added to it, in a region.

    Parameters
    ----------
    drawing, expected, region : bool, shape (H, W)

    Returns
    -------
    float, shape (9,)
        In the order of :data:`NAMES`.
    """
    missing = _main_part(expected & ~drawing & region, expected)
    extra = _main_part(drawing & ~expected & region, ~expected)
    total = missing.sum() + extra.sum()
    missing_arcs, missing_rim = _rim(missing, ~expected)
    extra_arcs, extra_rim = _rim(extra, expected)
    window = ndimage.binary_dilation(region, disk(3))
    return np.array(
        [
            missing.sum() / total if total else 0.5,
            np.log1p(missing.sum()),
            np.log1p(extra.sum()),
            min(missing_arcs, 3),
            min(extra_arcs, 3),
            missing_rim,
            extra_rim,
            _parts(drawing & window) - _parts(expected & window),
            _parts(~drawing & window) - _parts(~expected & window),
        ],
        float,
    ).clip(-10, 10)


def _main_part(different: BoolArray, allowed: BoolArray) -> BoolArray:
    """Drop what moved edges explain, and keep the largest cluster of the rest, its specks joined."""
    core = different & ndimage.binary_erosion(allowed, disk(TOLERANCE), border_value=1)
    if not core.any():
        return np.zeros_like(different)
    joined = ndimage.binary_closing(np.pad(different, 4), disk(3))[4:-4, 4:-4] & allowed
    parts = label(joined, connectivity=2)
    weights = np.bincount(parts[core], minlength=parts.max() + 1)
    weights[0] = 0
    main: BoolArray = parts == weights.argmax()
    return main


def _rim(part: BoolArray, what: BoolArray) -> tuple[int, float]:
    """Count the arcs of a part's rim that lie on `what`, and give their share of the rim."""
    if not part.any():
        return 0, 0.0
    rim = ndimage.binary_dilation(part, disk(TOLERANCE)) & ~part
    touching = rim & what
    sizes = np.bincount(label(touching, connectivity=2).ravel())[1:]
    least = max(3.0, LEAST_ARC * rim.sum())
    return int((sizes >= least).sum()), float(touching.sum() / max(1, rim.sum()))


def _parts(shape: BoolArray) -> int:
    sizes = np.bincount(label(shape, connectivity=1).ravel())[1:]
    return int((sizes >= 9).sum())
