from __future__ import annotations

import numpy as np
import pytest

from looktwice.datasets.synthesis.volumes import Anatomy
from looktwice.datasets.synthesis.volumes.contrast import SEQUENCES, change_sequence

LEVELS = (30.0, 80.0, 110.0)


@pytest.mark.parametrize("name", sorted(SEQUENCES))
def test_tissues_take_the_order_of_the_sequence(name):
    volume = np.zeros((30, 30, 30), np.float32)
    volume[2:28, 2:28, 2:28] = 80
    volume[5:15, 5:25, 5:25] = 110
    volume[20:25, 8:22, 8:22] = 30
    noisy = np.where(volume > 0, volume + np.random.default_rng(0).normal(0, 1, volume.shape), 0).astype(np.float32)
    anatomy = Anatomy.of(noisy, (3.0, 3.0, 3.0), volume > 0)

    shown = change_sequence(np.random.default_rng(1), anatomy, LEVELS, SEQUENCES[name]).volume
    means = {level: float(shown[volume == level].mean()) for level in LEVELS}
    sequence = SEQUENCES[name]
    by_brightness = sorted(zip((sequence.fluid, sequence.grey, sequence.white), LEVELS, strict=True))

    assert shown[volume == 0].max() == 0
    darkest, brightest = by_brightness[0][1], by_brightness[-1][1]
    assert means[darkest] < means[brightest]
