from __future__ import annotations

import numpy as np
import pytest

from looktwice.core.study import Modality
from looktwice.reasoning.contrast import measure_contrast


def blob(number: int = 1) -> np.ndarray:
    maps = np.full((number, 30, 30), 0.1)
    maps[number // 2, 22:28, 1:7] = 0.9
    return maps


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
