"""Flaws found by what outlined examples look like."""

from __future__ import annotations

import numpy as np
import pytest

from looktwice.classification.detection import Detector
from looktwice.classification.taught import TaughtFlaws
from looktwice.datasets.masks import read_mask


@pytest.fixture
def taught(inspector, parts):
    normal = [parts.plate(seed) for seed in range(8)]
    flawed = [(parts.plate(20 + n, 10, at), parts.disc(at)) for n, at in enumerate([(16, 16), (40, 24), (30, 48)])]
    return TaughtFlaws(inspector.expert, normal, flawed)


@pytest.mark.parametrize("at", [(20, 44), (46, 46)])
def test_what_looks_like_an_example_is_found_where_it_lies(taught, parts, at):
    found = taught.find(parts.plate(90, 10, at))
    assert found.logit > 0
    row, column = np.unravel_index(found.heat.argmax(), found.heat.shape)
    scale = 64 / found.heat.shape[0]
    assert abs((row + 0.5) * scale - at[0]) < 10
    assert abs((column + 0.5) * scale - at[1]) < 10


def test_normal_material_is_not_taken_for_an_example(taught, parts):
    normal = [taught.find(parts.plate(seed)) for seed in range(100, 108)]
    flawed = [taught.find(parts.plate(seed, 10)) for seed in range(200, 204)]
    assert max(one.logit for one in normal) < min(one.logit for one in flawed)
    assert np.median([one.logit for one in normal]) < 0
    assert np.mean([(one.heat < 0.5).mean() for one in normal]) > 0.9


def test_a_detector_looks_for_what_it_was_taught(inspector, plates, parts):
    detector = Detector(inspector, sorted((plates / "train" / "good").iterdir()))
    path = sorted((plates / "test" / "pit").iterdir())[0]
    before = detector.look(path, certain=True)
    detector.teach([(parts.plate(70 + n, 10, at), parts.disc(at)) for n, at in enumerate([(16, 16), (30, 48)])])
    after = detector.look(path, certain=True)
    assert after.score >= before.score
    assert after.score > 0.5
    truth = read_mask(plates / "ground_truth" / "pit" / f"{path.stem}_mask.png")
    mask = after.specimen.exposures[0].mask
    assert (mask & truth).sum() / (mask | truth).sum() > 0.2
