"""Scans in TIFF with masks on their pixel grid: points are compared with pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from looktwice.core.errors import InputError
from looktwice.datasets.sample import Sample
from looktwice.evaluation.truth import align, is_picture


def scan(mask: Path | None) -> Sample:
    return Sample(Path("xyz/000.tiff"), int(mask is not None), mask, "bagel", "hole", "test", None, "mvtec-3d-ad")


def test_the_mask_of_an_organised_scan_is_laid_on_its_points(tmp_path):
    marked = np.zeros((4, 6), np.uint8)
    marked[1, 2:4] = 255
    Image.fromarray(marked).save(tmp_path / "000.png")
    scores = np.linspace(0, 1, 24)
    heat, mask = align(scan(tmp_path / "000.png"), scores, (24,))
    assert np.flatnonzero(mask).tolist() == [8, 9]
    assert heat is scores
    assert not is_picture(Path("xyz/000.tiff"), scores)


def test_a_sound_scan_has_no_marked_point():
    _, mask = align(scan(None), np.zeros(24), (24,))
    assert mask.shape == (24,)
    assert not mask.any()


def test_a_mask_of_another_size_is_an_error(tmp_path):
    Image.fromarray(np.zeros((4, 5), np.uint8)).save(tmp_path / "000.png")
    with pytest.raises(InputError, match="24"):
        align(scan(tmp_path / "000.png"), np.zeros(24), (24,))
