"""Photographs beside normal ones, and beside each other."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from looktwice.core.calibration import logit
from looktwice.core.errors import UsageError
from looktwice.encoders.registry import create_encoder
from looktwice.evidence.expert import EncoderPass, Expert, ExpertConfig, build_expert
from looktwice.evidence.references.photographs import (
    OWN_WEIGHT,
    PhotographReferences,
    open_photographs,
    photographs_of,
    see_cohort,
)
from looktwice.evidence.self_reference.maps import FeatureLevel


@pytest.fixture
def expert(tiny_encoder: str) -> Expert:
    """An expert whose own heads say the same of everything, so that comparisons decide."""
    config = ExpertConfig(
        tiny_encoder,
        {},
        8,
        feature_levels=(FeatureLevel(1, 3),),
        passes=(EncoderPass("", {}, (FeatureLevel(1, 1), FeatureLevel(2, 1), FeatureLevel(3, 1))),),
    )
    torch.manual_seed(0)
    expert = build_expert(create_encoder(tiny_encoder), config)
    for head in (expert.photo_fusion.map_probe, expert.photo_fusion.view_probe):
        torch.nn.init.zeros_(head.linear.weight)
        torch.nn.init.zeros_(head.linear.bias)
    return expert


def pictures(count: int, seed: int, odd: int | None = None) -> list[np.ndarray]:
    """One pattern with a little noise; a picture `odd` has a bright square at rows 32–48, columns 80–96."""
    pattern = np.random.default_rng(9).integers(60, 160, (128, 128, 3))
    made = []
    for number in range(count):
        noise = np.random.default_rng(seed + number).normal(0, 4, pattern.shape)
        picture = np.clip(pattern + noise, 0, 255).astype(np.uint8)
        if number == odd:
            picture[32:48, 80:96] = 255
        made.append(picture)
    return made


def assert_third_is_odd(sightings, source: str) -> None:
    scores = [sighting.score for sighting in sightings]
    assert int(np.argmax(scores)) == 2
    assert sightings[2].sources[source] == pytest.approx(scores[2], abs=1e-6)
    row, column = np.unravel_index(sightings[2].maps[0].argmax(), sightings[2].maps[0].shape)
    assert 32 <= (row + 0.5) * 8 <= 48
    assert 80 <= (column + 0.5) * 8 <= 96


def test_references_find_the_odd_picture_and_its_place(expert):
    references = PhotographReferences(expert, pictures(6, seed=100))
    sightings = references.see(pictures(5, seed=200, odd=2))
    assert_third_is_odd(sightings, "references")
    assert sightings[2].score > 0.5
    alone = references.see(pictures(5, seed=200, odd=2)[2:3])[0]
    assert alone.score == pytest.approx(sightings[2].score, abs=1e-4)


def test_a_cohort_finds_its_odd_member_across_batches(expert):
    sightings = see_cohort(expert, iter(pictures(20, seed=300, odd=2)))
    assert len(sightings) == 20
    assert_third_is_odd(sightings, "cohort")


def test_the_pictures_own_evidence_counts_too(expert):
    references = PhotographReferences(expert, pictures(6, seed=100))
    before = references.see(pictures(1, seed=200))[0]
    expert.photo_fusion.view_probe.linear.bias.data.fill_(2.0)
    after = references.see(pictures(1, seed=200))[0]
    assert after.sources["references"] == pytest.approx(before.sources["references"], abs=1e-6)
    assert logit(after.score) - logit(before.score) == pytest.approx(2 * OWN_WEIGHT, abs=1e-3)


def test_what_all_of_a_material_shows_by_itself_does_not_count_against_it(expert):
    queries = pictures(5, seed=200, odd=2)
    plain = PhotographReferences(expert, pictures(6, seed=100)).see(queries)
    for head in (expert.photo_fusion.view_probe, expert.photo_fusion.map_probe):
        head.linear.bias.data.fill_(2.0)
    alarming = PhotographReferences(expert, pictures(6, seed=100)).see(queries)
    for one, other in zip(plain, alarming, strict=True):
        assert one.score == pytest.approx(other.score, abs=1e-4)
        np.testing.assert_allclose(one.maps, other.maps, atol=1e-4)


def test_too_few_to_compare_with_is_said(expert):
    with pytest.raises(UsageError, match="at least 2 references"):
        PhotographReferences(expert, pictures(1, seed=0))
    with pytest.raises(UsageError, match="at least 3 photographs"):
        see_cohort(expert, pictures(2, seed=0))


def test_what_is_no_photograph_is_refused_as_a_reference_and_passed_over_in_a_cohort(tmp_path):
    good, broken, cloud = tmp_path / "good one.png", tmp_path / "broken.png", tmp_path / "cloud.xyz"
    Image.fromarray(pictures(1, seed=0)[0]).save(good)
    broken.write_bytes(good.read_bytes()[:60])
    np.savetxt(cloud, np.random.default_rng(0).random((50, 3)))
    for path in (broken, cloud, tmp_path / "missing.png"):
        with pytest.raises(UsageError):
            open_photographs([good, path])
    readable: list = []
    assert len(list(photographs_of([broken, good, cloud], readable))) == 1
    assert readable == [good]
