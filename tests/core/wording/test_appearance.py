from __future__ import annotations

import numpy as np
import pytest
from skimage.draw import disk, polygon

from looktwice.core.wording.appearance import measure

RNG = np.random.default_rng(0)


def plate() -> np.ndarray:
    return RNG.normal(150, 4, (100, 100, 3)).clip(0, 255).astype(np.uint8)


def marked(rows, columns) -> np.ndarray:
    mask = np.zeros((100, 100), bool)
    mask[rows, columns] = True
    return mask


def test_a_dark_round_spot():
    mask = marked(*disk((20, 80), 8))
    image = plate()
    image[mask] = 60
    seen = measure(mask, image)
    assert (seen.place, seen.shape, seen.contrast, seen.size, seen.severity) == (
        "top right",
        "round",
        "darker",
        "medium-sized",
        "moderate",
    )
    assert seen.share == pytest.approx(np.pi * 64 / 10_000, rel=0.05)


def test_a_bright_scratch():
    mask = marked(slice(50, 52), slice(10, 90))
    image = plate()
    image[mask] = 230
    seen = measure(mask, image)
    assert (seen.place, seen.shape, seen.contrast) == ("center", "elongated", "brighter")


def test_a_rough_patch_of_equal_brightness():
    mask = marked(slice(60, 80), slice(60, 80))
    image = plate()
    image[mask] = RNG.normal(150, 30, (400, 3)).clip(0, 255).astype(np.uint8)
    assert measure(mask, image).contrast == "rougher"


def test_what_differs_in_nothing_has_no_contrast():
    assert measure(marked(slice(60, 80), slice(60, 80)), plate()).contrast is None


def test_a_star_is_irregular_and_several_parts_are_counted():
    angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    radius = np.where(np.arange(12) % 2, 8, 28)
    mask = marked(*polygon(45 + radius * np.sin(angles), 45 + radius * np.cos(angles)))
    assert measure(mask, plate()).shape == "irregular"
    mask[80:90, 80:90] = True
    mask[2, 2] = True  # a single pixel is no part
    assert measure(mask, plate()).parts == 2


def test_the_whole_picture_has_no_surroundings():
    seen = measure(np.ones((100, 100), bool), plate())
    assert (seen.contrast, seen.size, seen.severity) == (None, "very large", "severe")


def test_an_empty_mask_and_another_size_are_refused():
    with pytest.raises(ValueError, match="empty"):
        measure(np.zeros((100, 100), bool), plate())
    with pytest.raises(ValueError, match="differ"):
        measure(np.ones((10, 10), bool), plate())
