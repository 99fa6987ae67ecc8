"""The reasoner's training on an encoder and a language model of no cost."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import numpy as np
import pytest
import torch

from looktwice import modalities
from looktwice.core.study import Modality
from looktwice.core.wording.kinds import KINDS
from looktwice.datasets.instruct_words import Domain
from looktwice.reasoning.embedded.model import EmbeddedModel
from looktwice.reasoning.grounding.contradictions import contradictions, stated_verdicts
from looktwice.training import reasoner
from looktwice.training.reasoner import Precise, ReasonerPlan, Teaching, train_reasoner
from looktwice.training.reasoner_lessons import encode_scene, load_lessons, save_lessons, speak
from looktwice.training.reasoner_scenes import Scene, study_scenes, view_mask

SHIPPED = ("shipped brick", "shipped grass", "shipped gravel", "shipped scenes")


def tiny_llm(dtype=torch.float32):
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Tokenizer

    vocabulary = {byte: index for index, byte in enumerate(sorted(ByteLevel.alphabet()))}
    tokenizer = Qwen2Tokenizer(vocabulary, [], eos_token="<|im_end|>", pad_token="<|endoftext|>")
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>"]})
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=320,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=8192,
        eos_token_id=None,
        bos_token_id=None,
    )
    return LlamaForCausalLM(config).to(dtype), tokenizer


@pytest.fixture(autouse=True)
def llm(monkeypatch):
    monkeypatch.setattr(reasoner, "load_smollm2", tiny_llm)


def scene(kind: str | None = "scratch", **changes) -> Scene:
    rng = np.random.default_rng(0)
    image = rng.integers(100, 120, (60, 80, 3), np.uint8)
    mask = np.zeros((60, 80), bool)
    if kind:
        mask[5:8, 50:75] = True
        image[mask] = 250
    return replace(Scene([image], [], mask, kind, Domain.INDUSTRIAL, Modality.IMAGE, "plate"), **changes)


def lesson(expert, **changes):
    return encode_scene(scene(**changes), expert, 2, np.random.default_rng(0))


def plan(folder, **changes) -> ReasonerPlan:
    settings = {"data": (folder,), "left_out": ("screw",), "lessons": 8, "projector_steps": 2, "steps": 4, "batch": 2}
    return ReasonerPlan(**{**settings, **changes})


def test_a_lesson_knows_what_was_measured(make_expert):
    expert = make_expert()
    seen = lesson(expert)
    assert (seen.appearance.place, seen.appearance.shape, seen.appearance.contrast) == (
        "top right",
        "elongated",
        "brighter",
    )
    assert seen.final.shape == (2, 4, expert.encoder.token_dim)  # the picture and its close-up
    assert seen.selected.shape[0] == 1
    assert not lesson(expert, kind=None).looks


def test_lessons_are_kept_as_they_are(make_expert, tmp_path):
    expert = make_expert()
    lessons = [lesson(expert), lesson(expert, kind=None)]
    save_lessons(lessons, tmp_path / "lessons größe.safetensors")
    for one, read in zip(lessons, load_lessons(tmp_path / "lessons größe.safetensors"), strict=True):
        assert torch.equal(one.final, read.final)
        assert torch.equal(one.selected, read.selected)
        assert (one.appearance, one.kind, one.domain, one.modality) == (
            read.appearance,
            read.kind,
            read.domain,
            read.modality,
        )


@pytest.mark.parametrize("modality", [Modality.IMAGE, Modality.VOLUME, Modality.POINTCLOUD])
@pytest.mark.parametrize("kind", ["scratch", None])
def test_answers_follow_the_evidence_even_where_it_is_wrong(make_expert, modality, kind):
    view = "view 1 from the upper left"
    names = [] if modality is Modality.IMAGE else [view, "view 2 from the right"]
    pictures = scene(kind).pictures * max(len(names), 1)
    taught = lesson(make_expert(), kind=kind, modality=modality, names=names, pictures=pictures)
    verdicts, unsure = set(), 0
    for seed in range(150):
        spoken = speak(taught, random.Random(seed))
        verdicts.add(spoken.facts.verdict)
        unsure += spoken.facts.unsure
        line, first = spoken.turns[0].answer, spoken.turns[1].answer
        assert line.split("; ")[2] in {*KINDS, "unclear", "none"}
        if spoken.facts.unsure:
            assert first.startswith(f"Probably {'yes' if spoken.facts.verdict == 'anomalous' else 'no'}, but I am not")
        else:
            assert stated_verdicts(first) == {spoken.facts.verdict}
        for turn in spoken.turns[1:]:
            assert contradictions(turn.answer, spoken.facts) == []
        assert spoken.views[-1].label == "close-up"
    assert verdicts == {"anomalous", "normal"}
    assert 0 < unsure < 40


def test_one_call_writes_a_reasoner_that_loads(make_expert, benchmark_folder, tmp_path):
    out = tmp_path / "runs größe"
    lines: list[str] = []
    path = train_reasoner(plan(benchmark_folder, steps=8), make_expert(), out, report=lines.append)
    model = EmbeddedModel.load(path, *tiny_llm())
    assert model.config.steps == 10
    assert model.config.encoder == make_expert().encoder.name
    assert path.stat().st_size < 100_000
    assert lines[-1].startswith("step 10, 100 % done, loss")
    record = json.loads((out / "training.json").read_text())
    assert record["taught"] > 8
    assert {file.stem.partition("-")[2] for file in (out / "lessons").iterdir()} == {*SHIPPED, "plate"}


def test_medical_pictures_are_told_from_things(make_expert, benchmark_folder, tmp_path):
    train_reasoner(plan(benchmark_folder, medical=(benchmark_folder,), steps=1), make_expert(), tmp_path)
    taught = {path.stem: load_lessons(path) for path in sorted((tmp_path / "lessons").iterdir())}
    domains = [(name.partition("-")[2], {lesson.domain for lesson in lessons}) for name, lessons in taught.items()]
    things = [(name, {Domain.INDUSTRIAL}) for name in (*SHIPPED, "plate")]
    assert domains == [*things, ("plate", {Domain.MEDICAL})]


def test_both_stages_learn_and_the_first_leaves_the_adapter_alone(make_expert, tmp_path):
    torch.manual_seed(0)
    expert = make_expert()
    config = reasoner.EmbeddedConfig(expert.encoder.name, expert.encoder.token_dim, lora_rank=2, base_grid=2)
    model = EmbeddedModel(*tiny_llm(), config)
    teaching = Teaching(
        model,
        [lesson(expert)],
        ReasonerPlan((), projector_steps=3, steps=40, batch=1, rate=1e-2, projector_rate=1e-2),
        tmp_path / "checkpoint.pt",
        lambda line: None,
    )
    before = {name: tensor.clone() for name, tensor in model.llm.state_dict().items()}
    losses = []
    while teaching.progress < 1:
        losses.append(teaching._do_step())
        teaching.step += 1
        if teaching.step == 3:
            assert all(torch.equal(before[name], tensor) for name, tensor in model.llm.state_dict().items())
    changed = {name for name, tensor in model.llm.state_dict().items() if not torch.equal(before[name], tensor)}
    assert changed
    assert all(".lora_" in name for name in changed)
    assert np.mean(losses[-5:]) < np.mean(losses[:3]) - 0.1


def test_a_stopped_training_goes_on(make_expert, benchmark_folder, tmp_path, monkeypatch):
    expert = make_expert()
    monkeypatch.setattr(reasoner, "CHECKPOINT_SECONDS", 0.0)
    whole = train_reasoner(plan(benchmark_folder), expert, tmp_path / "whole")

    step = Teaching._do_step

    def stopped(self):
        if self.step == 4:
            raise KeyboardInterrupt
        return step(self)

    monkeypatch.setattr(Teaching, "_do_step", stopped)
    with pytest.raises(KeyboardInterrupt):
        train_reasoner(plan(benchmark_folder), expert, tmp_path / "halved")
    monkeypatch.setattr(Teaching, "_do_step", step)
    halved = train_reasoner(plan(benchmark_folder), expert, tmp_path / "halved")
    one, two = (EmbeddedModel.load(path, *tiny_llm()).projector.state_dict() for path in (whole, halved))
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, atol=2e-3, rtol=2e-2)


def test_training_ends_with_its_time(make_expert, benchmark_folder, tmp_path):
    taught = plan(benchmark_folder, steps=100_000, minutes=0.02)
    path = train_reasoner(taught, make_expert(), tmp_path)
    assert EmbeddedModel.load(path, *tiny_llm()).config.steps < 1000


def test_small_updates_of_bfloat16_weights_add_up():
    weight = torch.nn.Parameter(torch.ones(3, dtype=torch.bfloat16))
    precise = Precise([weight])
    optimiser = torch.optim.SGD(precise.masters, lr=1e-3)
    for _ in range(100):
        weight.grad = torch.ones_like(weight) / 3
        precise.step(optimiser)
    assert weight[0].item() == pytest.approx(1 - 100 * 1e-3 / 3, abs=0.005)


def test_a_scan_is_damaged_in_3d_and_its_slices_show_where(ball):
    study = modalities.open(ball)
    scenes = list(study_scenes(study, 14, np.random.default_rng(0)))
    damaged = [one for one in scenes if one.kind]
    assert {one.kind for one in scenes} == {"lesion", None}
    assert all(one.mask.any() == bool(one.kind) for one in scenes)
    assert all(one.names and one.names[0].startswith("axial slice") for one in scenes)
    assert damaged[0].mask.shape == damaged[0].pictures[0].shape[:2]


def test_a_marked_voxel_is_seen_where_the_slice_shows_it(ball):
    study = modalities.open(ball)
    truth = np.zeros((28, 28, 28), bool)
    truth[20:23, 20:23, 14] = True  # left of the patient, to the front: right and up in the picture
    index = next(i for i, view in enumerate(study.views()) if view.anchor == ("axial", 14))
    mask = view_mask(study, index, truth)
    rows, columns = np.nonzero(mask)
    picture = study.views()[index].image
    assert mask.shape == picture.shape[:2]
    assert rows.mean() < 0.5 * mask.shape[0]
    assert abs(columns.mean() - 0.5 * mask.shape[1]) > 0.1 * mask.shape[1]
    assert not view_mask(study, index + 1, truth).any()
