from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from looktwice.core.errors import InputError
from looktwice.datasets.sample import Sample
from looktwice.evaluation.truth import align, image_size, read_picture


def sample_of(path, mask=None, label=1):
    return Sample(path, label, mask, "tile", "crack" if label else "good", "test", None, "tiles")


@pytest.fixture
def masked(tmp_path):
    """A picture 40 high and 80 wide, anomalous in its upper left quarter."""
    Image.new("L", (80, 40)).save(tmp_path / "a.png")
    mask = np.zeros((40, 80), np.uint8)
    mask[:20, :40] = 1
    Image.fromarray(mask).save(tmp_path / "a_mask.png")
    return sample_of(tmp_path / "a.png", tmp_path / "a_mask.png")


@pytest.mark.parametrize(("side", "grid"), [(0, (40, 80)), (512, (40, 80)), (80, (40, 80)), (20, (10, 20))])
def test_grid_is_the_masks_own_up_to_the_longest_side(masked, side, grid):
    scores, mask = align(masked, np.zeros((7, 7), np.float32), (40, 80), side)
    assert scores.shape == mask.shape == grid
    expected = np.zeros(grid, bool)
    expected[: grid[0] // 2, : grid[1] // 2] = True
    np.testing.assert_array_equal(mask, expected)


def test_a_coarse_map_covers_the_full_extent(masked):
    heatmap = np.array([[1, 0], [0, 0]], np.float32)
    scores, mask = align(masked, heatmap, (40, 80))
    assert scores[mask].mean() > 0.7
    assert scores[:10, :20].min() == 1.0
    assert scores[30:, 60:].max() == 0.0


def test_normal_samples_are_normal_everywhere_and_unknown_places_nowhere(masked):
    _, mask = align(sample_of(masked.path, label=0), np.zeros((2, 2), np.float32), (40, 80))
    assert mask.shape == (40, 80)
    assert not mask.any()
    assert align(sample_of(masked.path), np.zeros((2, 2), np.float32), (40, 80)) is None


def test_mismatches_are_refused(masked):
    with pytest.raises(InputError, match="40×80"):
        align(masked, np.zeros((2, 2), np.float32), (41, 80))
    with pytest.raises(InputError, match="does not fit"):
        align(masked, np.zeros((2, 2, 2), np.float32), (40, 80))


def test_turned_pictures_have_the_size_that_is_shown(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (30, 10)).save(tmp_path / "turned.jpg", exif=exif)
    assert image_size(tmp_path / "turned.jpg") == (30, 10)
    assert read_picture(tmp_path / "turned.jpg").shape == (30, 10, 3)


def test_files_that_are_no_pictures(tmp_path):
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    for read in (image_size, read_picture):
        with pytest.raises(InputError, match="cannot be read as an image"):
            read(tmp_path / "a.png")
