"""Training pictures of the adapted encoder: labels tell the truth, crops included, and draws repeat."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from looktwice.datasets.sample import Sample
from looktwice.training.corpus import Source
from looktwice.training.pool import PictureSource, Pool

SIDE = 56


@pytest.fixture
def plates(tmp_path: Path) -> Source:
    """Grey plates, and plates with a white square that a mask outlines."""
    rng = np.random.default_rng(0)
    source = Source("plates")
    for number in range(4):
        plate = rng.integers(90, 110, (80, 120, 3), np.uint8)
        Image.fromarray(plate).save(tmp_path / f"good{number}.png")
        source.normals.append(tmp_path / f"good{number}.png")
        mask = np.zeros((80, 120), bool)
        mask[20:36, 10 + 20 * number : 26 + 20 * number] = True
        plate[mask] = 255
        Image.fromarray(plate).save(tmp_path / f"bad{number}.png")
        Image.fromarray(mask.astype(np.uint8) * 255).save(tmp_path / f"bad{number}_mask.png")
        source.anomalies.append(
            Sample(tmp_path / f"bad{number}.png", 1, tmp_path / f"bad{number}_mask.png", "p", "spot", "test", None, "p")
        )
    return source


def drawn(source: Source, count: int = 60):
    return list(PictureSource(source, SIDE, [source]).draw(count, np.random.default_rng(1)))


def test_half_is_normal_and_pictures_have_one_size(plates):
    pictures = drawn(plates)
    assert [one.label for one in pictures] == [0, 1] * 30
    assert {one.image.shape for one in pictures} == {(SIDE, SIDE, 3)}
    assert {one.mask.shape for one in pictures} == {(SIDE, SIDE)}


def test_the_mask_follows_rotations_mirrors_and_crops(plates):
    plates.normals.clear()  # so that all anomalies are real ones
    found = [one for one in drawn(plates) if one.label]
    assert found
    for one in found:
        grey = one.image.mean(axis=2)
        assert grey[one.mask].mean() > grey[~one.mask].mean() + 40


def test_without_normal_pictures_crops_beside_the_anomaly_are_normal(plates):
    plates.normals.clear()
    normal = [one for one in drawn(plates) if not one.label]
    assert len(normal) > 20
    # A white square would lift the brightest pixels far above the plate.
    assert max(float(np.ptp(one.image.mean(axis=2))) for one in normal) < 60
    assert not any(one.mask.any() for one in normal)


def test_a_set_whose_anomalies_have_no_masks_is_never_cropped(plates):
    halves = [Sample(one.path, 1, None, "p", "spot", "test", None, "p") for one in plates.anomalies]
    for path in plates.normals:
        picture = np.asarray(Image.open(path)).copy()
        picture[:, :8] = 0  # a black edge, which a crop would mostly lose
        Image.fromarray(picture).save(path)
    plates.anomalies = halves
    normal = [one for one in drawn(plates) if not one.label]
    assert all((one.image.mean(axis=2) < 60).any() for one in normal)
    known = [one for one in drawn(plates) if one.label and one.mask is None]
    assert known, "real anomalies without a mask are used, their place unknown"


def test_the_same_seed_draws_the_same(plates):
    for one, other in zip(drawn(plates, 12), drawn(plates, 12), strict=True):
        np.testing.assert_array_equal(one.image, other.image)


def test_a_pool_survives_the_disk(tmp_path):
    pool = Pool(torch.rand(3, 5, 8).half(), torch.rand(3), torch.rand(3, 2, 2), torch.ones(3), ["a", "a", "b"])
    pool.save(tmp_path / "größe" / "pool.pt")
    again = Pool.load(tmp_path / "größe" / "pool.pt")
    torch.testing.assert_close(again.hidden, pool.hidden)
    assert again.sources == pool.sources
    assert len(Pool.join([pool, again])) == 6
