"""Photographs compared with normal ones, and with each other."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import expit

from looktwice.core.errors import UsageError
from looktwice.core.fuse import counting
from looktwice.encoders.registry import create_encoder
from looktwice.evidence.base import Context
from looktwice.evidence.comparisons.comparisons import cohort_of, references_of
from looktwice.evidence.config import EncoderPass, ExpertConfig
from looktwice.evidence.expert import Expert, build_expert
from looktwice.evidence.self_reference_maps import FeatureLevel
from looktwice.evidence.sources import find_evidence

from ...made_studies import PictureStudy


@pytest.fixture
def expert(tiny_encoder: str) -> Expert:
    """An expert whose own probes say the same of everything, so that comparisons decide."""
    config = ExpertConfig(
        tiny_encoder,
        {},
        8,
        feature_levels=(FeatureLevel(1, 3),),
        passes=(EncoderPass("", {}, (FeatureLevel(1, 1), FeatureLevel(2, 1), FeatureLevel(3, 1))),),
    )
    torch.manual_seed(0)
    expert = build_expert(create_encoder(tiny_encoder), config)
    for probe in (expert.photo_fusion.map_probe, expert.photo_fusion.view_probe):
        torch.nn.init.zeros_(probe.linear.weight)
        torch.nn.init.zeros_(probe.linear.bias)
    return expert


def pictures(count: int, seed: int, odd: int | None = None) -> list[PictureStudy]:
    """One pattern with a little noise; a picture `odd` has a bright square at rows 32–48, columns 80–96."""
    pattern = np.random.default_rng(9).integers(60, 160, (128, 128, 3))
    made = []
    for number in range(count):
        noise = np.random.default_rng(seed + number).normal(0, 4, pattern.shape)
        picture = np.clip(pattern + noise, 0, 255).astype(np.uint8)
        if number == odd:
            picture[32:48, 80:96] = 255
        made.append(PictureStudy([picture], "image", name=f"{seed}-{number}.png"))
    return made


def look(studies: list[PictureStudy], context: Context) -> list[dict]:
    return [{one.name: one for one in findings} for findings, _ in find_evidence(studies, context)]


def total(found: dict) -> float:
    [one] = counting(list(found.values()))
    return one.logit


def assert_third_is_odd(found: list[dict], source: str) -> None:
    assert int(np.argmax([total(one) for one in found])) == 2
    places = found[2][source].heat.maps[0]
    row, column = np.unravel_index(places.argmax(), places.shape)
    assert 32 <= (row + 0.5) * 8 <= 48
    assert 80 <= (column + 0.5) * 8 <= 96


def test_references_find_the_odd_picture_and_its_place(expert):
    context = Context(expert, references=references_of(expert, pictures(6, seed=100)))
    found = look(pictures(5, seed=200, odd=2), context)
    assert_third_is_odd(found, "references")
    assert expit(total(found[2])) > 0.5
    [alone] = look(pictures(5, seed=200, odd=2)[2:3], context)
    assert total(alone) == pytest.approx(total(found[2]), abs=1e-3)


def test_a_cohort_finds_its_odd_member_and_encodes_it_once(expert, monkeypatch):
    members = pictures(20, seed=300, odd=2)
    cohort = cohort_of(expert, iter(members))
    monkeypatch.setattr(expert.encoder, "encode", None)  # nothing is left to encode
    found = look(members, Context(expert, cohort=cohort))
    assert len(found) == 20
    assert_third_is_odd(found, "cohort")


def test_the_pictures_own_evidence_counts_too(expert):
    context = Context(expert, references=references_of(expert, pictures(6, seed=100)))
    [before] = look(pictures(1, seed=200), context)
    expert.photo_fusion.view_probe.linear.bias.data.fill_(2.0)
    [after] = look(pictures(1, seed=200), context)
    assert total(after) - total(before) == pytest.approx(2 * expert.config.settings.photographs.own_weight, abs=1e-3)


def test_what_all_of_a_material_shows_alone_does_not_count_against_it(expert):
    queries = pictures(5, seed=200, odd=2)
    plain = look(queries, Context(expert, references=references_of(expert, pictures(6, seed=100))))
    for probe in (expert.photo_fusion.view_probe, expert.photo_fusion.map_probe):
        probe.linear.bias.data.fill_(2.0)
    alarming = look(queries, Context(expert, references=references_of(expert, pictures(6, seed=100))))
    for one, other in zip(plain, alarming, strict=True):
        assert total(one) == pytest.approx(total(other), abs=1e-3)
        np.testing.assert_allclose(one["references"].heat.maps, other["references"].heat.maps, atol=1e-4)


def test_too_few_to_compare_with_is_said(expert):
    with pytest.raises(UsageError, match="at least 2 references"):
        references_of(expert, pictures(1, seed=0))
    with pytest.raises(UsageError, match="at least 3 inputs"):
        cohort_of(expert, pictures(2, seed=0))


def test_a_kind_without_references_says_so(expert):
    context = Context(expert, references=references_of(expert, pictures(3, seed=0)))
    [stack] = [PictureStudy(pictures(1, 5)[0].images * 2)]
    [found] = look([stack], context)
    assert "references" not in found
    assert any("not compared" in note for note in stack.notes)
