"""A photograph alone: what Look-Twice says, and how unlike the rest of the picture each place is."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from looktwice.evidence.encoding import encode_photographs
from looktwice.evidence.ltfm import Judged, judge
from looktwice.evidence.settings import PhotographSettings

SETTINGS = PhotographSettings(rare_share=0.25, rarity_weight=2.0, place_rarity_weight=3.0)


def test_rare_places_count_beside_what_look_twice_says():
    judged = Judged(torch.ones(2, 2), 1.5, torch.zeros(8), torch.tensor([[0.0, 0.0], [0.0, 4.0]]))
    assert judged.raw(SETTINGS) == pytest.approx(1.5 + 2 * 4.0)
    assert judged.raw_places(SETTINGS).flatten().tolist() == [1.0, 1.0, 1.0, 13.0]


def test_how_rare_everything_is_changes_no_place():
    """A picture of many things has no place that stands out."""
    places, rarity = torch.randn(3, 3), torch.randn(3, 3)
    one, other = (Judged(places, 0.0, torch.zeros(8), rarity + shift).raw_places() for shift in (0.0, 5.0))
    torch.testing.assert_close(one, other)


def test_what_occurs_once_is_rarest(expert):
    """One square of noise on a plain picture."""
    picture = np.full((256, 256, 3), 120, np.uint8)
    picture[160:192, 64:96] = np.random.default_rng(0).integers(0, 255, (32, 32, 3))
    [judged] = judge(encode_photographs(expert, [picture]), expert)
    side = judged.rarity.shape[0]
    row, column = divmod(int(judged.rarity.argmax()), side)
    assert abs((row + 0.5) / side - 176 / 256) < 0.13
    assert abs((column + 0.5) / side - 80 / 256) < 0.13
