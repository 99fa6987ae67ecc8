"""The expert's sources at their doors, on an encoder that costs nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from looktwice.core.calibration import Calibration
from looktwice.core.fuse import counting
from looktwice.evidence.encoding import BATCH, CPU_BATCH
from looktwice.evidence.materials import describe
from looktwice.evidence.self_reference import worst_views
from looktwice.evidence.self_reference_maps import self_reference_maps
from looktwice.evidence.settings import DEFAULTS

from ..made_studies import PictureStudy, evidence_of


def pictures(count: int, size: tuple[int, int] = (64, 64)) -> list[np.ndarray]:
    rng = np.random.default_rng(5)
    return list(rng.integers(0, 256, (count, *size, 3), np.uint8))


@pytest.mark.parametrize("base", [0, 2, 18])
def test_maps_come_back_in_the_order_of_the_views(expert, base):
    images = pictures(BATCH + 3)  # more than one batch
    [(found, _)] = evidence_of(expert, PictureStudy(images, base=base))
    tokens = expert.encoder.encode(images)
    with torch.inference_mode():
        maps, logits = expert.fusion(self_reference_maps(tokens, expert.config.feature_levels))
        look = expert.look_twice.look(
            tokens.final, tokens.levels, expert.look_twice.context(tokens.final[base : base + 1])
        )
    np.testing.assert_allclose(found["self_reference"].heat.maps, (maps / 3).sigmoid(), atol=1e-5)
    np.testing.assert_allclose(found["self_reference"].view_scores, (logits - 1).sigmoid(), atol=1e-5)
    selected = found["selection"].selected
    torch.testing.assert_close(selected.maps, look.maps)
    torch.testing.assert_close(selected.significance, look.significance)
    torch.testing.assert_close(selected.local_tokens, look.local_tokens)


def test_no_more_than_a_batch_of_views_is_held_at_once(expert, monkeypatch):
    sizes = []
    encode = expert.encoder.encode
    monkeypatch.setattr(expert.encoder, "encode", lambda batch: (sizes.append(len(batch)), encode(batch))[1])
    evidence_of(expert, PictureStudy(pictures(2 * CPU_BATCH + 1)))
    assert sizes == [CPU_BATCH, CPU_BATCH, 1]


def test_the_worst_views_decide(expert):
    assert worst_views(torch.tensor([0.0, 5.0, 1.0])) == 5.0
    assert worst_views(torch.arange(100.0)) == 98.0  # the mean of 99, 98 and 97
    [(found, _)] = evidence_of(expert, PictureStudy(pictures(10)))
    assert found["self_reference"].score == pytest.approx(found["self_reference"].view_scores.max())


def test_photographs_are_judged_alike_together_and_alone(expert):
    studies = [PictureStudy(pictures(1, size), "image") for size in ((64, 64), (100, 150), (90, 40))]
    for study, (together, _) in zip(studies, evidence_of(expert, *studies), strict=True):
        [(alone, _)] = evidence_of(expert, study)
        np.testing.assert_allclose(together["ltfm"].heat.maps, alone["ltfm"].heat.maps, atol=1e-5)
        assert together.keys() == alone.keys() == {"ltfm", "selection"}
        for name, finding in together.items():
            assert finding.score == pytest.approx(alone[name].score, abs=1e-5)
        torch.testing.assert_close(together["selection"].selected.maps, alone["selection"].selected.maps)


def test_a_photograph_is_judged_by_look_twice_on_the_adapted_encoder(expert):
    photographs = replace(DEFAULTS.photographs, rarity_weight=0.0, place_rarity_weight=0.0)
    expert.config = replace(expert.config, settings=replace(DEFAULTS, photographs=photographs))
    image = pictures(1, (128, 128))[0]
    [(found, seen)] = evidence_of(expert, PictureStudy([image], "image"))
    with torch.inference_mode():
        tokens = expert.adapted_encoder.encode([image])
        places, [logit] = expert.adapted_look_twice(tokens.levels, tokens.grid)
        material = expert.materials.like(describe(tokens.levels)[0])
    np.testing.assert_allclose(found["ltfm"].heat.maps, ((places + 1) / 1.5).sigmoid(), atol=1e-5)
    assert found["ltfm"].logit == pytest.approx((material.logit(float(logit)) - 0.5) / 2, abs=1e-4)
    assert found["selection"].selected.maps.shape == (5, 8, 8)  # the whole and four AnyRes crops
    assert set(seen.seconds) == {"load", "encode", "match"}


def test_other_weights_of_look_twice_change_verdicts(expert):
    """It decides: with noise for weights, other photographs are anomalous."""
    studies = [PictureStudy(pictures(12)[number : number + 1], "image") for number in range(12)]
    before = [counting(list(found.values()))[0].logit for found, _ in evidence_of(expert, *studies)]
    middle = float(np.median(before))
    with torch.no_grad():
        for parameter in expert.adapted_look_twice.parameters():
            parameter.normal_(generator=torch.Generator().manual_seed(1))
    after = [counting(list(found.values()))[0].logit for found, _ in evidence_of(expert, *studies)]
    assert [logit >= middle for logit in before] != [logit >= middle for logit in after]


def test_calibration_shifts_then_scales():
    calibration = Calibration(score_shift=1.0, score_scale=2.0, map_shift=-1.0, map_scale=4.0)
    assert calibration.of_scores(torch.tensor(5.0)) == 2.0
    assert calibration.of_maps(torch.tensor(7.0)) == 2.0
