"""What is written of an expert is read again, and nothing else is."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from looktwice.core.errors import UsageError, WeightsError
from looktwice.evidence.config import AdaptedEncoder
from looktwice.evidence.expert import Expert
from looktwice.evidence.expert_file import load_expert, load_look_twice

from ..made_studies import PictureStudy, evidence_of

CPU = torch.device("cpu")


def test_what_is_saved_is_loaded(expert, tmp_path):
    path = tmp_path / "a folder" / "expert.safetensors"
    expert.save(path)
    loaded = load_expert(path, CPU)
    assert loaded.config == expert.config
    assert list(loaded.files) == ["expert.safetensors"]
    assert [left.name for left in path.parent.iterdir()] == ["expert.safetensors"]
    image = np.random.default_rng(5).integers(0, 256, (64, 64, 3), np.uint8)
    [(before, _)], [(after, _)] = (evidence_of(one, PictureStudy([image], "image")) for one in (expert, loaded))
    for name in ("ltfm", "selection"):
        assert after[name].score == pytest.approx(before[name].score, abs=0.02)  # LTFM's in half precision
    [(before, _)], [(after, _)] = (evidence_of(one, PictureStudy([image])) for one in (expert, loaded))
    own, again = before["self_reference"], after["self_reference"]
    np.testing.assert_allclose(again.heat.maps, own.heat.maps, atol=1e-6)  # the probes' weights are kept exactly
    assert again.score == pytest.approx(own.score)


def test_a_truncated_file_is_refused(expert, tmp_path):
    path = tmp_path / "expert.safetensors"
    expert.save(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="not an expert file written by looktwice"):
        load_expert(path, CPU)


@pytest.mark.parametrize("content", [b"", b"not weights at all", b"\xff" * 64], ids=["empty", "text", "bytes"])
def test_what_is_no_weight_file_is_refused(content, tmp_path):
    path = tmp_path / "expert.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="not an expert"):
        load_expert(path, CPU)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="not an expert"):
        load_expert(tmp_path / "none.safetensors", CPU)


def write(path: Path, expert: Expert, **changes) -> Path:
    from safetensors.torch import save_file

    tensors = {f"look_twice.{name}": tensor for name, tensor in expert.look_twice.state_dict().items()}
    for part in ("fusion", "adapted_look_twice", "materials"):
        tensors |= {f"{part}.{name}": tensor for name, tensor in getattr(expert, part).state_dict().items()}
    save_file(tensors, path, metadata={"looktwice": json.dumps({**asdict(expert.config), **changes})})
    return path


def test_somebody_elses_safetensors_is_refused(tmp_path):
    from safetensors.torch import save_file

    save_file({"weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match="not an expert"):
        load_expert(tmp_path / "other.safetensors", CPU)


def test_a_setting_of_a_later_version_is_refused(expert, tmp_path):
    with pytest.raises(WeightsError, match="not an expert"):
        load_expert(write(tmp_path / "later.safetensors", expert, unheard_of=1), CPU)


def test_weights_that_do_not_fit_the_encoder_are_refused(expert, tmp_path):
    with pytest.raises(WeightsError, match="does not match its encoder tiny"):
        load_expert(write(tmp_path / "misfit.safetensors", expert, embed_dim=32), CPU)


def test_an_encoder_that_is_not_known_is_named(expert, tmp_path):
    with pytest.raises(UsageError, match="resnet-9000"):
        load_expert(write(tmp_path / "other.safetensors", expert, encoder="resnet-9000"), CPU)


def test_an_earlier_version_s_file_is_refused_with_what_to_do(expert, tmp_path):
    from safetensors import safe_open
    from safetensors.torch import save_file

    with safe_open(write(tmp_path / "now.safetensors", expert), framework="pt") as file:
        config = json.loads(file.metadata()["looktwice"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    del config["adapted"]
    save_file(tensors, tmp_path / "old.safetensors", metadata={"looktwice": json.dumps(config)})
    with pytest.raises(WeightsError, match=r"written by an earlier version.*train it again"):
        load_expert(tmp_path / "old.safetensors", CPU)


def test_photographs_are_not_judged_without_adapters(expert, tmp_path):
    adapted = AdaptedEncoder("dinov2_small", {"input_size": 56})
    expert.config = replace(expert.config, adapted=adapted, materials=())
    path = tmp_path / "part.safetensors"
    Expert(expert.encoder, expert.look_twice, expert.config).save(path)
    with pytest.raises(WeightsError, match="no adapters; train them"):
        evidence_of(load_expert(path, CPU), PictureStudy([np.zeros((64, 64, 3), np.uint8)], "image"))


def test_look_twice_is_read_by_itself(expert, tmp_path):
    path = tmp_path / "expert.safetensors"
    expert.save(path)
    weights = load_look_twice(path)
    assert weights.keys() == expert.look_twice.state_dict().keys()
    for name, value in expert.look_twice.state_dict().items():
        torch.testing.assert_close(weights[name], value, atol=2e-3, rtol=1e-3)  # kept in half precision


def test_look_twice_of_no_expert_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="not an expert"):
        load_look_twice(tmp_path / "none.safetensors")
