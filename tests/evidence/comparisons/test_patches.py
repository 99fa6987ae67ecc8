"""An odd picture among, or against, normal ones."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from looktwice.core.tokens import Tokens
from looktwice.evidence.comparisons.patch_features import PatchFeatures
from looktwice.evidence.comparisons.patches import References, compare_cohort
from looktwice.evidence.self_reference_maps import FeatureLevel

SIDE = 6
ODD = (2, 4)


def pictures(count: int, seed: int, odd: int | None = None) -> Tokens:
    """Views of one layout with noise; a view `odd` has a strange patch around ``ODD``."""
    layout = torch.randn(1, 8, SIDE, SIDE, generator=torch.Generator().manual_seed(99))
    noise = torch.randn(count, 8, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))
    fields = layout + 0.1 * noise
    fields[:, 7] *= 0.1  # a direction that only the strange patch takes
    if odd is not None:
        row, column = ODD
        fields[odd, :, row - 1 : row + 2, column - 1 : column + 2] *= 0.1
        fields[odd, 7, row - 1 : row + 2, column - 1 : column + 2] += 5
    level: Tensor = fields.flatten(2).transpose(1, 2)
    return Tokens(level, [level], (SIDE, SIDE))


def described(count: int, seed: int, odd: int | None = None) -> PatchFeatures:
    return PatchFeatures.of(pictures(count, seed, odd), [FeatureLevel(0, 3)])


def test_an_odd_picture_is_ranked_first_against_references_and_its_patch_is_found():
    references = References(described(5, seed=0))
    maps, logits = references.compare(described(6, seed=1, odd=3))
    assert maps.shape == (6, SIDE, SIDE)
    assert int(logits.argmax()) == 3
    assert logits[3] > 0
    assert divmod(int(maps[3].argmax()), SIDE) == ODD


def test_most_pictures_like_the_references_are_called_normal():
    _, logits = References(described(8, seed=0)).compare(described(24, seed=1))
    assert (logits < 0).float().mean() >= 0.75


def test_a_faint_change_of_the_whole_picture_counts_where_normal_ones_are_much_alike():
    references = References(described(8, seed=0))
    changed = pictures(6, seed=1)
    for level in changed.levels:
        level += 0.05 * torch.randn(level.shape, generator=torch.Generator().manual_seed(5))
    _, normal = references.compare(described(6, seed=1))
    _, logits = references.compare(PatchFeatures.of(changed, [FeatureLevel(0, 3)]))
    assert logits.mean() > normal.mean() + 0.5


def test_a_picture_is_scored_alike_whatever_comes_with_it():
    references = References(described(4, seed=0))
    batch = described(5, seed=2)
    maps, logits = references.compare(batch)
    alone = batch.rows([2])
    torch.testing.assert_close(references.compare(alone)[0], maps[2:3])
    torch.testing.assert_close(references.compare(alone)[1], logits[2:3])


@pytest.mark.parametrize("count", [6, 15])
def test_the_odd_picture_of_a_cohort_is_ranked_first(count):
    maps, logits = compare_cohort(described(count, seed=3, odd=4))
    assert maps.shape == (count, SIDE, SIDE)
    assert logits.shape == (count,)
    assert int(logits.argmax()) == 4
    assert logits[4] > 0
    assert divmod(int(maps[4].argmax()), SIDE) == ODD
    assert logits.median() < 0


def test_a_cohort_of_copies_has_nothing_odd():
    one = described(1, seed=0)
    same = one.rows([0] * 5)
    maps, logits = compare_cohort(same)
    assert maps.isfinite().all()
    assert (logits < 0).all()


def test_batches_are_joined_in_order():
    parts = [described(2, seed=0), described(3, seed=1)]
    joined = PatchFeatures.concatenate(parts)
    assert joined.fields[0].shape == (5, SIDE, SIDE, 8)
    assert torch.equal(joined.fields[0][2:], parts[1].fields[0])
    assert torch.equal(joined.global_descriptor[2:], parts[1].global_descriptor)


def test_coarse_fields_have_half_the_grid_and_their_maps_cover_the_same_picture():
    tokens = pictures(6, seed=1, odd=3)
    fields = {"fine": [FeatureLevel(0, 1)], "coarse": [FeatureLevel(0, 3)]}
    kept = PatchFeatures.of(tokens, **fields)
    assert [field.shape[1:3] for field in kept.fields] == [(6, 6), (3, 3)]
    maps, logits = References(PatchFeatures.of(pictures(5, seed=0), **fields)).compare(kept)
    assert maps.shape == (6, SIDE, SIDE)
    assert int(logits.argmax()) == 3
    row, column = divmod(int(maps[3].argmax()), SIDE)
    assert max(abs(row - ODD[0]), abs(column - ODD[1])) <= 1
