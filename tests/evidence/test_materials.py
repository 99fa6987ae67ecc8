"""A photograph takes the threshold of the material that looks most like it."""

from __future__ import annotations

import pytest
import torch

from looktwice.evidence.materials import LEAST_AGREEING, LEVEL, Materials, describe


def test_the_stricter_of_the_most_similar_materials_gives_the_threshold():
    materials = Materials(("tile", "cloth", "wood"), dim=4)
    materials.descriptors.copy_(torch.eye(4)[:3])
    materials.middle.copy_(torch.tensor([-1.0, 2.0, 8.0]))
    materials.high.copy_(torch.tensor([1.0, 5.0, 9.0]))
    cloth = materials.like(torch.tensor([0.9, 0.4, 0.1, 0.0]))
    assert cloth.name == "cloth"
    assert cloth.logit(5.0) == pytest.approx(0.0)
    assert cloth.logit(2.0) == pytest.approx(-3.0)
    assert cloth.p_normal(5.0) == pytest.approx(0.05)
    assert cloth.p_normal(9.0) < cloth.p_normal(6.0) < 0.05
    assert cloth.similarity == pytest.approx(0.9 / 0.98**0.5)


def test_where_no_material_is_known_none_is_nearest():
    assert Materials((), dim=4).like(torch.ones(4)) is None


def test_a_descriptor_does_not_depend_on_where_things_are():
    levels = [torch.randn(2, 16, 5) for _ in range(LEVEL + 1)]
    turned = [level.flip(1) for level in levels]
    torch.testing.assert_close(describe(levels), describe(turned))
    assert describe(levels).shape == (2, 10)


def test_many_materials_agree_only_beyond_all_of_their_thresholds():
    many = Materials(tuple(str(number) for number in range(LEAST_AGREEING)), dim=4)
    many.high.copy_(torch.linspace(1.0, 2.0, LEAST_AGREEING))
    assert [many.agree(raw) for raw in (0.9, 1.5, 2.0)] == [True, False, True]
    few = Materials(("tile",), dim=4)
    assert not few.agree(5.0)
