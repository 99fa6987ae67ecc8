"""Photographs compared with normal ones, and with each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import expit

from looktwice.core.errors import UsageError
from looktwice.core.fuse import counting
from looktwice.encoders.registry import create_encoder
from looktwice.evidence.base import Context
from looktwice.evidence.comparisons.comparisons import cohort_of, references_of
from looktwice.evidence.config import ExpertConfig
from looktwice.evidence.expert import Expert, build_expert
from looktwice.evidence.self_reference_maps import FeatureLevel
from looktwice.evidence.settings import DEFAULTS
from looktwice.evidence.sources import find_evidence

from ...made_studies import TINY, PictureStudy, silence


@pytest.fixture
def expert(tiny_encoder: str) -> Expert:
    """An expert whose Look-Twice says the same of everything, so that comparisons decide."""
    config = ExpertConfig(tiny_encoder, {}, 8, (FeatureLevel(1, 3),), replace(TINY, options={"input_size": 128}))
    torch.manual_seed(0)
    expert = build_expert(create_encoder(tiny_encoder), config)
    silence(expert)
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
    cell = 128 / places.shape[0]
    assert 32 <= (row + 0.5) * cell <= 48
    assert 80 <= (column + 0.5) * cell <= 96


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
    monkeypatch.setattr(expert.adapted_encoder, "encode", None)  # nothing is left to encode
    found = look(members, Context(expert, cohort=cohort))
    assert len(found) == 20
    assert_third_is_odd(found, "cohort")


def test_what_look_twice_says_counts_too(expert):
    [brighter] = pictures(1, seed=200)
    brighter.images[0][:64] = 200
    found = []
    for weight in (0.0, 3.0):
        photographs = replace(DEFAULTS.photographs, own_weight=weight)
        expert.config = replace(expert.config, settings=replace(DEFAULTS, photographs=photographs))
        torch.nn.init.ones_(expert.adapted_look_twice.predictor[-1].weight)
        context = Context(expert, references=references_of(expert, pictures(6, seed=100)))
        found.append(total(look([brighter], context)[0]))
    assert found[0] != pytest.approx(found[1], abs=0.05)


def test_what_all_of_a_material_shows_alone_does_not_count_against_it(expert):
    queries = pictures(5, seed=200, odd=2)
    plain = look(queries, Context(expert, references=references_of(expert, pictures(6, seed=100))))
    silence(expert, logit=4.0)
    alarming = look(queries, Context(expert, references=references_of(expert, pictures(6, seed=100))))
    for one, other in zip(plain, alarming, strict=True):
        assert total(one) == pytest.approx(total(other), abs=1e-3)
        np.testing.assert_allclose(one["references"].heat.maps, other["references"].heat.maps, atol=1e-4)


@pytest.mark.parametrize("count", [4, 8, 24])
def test_about_one_in_twenty_normal_pictures_is_called_beside_few_or_many(expert, count):
    """On average over draws of references; one draw may be more alike by chance than the material is."""
    called = []
    for draw in range(8):
        references = references_of(expert, pictures(count, seed=1000 + 50 * draw))
        found = look(pictures(20, seed=2000 + 50 * draw), Context(expert, references=references))
        called += [total(one) > 0 for one in found]
        assert all((one["references"].p_normal < 0.05) == (total(one) > 0) for one in found)
    assert np.mean(called) <= 0.1, np.mean(called)


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


def test_pictures_that_are_all_the_same_give_finite_maps_and_scores(expert):
    same = [PictureStudy(pictures(1, seed=5)[0].images, "image", name=f"{number}.png") for number in range(6)]
    beside = look(same, Context(expert, references=references_of(expert, same[:4])))
    together = look(same, Context(expert, cohort=cohort_of(expert, iter(same))))
    for found, source in ((beside, "references"), (together, "cohort")):
        for one in found:
            assert np.isfinite(one[source].logit)
            assert np.isfinite(one[source].heat.maps).all()
