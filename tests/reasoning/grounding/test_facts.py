from __future__ import annotations

import numpy as np
import pytest

from looktwice.core.study import Modality
from looktwice.reasoning.grounding.facts import measure_contrast, read_facts


def blob(value: float = 0.9, number: int = 1) -> np.ndarray:
    maps = np.full((number, 30, 30), 0.1)
    maps[number // 2, 22:28, 1:7] = value
    return maps


def test_a_picture_states_place_and_size(context_of):
    facts = read_facts(context_of(blob()))
    assert (facts.verdict, facts.where, facts.size, facts.regions) == (
        "anomalous",
        "bottom left",
        "4 % of the picture",
        1,
    )
    assert (facts.view, facts.extent) == (None, "medium-sized")
    assert facts.to_fields()["where"] == "bottom left"


def test_a_diffuse_picture_has_the_place_of_its_peak(context_of):
    facts = read_facts(context_of(blob(value=0.4) - 0.09))
    assert (facts.where, facts.size, facts.regions) == ("bottom left", None, 0)


def test_heat_that_is_spread_has_no_place(context_of):
    maps = np.full((1, 30, 30), 0.7)
    maps[0, 3:6, 3:6] = 0.9
    facts = read_facts(context_of(maps))
    assert (facts.verdict, facts.where) == ("anomalous", None)


def test_a_volume_states_its_worst_view(context_of):
    facts = read_facts(context_of(blob(number=5), Modality.VOLUME))
    assert facts.view == "axial slice 6, z = +2 mm"
    assert facts.where == "bottom left"
    assert facts.views[0] == facts.view
    assert len(facts.views) == 3


def test_a_normal_study_has_no_place(context_of):
    facts = read_facts(context_of(blob(), score=0.2))
    assert (facts.verdict, facts.where, facts.view, facts.size) == ("normal", None, None, None)


@pytest.mark.parametrize(("score", "unsure"), [(0.495, True), (0.505, True), (0.52, False), (0.1, False)])
def test_near_the_threshold_nothing_is_sure(context_of, score, unsure):
    assert read_facts(context_of(blob(), score=score)).unsure is unsure


@pytest.mark.parametrize(("grey", "contrast"), [(30, "darker"), (220, "brighter"), (120, None)])
def test_a_region_is_compared_with_what_is_around_it(context_of, grey, contrast):
    context = context_of(blob(), size=(300, 300))
    image = context.study.sequence.images[0]
    image[:] = 120
    image[220:280, 10:70] = grey
    assert measure_contrast(context) == contrast


@pytest.mark.parametrize(("inside", "contrast"), [(812.0, "brighter"), (412.0, "darker"), (610.0, None)])
def test_a_volumes_region_is_compared_in_its_own_values(context_of, inside, contrast):
    context = context_of(blob(), Modality.VOLUME)
    context.result.regions[0].details.update(mean_inside=inside, mean_ring=610.0)
    assert measure_contrast(context) == contrast


def test_nothing_is_compared_where_nothing_was_found_or_pictures_are_drawn(context_of):
    assert measure_contrast(context_of(blob(), score=0.2)) is None
    assert measure_contrast(context_of(np.full((1, 30, 30), 0.1))) is None
    assert measure_contrast(context_of(blob(), Modality.POINTCLOUD)) is None
