"""Fields with and without room for anomalies, and what deviations say."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from looktwice.evidence.comparisons.level_weights import Normal, mean_and_spread, median_and_spread
from looktwice.evidence.settings import DEFAULTS

SIDE = 12


def log_distances(count: int, middle: float, spread: float, seed: int) -> Tensor:
    """Maps of normal pictures, (V, h, w)."""
    generator = torch.Generator().manual_seed(seed)
    return middle + spread * torch.randn(count, SIDE, SIDE, generator=generator)


def two_fields(count: int, seed: int) -> list[Tensor]:
    """A field in which normal tokens lie close to what is known, and one in which they lie as far as anything can."""
    return [log_distances(count, -2.0, 0.2, seed), log_distances(count, 0.0, 0.2, seed + 1)]


FAR = [torch.zeros(50), torch.zeros(50)]


@pytest.fixture
def normal() -> Normal:
    return Normal.of(two_fields(8, seed=0), (True, True), FAR, mean_and_spread)


def test_a_field_in_which_everything_is_new_counts_for_nothing(normal):
    plain, hopeless = normal.weights
    assert plain > 1e4 * hopeless
    # Peak and the first field's mean can show an anomaly; the second's mean cannot.
    assert normal.effect_sizes[0] > 0
    assert normal.effect_sizes[1] > 0
    assert float(normal.effect_sizes[2]) == pytest.approx(0, abs=0.05)


def test_how_much_a_few_pictures_happen_to_differ_does_not_move_the_weights():
    alike, unlike = (torch.full((8, SIDE, SIDE), -2.0) for _ in range(2))
    unlike += torch.linspace(-0.2, 0.2, 8)[:, None, None]
    weights = Normal.of([alike, unlike], (True, True), FAR, mean_and_spread).weights
    assert weights[0] == pytest.approx(weights[1], rel=1e-3)


def test_a_field_with_more_room_weighs_more_but_not_without_end():
    maps = [torch.full((8, SIDE, SIDE), -room) for room in (0.1, 0.2, 0.5, 2.0)]
    some, more, much, most = Normal.of(maps, (True,) * 4, FAR * 2, mean_and_spread).weights
    assert some < more / 4 < much / 8
    assert much == most


def test_a_flaw_is_seen_in_the_field_with_room_and_chance_in_the_other_is_not(normal):
    maps = two_fields(3, seed=10)
    maps[0][1, 4:6, 4:6] = -0.5
    maps[1][2, 4:6, 4:6] = 1.5
    places, evidence = normal.judge(maps)
    assert int(evidence.argmax()) == 1
    assert evidence[1] > 2
    assert evidence[2] < 1
    assert divmod(int(places[1].argmax()), SIDE) in {(4, 4), (4, 5), (5, 4), (5, 5)}


def test_a_shift_of_the_whole_picture_is_evidence(normal):
    maps = two_fields(2, seed=10)
    maps[0][1] += 0.3
    usual, shifted = normal.judge(maps)[1].tolist()
    assert shifted > usual + 1


def test_what_is_amiss_at_one_place_in_two_fields_exceeds_chance_at_two_places():
    fields = [log_distances(8, -2.0, 0.2, seed) for seed in (0, 1)]
    normal = Normal.of(fields, (False, True), FAR, mean_and_spread)
    maps = [log_distances(2, -2.0, 0.2, seed) for seed in (10, 11)]
    maps[0][:, 3, 3] = -1.0
    maps[1][0, 3, 3] = -1.0
    maps[1][1, 9, 9] = -1.0
    together, apart = normal.judge(maps)[1].tolist()
    assert together > apart + 0.5


def test_without_unrelated_things_all_fields_count_alike():
    normal = Normal.of(two_fields(8, seed=0), (True, True), None, mean_and_spread)
    assert normal.weights == (1.0, 1.0)
    assert normal.effect_sizes.tolist() == [DEFAULTS.level_weights.largest_effect] * 3


def test_an_anomalous_minority_hardly_moves_what_is_normal_in_a_cohort():
    sound = two_fields(20, seed=0)
    mixed = [one.clone() for one in sound]
    mixed[0][:4] += 1.0
    clean, spoilt = (Normal.of(maps, (False, True), FAR, median_and_spread) for maps in (sound, mixed))
    evidence = spoilt.judge(mixed)[1]
    assert evidence[:4].min() > evidence[4:].max()
    torch.testing.assert_close(spoilt.pictures.middle[1], clean.pictures.middle[1], atol=0.3, rtol=0)


def test_copies_are_finite_and_nothing_odd():
    maps = [one.expand(5, SIDE, SIDE) for one in two_fields(1, seed=0)]
    normal = Normal.of(maps, (True, True), FAR, median_and_spread)
    places, evidence = normal.judge(maps)
    assert places.isfinite().all()
    assert (evidence <= 0).all()


@given(st.floats(-3, 3), st.integers(0, 5))
def test_evidence_rises_with_the_worst_place(level, seed):
    normal = Normal.of(two_fields(8, seed=0), (True, True), FAR, mean_and_spread)
    maps = two_fields(1, seed=20 + seed)
    higher = [maps[0].clone(), maps[1]]
    worst = maps[0].flatten().argmax()
    higher[0].view(-1)[worst] += abs(level)
    assert normal.judge(higher)[1] >= normal.judge(maps)[1] - 1e-5
