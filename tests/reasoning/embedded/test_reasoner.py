from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from looktwice.core.errors import UsageError, WeightsError
from looktwice.core.study import Modality
from looktwice.core.tokens import Tokens
from looktwice.encoders.base import VisionEncoder
from looktwice.reasoning.base import Turn
from looktwice.reasoning.embedded import reasoner as embedded
from looktwice.reasoning.embedded.model import EmbeddedConfig, EmbeddedModel, ShownView
from looktwice.reasoning.embedded.reasoner import EmbeddedReasoner
from looktwice.reasoning.embedded.smollm2 import load_smollm2
from looktwice.reasoning.generation import Generated

DIM = 16


class PooledPixels(VisionEncoder):
    """4 × 4 tokens: mean colours through a fixed matrix."""

    def __init__(self) -> None:
        super().__init__()
        self.name, self.input_size, self.grid, self.token_dim, self.level_dims = "pooled", 32, (4, 4), DIM, (DIM,)
        generator = torch.Generator().manual_seed(0)
        self.mix = torch.nn.Parameter(torch.randn(3, DIM, generator=generator), requires_grad=False)

    def preprocess(self, images):
        pixels = [torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255 for image in images]
        return torch.stack([torch.nn.functional.interpolate(p[None], (32, 32))[0] for p in pixels])

    def forward(self, pixels):
        pooled = torch.nn.functional.adaptive_avg_pool2d(pixels, 4).flatten(2).transpose(1, 2)
        return Tokens(pooled @ self.mix, [pooled @ self.mix], self.grid)


@pytest.fixture(scope="module")
def llm():
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=320,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        eos_token_id=None,
        bos_token_id=None,
    )
    return LlamaForCausalLM(config).eval()


CONFIG = EmbeddedConfig(encoder="pooled", token_dim=DIM, llm="tiny", base_grid=2, lora_rank=2, lora_alpha=4)


@pytest.fixture
def model(llm, tiny_processor):
    torch.manual_seed(1)
    return EmbeddedModel(copy.deepcopy(llm), tiny_processor.tokenizer, CONFIG)


@pytest.fixture
def trained(model):
    model.config = replace(CONFIG, steps=10)
    return model


@pytest.fixture
def context(context_of):
    maps = np.full((1, 30, 30), 0.1)
    maps[0, 2:8, 1:7] = 0.9
    return context_of(maps)


def scripted(monkeypatch, *texts: str) -> list[float]:
    """Let the language model say given texts; return the temperatures that it was asked with."""
    temperatures: list[float] = []

    def generate(_llm, _tokenizer, _prompts, _limit, on_text, _stop, temperature):
        temperatures.append(temperature)
        text = texts[min(len(temperatures), len(texts)) - 1]
        on_text(text)
        return [Generated(text)]

    monkeypatch.setattr(embedded, "generate", generate)
    return temperatures


def test_a_view_is_laid_out_pooled_with_its_selection(model):
    final, selected, r = torch.randn(16, DIM), torch.randn(4, DIM), torch.randn(1, DIM)
    segments = model.read([ShownView("", selected, final)], r, "highly")
    texts = [segment for segment in segments if isinstance(segment, str)]
    assert texts == ["\n", "with highly suspicious features: ", "\n"]
    pooled, local, _, _, whole, _ = segments
    corner = final.reshape(4, 4, DIM)[:2, 2:].mean(dim=(0, 1))
    torch.testing.assert_close(pooled[1], model.projector(corner))
    torch.testing.assert_close(local, model.projector(selected))
    torch.testing.assert_close(whole, model.projector(r))


def test_the_loss_learns_answers_and_nothing_else(model):
    pictures = ["\n"]
    turns = [Turn("What?", "Yes."), Turn("Where?", "In the left.")]
    with torch.no_grad():
        before = model.loss(pictures, "facts", turns)
        ids = model.tokenizer("Yes.<|im_end|>")["input_ids"]
        assert 4.0 < float(before) < 8.0  # near ln 320, nothing is learnt yet
        prompt = model.embed_prompt(pictures, "facts", "What?")
        answer = model.llm.get_input_embeddings()(torch.tensor(ids))
        logits = model.llm(inputs_embeds=torch.cat([prompt, answer])[None]).logits[0]
        expected = torch.nn.functional.cross_entropy(logits[len(prompt) - 1 : -1], torch.tensor(ids))
    torch.testing.assert_close(model.loss(pictures, "facts", turns[:1]), expected)


def test_training_changes_projector_and_adapter_only(model):
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    losses = []
    for _ in range(20):
        optimiser.zero_grad()
        pictures = model.read([ShownView("", torch.ones(4, DIM))], torch.ones(1, DIM), "highly")
        loss = model.loss(pictures, "", [Turn("What?", "Yes, there is.")])
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 0.15
    changed = {name for name, parameter in model.named_parameters() if not torch.equal(parameter, before[name])}
    assert changed == {name for name in before if name.startswith("projector.") or ".lora_" in name}


def test_saved_weights_give_the_same_answers(model, llm, tmp_path):
    with torch.no_grad():
        for name, parameter in model.llm.named_parameters():
            if ".lora_" in name:
                parameter.copy_(torch.randn_like(parameter).to(torch.bfloat16) * 0.3)
        for parameter in model.projector.parameters():
            parameter.copy_(parameter.to(torch.bfloat16))
    path = tmp_path / "reasoner.safetensors"
    model.save(path, steps=7, revision="test")
    loaded = EmbeddedModel.load(path, copy.deepcopy(llm), model.tokenizer)
    assert (loaded.config.steps, loaded.config.revision) == (7, "test")
    view = [ShownView("", torch.randn(4, DIM), torch.randn(16, DIM))]
    r = torch.randn(1, DIM)
    with torch.no_grad():
        ours, theirs = (
            m.llm(inputs_embeds=m.embed_prompt(m.read(view, r, "highly"), "facts", "What?")[None]).logits
            for m in (loaded, model.eval())
        )
        plain = llm(inputs_embeds=model.embed_prompt(model.read(view, r, "highly"), "facts", "What?")[None]).logits
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)
    assert (ours - plain).abs().max() > 1e-3


def test_an_untrained_reasoner_is_never_used(model, llm, tmp_path):
    with pytest.raises(WeightsError, match="untrained"):
        EmbeddedReasoner(model, PooledPixels())
    model.save(tmp_path / "r.safetensors", steps=0, revision="test")
    with pytest.raises(WeightsError, match="train reasoner"):
        EmbeddedModel.load(tmp_path / "r.safetensors", copy.deepcopy(llm), model.tokenizer)


def test_weights_that_do_not_fit_are_refused(trained, llm, tmp_path):
    path = tmp_path / "r.safetensors"
    with pytest.raises(WeightsError, match="train reasoner"):
        EmbeddedModel.load(path, llm, trained.tokenizer)
    path.write_bytes(b"\x00" * 50)
    with pytest.raises(WeightsError, match="not a reasoner"):
        EmbeddedModel.load(path, llm, trained.tokenizer)
    encoder = PooledPixels()
    encoder.name = "another"
    with pytest.raises(WeightsError, match="another"):
        EmbeddedReasoner(trained, encoder)


def test_a_grounded_answer(trained, context, monkeypatch):
    scripted(monkeypatch, "Yes, there is a defect in the top left of the picture. It covers 4 % of the picture.")
    pieces: list[str] = []
    answer = EmbeddedReasoner(trained, PooledPixels()).explain(None, context, on_text=pieces.append)
    assert answer.kind == "embedded"
    assert answer.text == "".join(pieces)
    assert answer.fields["grounded"] is True
    assert (answer.fields["verdict"], answer.fields["where"]) == ("anomalous", "top left")


def test_a_contradiction_is_tried_again_with_chance_and_then_the_template_answers(trained, context, monkeypatch):
    temperatures = scripted(monkeypatch, "No, there are no defects.")
    pieces: list[str] = []
    answer = EmbeddedReasoner(trained, PooledPixels()).explain("Is there a defect?", context, on_text=pieces.append)
    assert temperatures[0] == 0
    assert all(temperature > 0 for temperature in temperatures[1:])
    assert (len(temperatures), answer.kind) == (3, "template")
    assert answer.fields["instead_of"] == "embedded"
    assert answer.fields["rejected"] == ["verdict"]
    assert "top left" in answer.text
    assert pieces == [answer.text]


def test_close_to_the_threshold_it_says_that_it_is_unsure(trained, context_of, monkeypatch):
    scripted(monkeypatch, " There may be a mark in the top left of the picture.")
    maps = np.full((1, 30, 30), 0.1)
    maps[0, 2:8, 1:7] = 0.6
    unsure = context_of(maps, score=0.504)
    answer = EmbeddedReasoner(trained, PooledPixels()).explain(None, unsure)
    assert answer.text.startswith("Probably yes, but I am not sure: the score of 0.50")
    assert answer.fields["unsure"] is True


def test_the_network_itself_answers_pictures_and_long_volumes(trained, context, context_of):
    reasoner = EmbeddedReasoner(trained, PooledPixels(), max_new_tokens=8)
    assert reasoner.explain(None, context).text
    maps = np.full((200, 9, 9), 0.1)
    maps[120, 7:, :2] = 0.9
    volume = context_of(maps, Modality.VOLUME)
    assert reasoner.explain("Where?", volume, [Turn("Is it?", "Yes.")]).text
    pictures = reasoner._readings[volume].pictures
    assert sum(len(segment) for segment in pictures if not isinstance(segment, str)) < embedded.MAX_VISUAL_TOKENS
    assert any(segment.startswith("axial slice 360") for segment in pictures if isinstance(segment, str))
    assert volume.study.sequence.decoded < 20


def test_the_close_up_comes_last_where_the_budget_has_room(trained, context):
    def visual(budget: int) -> list[int]:
        reasoner = EmbeddedReasoner(trained, PooledPixels(), max_visual_tokens=budget, max_new_tokens=1)
        pictures = reasoner._read(context).pictures
        return [len(segment) for segment in pictures if not isinstance(segment, str)]

    # pooled view, selection, close-up, (an empty selection,) global token
    assert visual(160) == [4, 4, 4, 0, 1]
    assert visual(8) == [4, 4, 1]
    assert visual(4) == [4, 1]
    with pytest.raises(UsageError, match="at least 4"):
        visual(3)


def test_what_the_model_finds_likely_is_told(trained, context, monkeypatch):
    scripted(monkeypatch, "Yes, there is a defect.")
    answer = EmbeddedReasoner(trained, PooledPixels()).explain(None, context)
    assert set(answer.fields["probability"]) == {"verdict", "where", "what", "extent"}
    assert all(0 <= value <= 1 for value in answer.fields["probability"].values())
    assert (answer.fields["verdict"], answer.fields["where"], answer.fields["extent"]) == (
        "anomalous",
        "top left",
        "medium-sized",
    )
    assert answer.to_json()["kind"] == "embedded"


@pytest.mark.slow
def test_smollm2_out_of_its_wheel():
    model, tokenizer = load_smollm2()
    assert model.config.hidden_size == 576
    assert getattr(model.config, "quantization_config", None) is None
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": "What is the capital of France?"}], add_generation_prompt=True, tokenize=False
    )
    ids = tokenizer(prompt, return_tensors="pt")
    said = model.generate(**ids, max_new_tokens=12, do_sample=False)
    assert "Paris" in tokenizer.decode(said[0, ids["input_ids"].shape[1] :])
