"""Trivial predictors: how well images are ranked by features that have nothing to do with anomalies.

Some public sets can be ranked by the resolution, file size or brightness of an image, because normal and anomalous
images come from different places. A detector's AUROC means something only in comparison with these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from looktwice.evaluation.metrics import image_metrics

FEATURES = ("width", "height", "file_size", "mean", "contrast", "jpeg_noise")
MEASURE = "max(AUROC, 1 - AUROC)"
_WINDOW = 256


def measure_shortcuts(
    path: Path, size: Sequence[int], picture: npt.NDArray[np.uint8] | None = None
) -> dict[str, float | None]:
    """Measure the trivial features of a sample.

    Parameters
    ----------
    path : Path
    size : sequence of int
        (H, W) of a photograph; for other inputs, ``width`` and ``height`` are None.
    picture : uint8, shape (H, W) or (H, W, 3), optional
        The decoded photograph; without it, ``mean``, ``contrast`` and ``jpeg_noise`` are None.

    Returns
    -------
    dict
        One value for each of :data:`FEATURES`: width and height in pixels, file size in bytes, mean and standard
        deviation of the grey values, and :func:`blockiness`.
    """
    values: dict[str, float | None] = dict.fromkeys(FEATURES)
    values["file_size"] = float(path.stat().st_size) if path.is_file() else None
    if len(size) == 2:
        values["height"], values["width"] = float(size[0]), float(size[1])
    if picture is not None:
        grey = Image.fromarray(picture).convert("L")
        mean, contrast = _moments(grey.histogram())
        values |= {"mean": mean, "contrast": contrast, "jpeg_noise": blockiness(np.asarray(grey))}
    return values


def blockiness(grey: npt.NDArray[np.generic]) -> float:
    """Estimate JPEG noise: mean grey-value step across the borders of 8×8 blocks, divided by the mean step elsewhere.

    It is 1 without JPEG compression and higher with coarser quantisation, even if the JPEG was saved as PNG later
    (after Wang, Bovik and Evans, ICIP 2000). Measured in the centre of the image, on at most 256 × 256 pixels.

    Parameters
    ----------
    grey : array, shape (H, W)
        Grey values from 0 to 255.
    """
    corner = [max(0, side - _WINDOW) // 16 * 8 for side in grey.shape]
    middle = grey[corner[0] : corner[0] + _WINDOW, corner[1] : corner[1] + _WINDOW].astype(np.float32)
    ratios = []
    for picture in (middle, middle.T):
        steps = np.abs(np.diff(picture, axis=1)).mean(axis=0)
        border = np.arange(len(steps)) % 8 == 7
        if border.any() and not border.all():
            ratios.append((float(steps[border].mean()) + 1e-3) / (float(steps[~border].mean()) + 1e-3))
    return float(np.mean(ratios)) if ratios else 1.0


def shortcut_aurocs(labels: Sequence[int], rows: Sequence[Mapping[str, float | None]]) -> dict[str, Any]:
    """Return the AUROC of ranking the samples by each single feature.

    A feature may rank in either direction, so each value is ``max(AUROC, 1 - AUROC)``, which is at least 0.5.

    Returns
    -------
    dict
        ``measure``, one value or None for each feature, and ``best`` (``{"feature", "auroc"}`` or None).
    """
    values: dict[str, float | None] = {}
    for feature in FEATURES:
        known = [
            (label, value) for label, row in zip(labels, rows, strict=True) if (value := row.get(feature)) is not None
        ]
        area = image_metrics(*zip(*known, strict=True))["image_auroc"] if known else None
        values[feature] = None if area is None else max(area, 1.0 - area)
    ranked = [(value, feature) for feature, value in values.items() if value is not None]
    best = max(ranked, default=None)
    return {"measure": MEASURE, **values, "best": best and {"feature": best[1], "auroc": best[0]}}


def _moments(histogram: Sequence[int]) -> tuple[float, float]:
    """Return mean and standard deviation of grey values, from their histogram (256 counts)."""
    counts, grey = np.asarray(histogram, np.float64), np.arange(256.0)
    mean = counts @ grey / counts.sum()
    return float(mean), float(np.sqrt(counts @ (grey - mean) ** 2 / counts.sum()))
