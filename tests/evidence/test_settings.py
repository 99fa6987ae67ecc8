"""What is tuned travels in the expert's file, and a file, an input and a precision give one score."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from looktwice.core.errors import WeightsError
from looktwice.evidence.base import Context
from looktwice.evidence.comparisons.comparisons import references_of
from looktwice.evidence.expert import Expert
from looktwice.evidence.expert_file import load_expert
from looktwice.evidence.settings import DEFAULTS, MemoryBankSettings, PhotographSettings, SelfReferenceSettings
from looktwice.evidence.sources import find_evidence

from ..made_studies import PictureStudy

CPU = torch.device("cpu")


def picture(seed: int) -> PictureStudy:
    pixels = np.random.default_rng(seed).integers(0, 256, (64, 64, 3), np.uint8)
    return PictureStudy([pixels], "image", name=f"{seed}.png")


def saved(expert: Expert, path: Path, **changes) -> Path:
    expert.config = replace(expert.config, settings=replace(DEFAULTS, **changes))
    expert.save(path)
    return path


def logit_of(path: Path, references: bool = False) -> float:
    """Of a photograph beside references, or of a study of one slice."""
    expert = load_expert(path, CPU)
    context = Context(expert, references=references_of(expert, [picture(n) for n in range(3)]) if references else None)
    study = picture(7) if references else PictureStudy(picture(7).images)
    [(findings, _)] = find_evidence([study], context)
    return next(one.logit for one in findings if one.name == ("references" if references else "self_reference"))


def with_settings(source: Path, target: Path, settings: object) -> Path:
    """Rewrite the settings in an expert's file; None takes them out."""
    from safetensors import safe_open
    from safetensors.torch import save_file

    with safe_open(source, framework="pt") as file:
        config = json.loads(file.metadata()["looktwice"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    del config["settings"]
    config |= {} if settings is None else {"settings": settings}
    save_file(tensors, target, metadata={"looktwice": json.dumps(config)})
    return target


@pytest.mark.parametrize("references", [False, True])
def test_the_same_file_input_and_precision_give_the_same_score_twice(expert, tmp_path, references):
    path = saved(expert, tmp_path / "expert.safetensors")
    assert logit_of(path, references) == logit_of(path, references)


@pytest.mark.parametrize(
    "changes",
    [
        {"self_reference": SelfReferenceSettings(num_neighbors=2)},
        {"self_reference": SelfReferenceSettings(top_share=0.3)},
    ],
)
def test_a_setting_changed_in_the_file_changes_the_score(expert, tmp_path, changes):
    before = logit_of(saved(expert, tmp_path / "before.safetensors"))
    assert logit_of(saved(expert, tmp_path / "after.safetensors", **changes)) != pytest.approx(before, abs=1e-6)


@pytest.mark.parametrize(
    "changes",
    [
        {"photographs": PhotographSettings(own_weight=0.9)},
        {"photographs": PhotographSettings(worst_share=0.3)},
        {"memory_bank": MemoryBankSettings(coreset_size=6, least_per_reference=2)},
    ],
)
def test_so_does_a_setting_of_the_comparison_with_references(expert, tmp_path, changes):
    before = logit_of(saved(expert, tmp_path / "before.safetensors"), references=True)
    after = logit_of(saved(expert, tmp_path / "after.safetensors", **changes), references=True)
    assert after != pytest.approx(before, abs=1e-6)


def test_what_is_changed_is_read_again_and_the_rest_has_its_default(expert, tmp_path):
    path = saved(expert, tmp_path / "expert.safetensors")
    part = with_settings(path, tmp_path / "part.safetensors", {"studies": {"scored_shares": [0.5]}})
    settings = load_expert(part, CPU).config.settings
    assert settings == replace(DEFAULTS, studies=replace(DEFAULTS.studies, scored_shares=(0.5,)))
    assert load_expert(with_settings(path, tmp_path / "old.safetensors", None), CPU).config.settings == DEFAULTS


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"self_reference": {"colour": 1}}, "self_reference.colour"),
        ({"tides": {"height": 1}}, "tides"),
        ({"memory_bank": {"coreset_size": "many"}}, "memory_bank.coreset_size = 'many'"),
        ([1], "not an expert file written by looktwice"),
    ],
)
def test_settings_that_are_not_known_are_refused_in_one_line(expert, tmp_path, settings, named):
    path = saved(expert, tmp_path / "expert.safetensors")
    with pytest.raises(WeightsError) as refused:
        load_expert(with_settings(path, tmp_path / "odd.safetensors", settings), CPU)
    assert named in str(refused.value)
    assert "\n" not in str(refused.value)
