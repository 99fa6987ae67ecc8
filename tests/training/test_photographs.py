"""From folders to an expert that judges photographs, calibrated by experts that have not seen some of them."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

from looktwice.encoders.adapters import AdapterShape
from looktwice.encoders.registry import create_encoder
from looktwice.evidence import ltfm
from looktwice.evidence.config import ExpertConfig
from looktwice.evidence.encoding import encode_photographs
from looktwice.evidence.expert import build_expert
from looktwice.evidence.expert_file import load_expert
from looktwice.evidence.self_reference_maps import FeatureLevel
from looktwice.training import materials
from looktwice.training.adaptation import AdaptationRecipe
from looktwice.training.photographs import PhotographPlan, train_photographs

from ..made_studies import PictureStudy, evidence_of

CPU = torch.device("cpu")
RECIPE = AdaptationRecipe(steps=2, batch=4, adapters=AdapterShape(2, 4), kept=3)


@pytest.fixture
def base(tiny_encoder, tmp_path):
    """An expert's file without what judges photographs."""
    path = tmp_path / "base.safetensors"
    build_expert(create_encoder(tiny_encoder), ExpertConfig(tiny_encoder, {}, 8, (FeatureLevel(1, 3),))).save(path)
    return path


def plan(folder, **changes) -> PhotographPlan:
    return PhotographPlan((folder,), pictures=4, side=56, embed_dim=16, recipe=RECIPE, **changes)


def test_what_is_trained_without_a_set_calibrates_it_for_the_expert_that_has_seen_it(
    benchmark_folder, base, tmp_path, monkeypatch
):
    monkeypatch.setattr(materials, "LEAST", 2)
    pool = tmp_path / "pool"
    without = train_photographs(plan(benchmark_folder, left_out=("plate",)), base, tmp_path / "without", pool)
    seen = load_expert(without, CPU)
    assert "plate" not in seen.config.photographs_trained_on
    assert "plate" not in seen.config.materials
    files = {path: path.stat().st_mtime_ns for path in pool.iterdir()}
    path = train_photographs(plan(benchmark_folder, held_out=(without,)), base, tmp_path / "größe", pool)
    assert {path: path.stat().st_mtime_ns for path in pool.iterdir()} == files  # nothing is encoded twice
    expert = load_expert(path, CPU)
    assert {"plate", "screw", "shipped scenes"} <= set(expert.config.photographs_trained_on)
    assert expert.config.materials == ("plate", "screw")
    normal = sorted((benchmark_folder / "plate").glob("*/good/*.png"))
    pictures = [np.asarray(Image.open(one)) for one in normal]
    raw = [one.raw() for one in ltfm.judge(encode_photographs(seen, pictures), seen)]
    assert float(expert.materials.middle[0]) == pytest.approx(float(torch.tensor(raw).median()), abs=0.05)
    assert json.loads((tmp_path / "größe" / "training.json").read_text())["pictures"] == 4
    [(found, _)] = evidence_of(expert, PictureStudy([pictures[0]], "image"))
    assert found["ltfm"].p_normal_from in {f"normal photographs of {name}" for name in ("plate", "screw")}


def test_an_expert_keeps_its_other_parts(benchmark_folder, base, tmp_path):
    before = load_expert(base, CPU)
    after = load_expert(train_photographs(plan(benchmark_folder), base, tmp_path / "out"), CPU)
    for part in ("look_twice", "fusion"):
        for name, tensor in before.get_submodule(part).state_dict().items():
            torch.testing.assert_close(after.get_submodule(part).state_dict()[name], tensor, msg=name)
    assert len(after.adapters) == 9 * 4 * 2  # blocks, layers, factors
