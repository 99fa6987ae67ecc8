"""What several tests of the encoders need."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from looktwice.core.calibration import Calibration
from looktwice.encoders.registry import create_encoder
from looktwice.evidence.config import ExpertConfig
from looktwice.evidence.expert import Expert, build_expert
from looktwice.evidence.self_reference_maps import FeatureLevel

from ..made_plates import inspector, parts, plates, taxonomy  # noqa: F401
from ..made_studies import TINY


@pytest.fixture
def expert(tiny_encoder: str) -> Expert:
    """An expert with random heads, as one could come out of training."""
    config = ExpertConfig(
        encoder=tiny_encoder,
        encoder_options={"input_size": 64},
        embed_dim=16,
        feature_levels=(FeatureLevel(1, 3), FeatureLevel(3, 3)),
        adapted=replace(TINY, options={"input_size": 96}),
        max_tiles=4,
        calibration={"image": Calibration(0.5, 2.0, -1.0, 1.5), "volume": Calibration(score_shift=1.0, map_scale=3.0)},
        materials=("brick", "größe"),
        photographs_trained_on=("brick",),
        trained_on=("brick", "größe"),
        threshold=0.4,
        revision="seed7",
    )
    torch.manual_seed(0)
    expert = build_expert(create_encoder(tiny_encoder), config)
    expert.materials.descriptors.normal_()
    expert.materials.high.copy_(torch.tensor([1.0, 2.0]))
    return expert
