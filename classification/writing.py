"""Files of a classification: the contour as it was shown, at native size too, and the record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PIL import Image

from looktwice.classification.classifier import Classification
from looktwice.classification.contour import draw_contour, shown
from looktwice.core.atomic import atomic_path
from looktwice.core.result import finite
from looktwice.core.study import ByteArray


def write_classification(found: Classification, record: dict[str, Any], folder: Path) -> dict[str, str]:
    """Write the pictures and the record of one study.

    Parameters
    ----------
    found : Classification
    record : dict
        Its JSON object, to which the names of the files are added.
    folder : Path
        Made where it does not exist.

    Returns
    -------
    dict
        Name of each file written, relative to `folder`. Contours have their kind in their name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    artifacts: dict[str, str] = {}
    specimen = found.detection.specimen
    exposures = () if specimen is None else specimen.exposures
    for number, exposure in enumerate(exposures, 1):
        assert specimen is not None
        ending = "" if len(exposures) == 1 else f"-{number}"
        pictures = {
            f"contour_{specimen.contours.value}{ending}": draw_contour(exposure.image, exposure.mask),
            f"shown_{specimen.contours.value}{ending}": shown(exposure.image, exposure.mask),
        }
        for name, picture in pictures.items():
            artifacts[name] = _write_picture(picture, folder / f"{name}.png")
    artifacts["json"] = "classification.json"
    write_json({**record, "artifacts": artifacts}, folder / "classification.json")
    return artifacts


def write_json(record: dict[str, Any], path: Path) -> None:
    """Write one JSON object, whole or not at all; the folder is made where it does not exist."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(finite(record), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _write_picture(picture: ByteArray, path: Path) -> str:
    with atomic_path(path) as temporary:
        Image.fromarray(picture).save(temporary)
    return path.name
