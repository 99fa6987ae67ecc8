"""What can be measured of a region of a picture: shape, size, place, contrast and texture."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.color import rgb2lab
from skimage.measure import label, regionprops
from skimage.morphology import disk

from looktwice.classification.anomaly import AnomalyView
from looktwice.core.study import BoolArray, ByteArray
from looktwice.evidence.comparisons import drawing

NAMES = (
    "log_area_share",
    "log_length_share",
    "log_elongation",
    "compactness",
    "solidity",
    "extent",
    "upright",
    "diagonal",
    "log_pieces",
    "border_contact",
    "eccentric_place",
    "contrast",
    "colour_contrast",
    "darkest",
    "brightest",
    "edge_sharpness",
    "roughness",
    "spread_inside",
)

FLOOR = 1e-4
# The neighbourhood that a region is compared with is about as wide as the region itself, within these shares of
# the picture's shorter side.
RING_SHARES = (0.02, 0.12)
# Around a region, a drawing's pattern is taken into account as far as this, in pixels.
_SURROUNDINGS = 12


def measure(view: AnomalyView, tone: str | None) -> dict[str, float]:
    """Measure a region; of a drawing, also what is missing from it or added to it.

    Parameters
    ----------
    view : AnomalyView
    tone : {"dark", "bright"} or None
        Of a drawing's material.

    Returns
    -------
    dict
        By the names of :data:`NAMES` and, for drawings, ``drawing.NAMES``.

    Examples
    --------
    >>> image, mask = np.full((64, 64, 3), 120, np.uint8), np.zeros((64, 64), bool)
    >>> mask[20:30, 10:50], image[20:30, 10:50] = True, 20
    >>> measured = measure(AnomalyView(image, mask), tone=None)
    >>> measured["contrast"] < -2, round(measured["log_elongation"], 1)
    (True, 2.0)
    """
    found = dict(zip(NAMES, measure_region(view.image, view.mask), strict=True))
    if tone is not None:
        found |= dict(zip(drawing.NAMES, _measure_drawing(view, tone == "dark"), strict=True))
    return {name: float(value) for name, value in found.items()}


def _measure_drawing(view: AnomalyView, dark: bool) -> npt.NDArray[np.float64]:
    drawn = drawing.binarise(drawing.grey(view.image), dark)
    rows, columns = np.nonzero(view.mask)
    window = tuple(
        slice(max(0, int(index.min()) - _SURROUNDINGS), int(index.max()) + _SURROUNDINGS + 1)
        for index in (rows, columns)
    )
    region = view.mask[window]
    if view.expected is None:
        expected = drawing.continue_pattern(drawn[window], region)
    else:
        expected = drawing.binarise(drawing.grey(view.expected), dark)[window]
    return drawing.measure_drawing(drawn[window], expected, region)


def measure_region(image: ByteArray, mask: BoolArray) -> npt.NDArray[np.float64]:
    """Measure a region of a picture against its neighbourhood.

    Parameters
    ----------
    image : uint8, shape (H, W, 3)
    mask : bool, shape (H, W)
        The region, in one piece or several; not empty.

    Returns
    -------
    float, shape (18,)
        In the order of :data:`NAMES`. Lengths and areas are shares of the picture, so that its resolution does not
        matter; contrasts are in units of the neighbourhood's own spread; `upright` is 1 for a region that runs along
        the columns, -1 along the rows.

    Raises
    ------
    ValueError
        The mask is empty or of another size.
    """
    if mask.shape != image.shape[:2] or not mask.any():
        raise ValueError(
            f"a region mask of shape {mask.shape} with {int(mask.sum())} pixels does not fit an image of shape "
            f"{image.shape[:2]}"
        )
    return np.concatenate([_shape(mask), _appearance(image, mask)])


def neighbourhood(mask: BoolArray) -> BoolArray:
    """Return the pixels around a region that it is compared with; everything else where it fills the picture."""
    shorter = min(mask.shape)
    width = np.clip(0.5 * np.sqrt(mask.sum()), RING_SHARES[0] * shorter, RING_SHARES[1] * shorter)
    distance = ndimage.distance_transform_edt(~mask)
    gap = 1.0 if width < 6 else 2.0
    ring: BoolArray = (distance > gap) & (distance <= gap + max(3.0, width))
    return ring if ring.any() else ~mask


def _shape(mask: BoolArray) -> npt.NDArray[np.float64]:
    height, width = mask.shape
    side = np.sqrt(height * width)
    whole = regionprops(mask.astype(np.uint8))[0]
    pieces = label(mask, connectivity=2)
    main = max(regionprops(pieces), key=lambda part: part.area)
    major, minor = max(main.axis_major_length, 1.0), max(main.axis_minor_length, 1.0)
    # skimage's orientation is the angle between the rows' axis and the major axis.
    directed = 1.0 - minor / major
    perimeter = max(main.perimeter, 1.0)
    row, column = whole.centroid
    top, left, bottom, right = whole.bbox
    margin = max(2, round(0.01 * side))
    sides = [top <= margin, left <= margin, bottom >= height - margin, right >= width - margin]
    return np.array(
        [
            np.log10(mask.mean() + FLOOR),
            np.log10(max(main.axis_major_length, 1.0) / side),
            np.log2(major / minor),
            min(1.0, 4 * np.pi * main.area / perimeter**2),
            main.solidity,
            main.extent,
            directed * np.cos(2 * main.orientation),
            directed * np.sin(2 * main.orientation),
            np.log2(pieces.max()),
            sum(sides) / 2.0,
            max(abs(row / height - 0.5), abs(column / width - 0.5)) * 2.0,
        ]
    )


def _appearance(image: ByteArray, mask: BoolArray) -> npt.NDArray[np.float64]:
    lab = rgb2lab(image)
    light, around = lab[..., 0], neighbourhood(mask)
    if not around.any():
        around = mask
    inside, outside = light[mask], light[around]
    spread = max(float(outside.std()), 2.0)
    slopes = ndimage.gaussian_gradient_magnitude(light, 1.0)
    edge = mask & ~ndimage.binary_erosion(mask, border_value=1)
    edge = ndimage.binary_dilation(edge, disk(1))
    usual = float(np.median(slopes[around])) + 0.25
    # What covers the whole picture has no edge, which says nothing of it.
    steepness = float(slopes[edge].mean()) + 0.25 if edge.any() else usual
    colour = np.linalg.norm(lab[mask][:, 1:].mean(axis=0) - lab[around][:, 1:].mean(axis=0))
    fine = light - ndimage.gaussian_filter(light, 2.0)
    return np.array(
        [
            np.clip((inside.mean() - outside.mean()) / spread, -8, 8),
            np.clip(colour / 5.0, 0, 8),
            np.clip((np.percentile(inside, 5) - outside.mean()) / spread, -8, 8),
            np.clip((np.percentile(inside, 95) - outside.mean()) / spread, -8, 8),
            np.log2(steepness) - np.log2(usual),
            np.log2(float(fine[mask].std()) + 0.25) - np.log2(float(fine[around].std()) + 0.25),
            np.log2(float(inside.std()) + 0.25) - np.log2(spread),
        ]
    )
