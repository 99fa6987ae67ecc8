"""What a predictor reaches that never looks for anomalies.

Some public sets can be ranked by the resolution, the file or the brightness of an image, because normal and anomalous
material came from different places. A figure means something only beside these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from looktwice.evaluation.metrics import image_metrics

FEATURES = ("width", "height", "file_size", "mean", "contrast", "jpeg_noise")
MEASURE = "max(AUROC, 1 - AUROC)"


def measure_shortcuts(
    path: Path, size: Sequence[int], picture: npt.NDArray[np.uint8] | None = None
) -> dict[str, float | None]:
    """Measure what could give a sample away.

    Parameters
    ----------
    path : Path
    size : sequence of int
        (H, W) of a photograph; other inputs have neither width nor height.
    picture : uint8, shape (H, W) or (H, W, 3), optional
        The decoded photograph; without it ``mean``, ``contrast`` and ``jpeg_noise`` are None.

    Returns
    -------
    dict
        One value for each of :data:`FEATURES`: pixels, pixels, bytes, mean grey value, standard deviation of the
        grey values, and :func:`blockiness`.
    """
    values: dict[str, float | None] = dict.fromkeys(FEATURES)
    values["file_size"] = float(path.stat().st_size) if path.is_file() else None
    if len(size) == 2:
        values["height"], values["width"] = float(size[0]), float(size[1])
    if picture is not None:
        grey = _grey(picture)
        values |= {"mean": float(grey.mean()), "contrast": float(grey.std()), "jpeg_noise": blockiness(grey)}
    return values


def blockiness(grey: npt.NDArray[np.float32]) -> float:
    """Estimate JPEG noise: grey-value steps across the borders of 8×8 blocks over those elsewhere.

    1 without any trace of JPEG, higher with coarser quantisation, also where a JPEG was stored anew as PNG
    (after Wang, Bovik and Evans, ICIP 2000).

    Parameters
    ----------
    grey : float32, shape (H, W)
    """
    ratios = []
    for picture in (grey, grey.T):
        steps = np.abs(np.diff(picture, axis=1)).mean(axis=0)
        border = np.arange(len(steps)) % 8 == 7
        if border.any() and not border.all():
            ratios.append((float(steps[border].mean()) + 1e-3) / (float(steps[~border].mean()) + 1e-3))
    return float(np.mean(ratios)) if ratios else 1.0


def shortcut_aurocs(labels: Sequence[int], rows: Sequence[Mapping[str, float | None]]) -> dict[str, Any]:
    """Rank the samples by each single feature.

    A feature may rank either way round, so each value is ``max(AUROC, 1 - AUROC)``, never below 0.5.

    Returns
    -------
    dict
        ``measure``, one value or None per feature, and ``best`` (``{"feature", "auroc"}`` or None).
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


def _grey(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    values = picture.astype(np.float32)
    return values if values.ndim == 2 else values[..., :3] @ np.array([0.299, 0.587, 0.114], np.float32)
