"""From folders to an expert's file, on an encoder that costs nothing."""

from __future__ import annotations

import json

import numpy as np
import torch

from looktwice.evidence.expert_file import load_expert
from looktwice.evidence.self_reference_maps import FeatureLevel
from looktwice.training.run import Plan, train_expert

from ..made_studies import PictureStudy, evidence_of

CPU = torch.device("cpu")
SHIPPED = ("shipped brick", "shipped grass", "shipped gravel", "shipped scenes")


def plan(folder, ball, **changes) -> Plan:
    settings = {
        "data": (folder,),
        "normals": (ball,),
        "left_out": ("screw",),
        "encoder": "tiny",
        "embed_dim": 8,
        "feature_levels": (FeatureLevel(0, 3), FeatureLevel(2, 3)),
        "examples": 8,
        "steps": 4,
    }
    return Plan(**{**settings, **changes})


def test_one_call_writes_an_expert_that_loads_and_looks(benchmark_folder, ball, tiny_encoder, tmp_path):
    out = tmp_path / "runs größe"
    path = train_expert(plan(benchmark_folder, ball), out, device="cpu")
    assert path == out / "expert.safetensors"
    expert = load_expert(path, CPU)
    assert set(expert.config.trained_on) == {*SHIPPED, "plate", "ball.nii.gz"}
    assert set(expert.config.calibration) == {"volume", "geometry", "tissue"}
    assert expert.config.encoder_options == {"input_size": 64}
    slices = PictureStudy([np.random.default_rng(0).integers(0, 256, (70, 90, 3), np.uint8)])
    finding = evidence_of(expert, slices)[0][0]["self_reference"]
    assert np.isfinite(finding.heat.maps).all()
    assert 0 <= finding.score <= 1

    record = json.loads((out / "training.json").read_text())
    assert record["sources"] == [*SHIPPED, "plate", "ball.nii.gz"]
    assert record["examples_seen"] == 6 * 8
    assert any((out / "logs").iterdir())


def test_the_same_plan_gives_the_same_expert(benchmark_folder, ball, tiny_encoder, tmp_path):
    paths = [train_expert(plan(benchmark_folder, ball), tmp_path / name, device="cpu") for name in ("one", "two")]
    one, two = (load_expert(path, CPU) for path in paths)
    for name, tensor in one.state_dict().items():
        torch.testing.assert_close(two.state_dict()[name], tensor, msg=name)
    assert one.config == two.config
