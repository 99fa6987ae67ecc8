"""The expert at its doors, on an encoder that costs nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from looktwice.core.calibration import Calibration
from looktwice.core.study import Modality, NativeMap, Study, View
from looktwice.evidence.expert import (
    BATCH,
    CPU_BATCH,
    worst_views,
)
from looktwice.evidence.self_reference.maps import self_reference_maps


class Views(Study):
    """A study of pictures at hand."""

    modality = Modality.VOLUME
    name, source = "made", Path("made.nii.gz")

    def __init__(self, images: list[np.ndarray], base: int = 0) -> None:
        self.images, self.base_index, self.notes = images, base, []

    def views(self) -> list[View]:
        return [View(image, f"slice {index}", index) for index, image in enumerate(self.images)]

    @property
    def base(self) -> int:
        return self.base_index

    def lift(self, maps: np.ndarray) -> NativeMap:
        raise NotImplementedError


def pictures(count: int, size: tuple[int, int] = (64, 64)) -> list[np.ndarray]:
    rng = np.random.default_rng(5)
    return list(rng.integers(0, 256, (count, *size, 3), np.uint8))


@pytest.mark.parametrize("base", [0, 2, 18])
def test_maps_come_back_in_the_order_of_the_views(expert, base):
    images = pictures(BATCH + 3)  # more than one batch
    sighting = expert.see(Views(images, base))
    tokens = expert.encoder.encode(images)
    with torch.inference_mode():
        maps, logits = expert.fusion(self_reference_maps(tokens, expert.config.feature_levels))
        look = expert.look_twice.look(
            tokens.final, tokens.levels, expert.look_twice.context(tokens.final[base : base + 1])
        )
    np.testing.assert_allclose(sighting.maps, (maps / 3).sigmoid(), atol=1e-5)
    np.testing.assert_allclose(sighting.view_scores, (logits - 1).sigmoid(), atol=1e-5)
    torch.testing.assert_close(sighting.evidence.maps, look.maps)
    torch.testing.assert_close(sighting.evidence.significance, look.significance)
    torch.testing.assert_close(sighting.evidence.local_tokens, look.local_tokens)


def test_no_more_than_a_batch_of_views_is_held_at_once(expert, monkeypatch):
    sizes = []
    encode = expert.encoder.encode
    monkeypatch.setattr(expert.encoder, "encode", lambda batch: (sizes.append(len(batch)), encode(batch))[1])
    expert.see(Views(pictures(2 * CPU_BATCH + 1)))
    assert sizes == [CPU_BATCH, CPU_BATCH, 1]


def test_the_worst_views_decide(expert):
    assert worst_views(torch.tensor([0.0, 5.0, 1.0])) == 5.0
    assert worst_views(torch.arange(100.0)) == 98.0  # the mean of 99, 98 and 97
    sighting = expert.see(Views(pictures(10)))
    assert sighting.score == pytest.approx(sighting.view_scores.max())


def test_photographs_are_judged_alike_together_and_alone(expert):
    images = [pictures(1, size)[0] for size in ((64, 64), (100, 150), (90, 40))]
    together = expert.see_photographs(images)
    for image, sighting in zip(images, together, strict=True):
        (alone,) = expert.see_photographs([image])
        np.testing.assert_allclose(sighting.maps, alone.maps, atol=1e-5)
        assert sighting.score == pytest.approx(alone.score, abs=1e-5)
        assert sighting.sources == pytest.approx(alone.sources, abs=1e-5)
        torch.testing.assert_close(sighting.evidence.maps, alone.evidence.maps)


def test_a_photograph_is_seen_by_every_look_and_in_tiles(expert):
    image = pictures(1, (128, 128))[0]
    study = Views([image])
    study.modality = Modality.IMAGE
    sighting = expert.see(study)
    with torch.inference_mode():
        coarse = self_reference_maps(expert.encoder.encode([image]), expert.config.feature_levels)
        fine = self_reference_maps(expert.encoder.detailed().encode([image]), expert.config.passes[0].feature_levels)
        other = self_reference_maps(expert.pass_encoders[1].encode([image]), expert.config.passes[1].feature_levels)
        coarse, other = (
            torch.nn.functional.interpolate(maps, (16, 16), mode="bilinear", align_corners=False)
            for maps in (coarse, other)
        )
        maps, logits = expert.photo_fusion(torch.cat([coarse, fine, other], dim=1))
    np.testing.assert_allclose(sighting.maps, ((maps + 1) / 1.5).sigmoid(), atol=1e-5)
    assert sighting.score == pytest.approx(float(((logits - 0.5) / 2).sigmoid()), abs=1e-5)
    assert sighting.evidence.maps.shape == (5, 8, 8)  # the whole and four AnyRes tiles
    assert set(sighting.seconds) == {"load", "encode", "match"}


def test_who_watches_sees_the_tokens_of_every_look_in_order(expert):
    images, seen = pictures(6), ([], [])
    expert.see_photographs(images, watch=lambda look, tokens: seen[look].append(tokens.final))
    for tokens, looker in zip(seen, (expert.encoder.detailed(), expert.pass_encoders[1]), strict=True):
        torch.testing.assert_close(torch.cat(tokens), looker.encode(images).final)


def test_calibration_shifts_then_scales():
    calibration = Calibration(score_shift=1.0, score_scale=2.0, map_shift=-1.0, map_scale=4.0)
    assert calibration.of_scores(torch.tensor(5.0)) == 2.0
    assert calibration.of_maps(torch.tensor(7.0)) == 2.0
