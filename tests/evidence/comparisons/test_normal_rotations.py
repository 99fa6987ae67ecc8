"""Turned references count as normal where turning changes nothing of the material, and only there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from looktwice.core.tokens import Tokens
from looktwice.evidence.comparisons.normal_rotations import TURNS, normal_turns, turn
from looktwice.evidence.comparisons.patch_features import PatchFeatures
from looktwice.evidence.self_reference_maps import FeatureLevel
from looktwice.evidence.settings import DEFAULTS

CELLS = 12


def describe(pictures: Sequence[np.ndarray]) -> PatchFeatures:
    """Describe pictures by 4 × 4 pixel patches as tokens."""
    patches = torch.from_numpy(np.stack([one[..., 0] for one in pictures])).float() / 255 - 0.5
    tokens = patches.unfold(1, 4, 4).unfold(2, 4, 4).flatten(3).flatten(1, 2) + 1e-3
    return PatchFeatures.of(Tokens(tokens, [tokens], (CELLS, CELLS)), [FeatureLevel(0, 1)])


def picture(cells: np.ndarray) -> np.ndarray:
    return np.repeat(np.kron(cells, np.ones((1, 1), np.uint8))[..., None], 3, axis=2).astype(np.uint8)


def strewn(count: int) -> list[np.ndarray]:
    """Patterns without any direction."""
    rng = np.random.default_rng(0)
    return [picture(rng.integers(0, 256, (4 * CELLS, 4 * CELLS))) for _ in range(count)]


def woven(count: int) -> list[np.ndarray]:
    """Stripes across, of many phases, dark above and bright below: no turn but the left-right mirror keeps them."""
    rng = np.random.default_rng(1)
    ramp = np.tile(np.array([0, 60, 150, 255]), CELLS)[:, None]
    return [picture(np.clip(ramp + rng.integers(-6, 7, (4 * CELLS, 4 * CELLS)), 0, 255)) for _ in range(count)]


@pytest.mark.parametrize("count", [2, DEFAULTS.rotations.num_tried, 6])
def test_what_is_strewn_is_normal_in_every_orientation(count):
    pictures = strewn(count)

    kept = normal_turns(pictures, describe(pictures), describe)

    assert len(kept) == len(TURNS) == 7
    assert all(len(one.global_descriptor) == count for one in kept)
    last = [turn(one, *TURNS[-1]) for one in pictures]
    torch.testing.assert_close(kept[-1].fields[0], describe(last).fields[0])


def test_of_a_weave_only_the_mirror_image_is_normal():
    pictures = woven(5)

    kept = normal_turns(pictures, describe(pictures), describe)

    assert len(kept) == 1
    torch.testing.assert_close(kept[0].fields[0], describe([one[:, ::-1] for one in pictures]).fields[0])


def test_orientations_are_all_different():
    corner = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    seen = {turn(corner, *one).tobytes() for one in TURNS} | {corner.tobytes()}
    assert len(seen) == 8
