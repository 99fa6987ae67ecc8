from __future__ import annotations

import copy
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from looktwice.core.errors import UsageError, WeightsError
from looktwice.evidence.networks.look_twice import LookTwice
from looktwice.reasoning.onevision import tensor_names
from looktwice.reasoning.onevision.convert import convert_checkpoint
from looktwice.reasoning.onevision.loading import load_onevision

PICTURE = np.random.default_rng(0).integers(0, 256, (42, 84, 3), dtype=np.uint8)

OFFICIAL = {
    "normal_embedding": "positive_embedding",
    "anomaly_embedding": "negative_embedding",
    "context_pool": "pooling_layer.0",
    "patch_adaptors": "siglip_adaptors",
    "query": "q_former.query_proj",
    "key": "q_former.key_proj",
    "predictor": "final_predictor",
}


def released(expert: LookTwice) -> dict[str, torch.Tensor]:
    """The expert's weights under the names of the released ``.pth``."""
    state = {}
    for name, tensor in expert.state_dict().items():
        head, _, tail = name.partition(".")
        state[OFFICIAL.get(head, head) + (f".{tail}" if tail else "")] = tensor
    return state


@pytest.fixture(scope="module")
def weights(tmp_path_factory, tiny_model, tiny_processor, tiny_expert):
    """A folder as the hub has it, and the expert as released."""
    folder = tmp_path_factory.mktemp("weights")
    tiny_model.save_pretrained(folder / "model")
    tiny_processor.save_pretrained(folder / "model")
    torch.save(released(tiny_expert), folder / "expert.pth")
    return folder


@pytest.fixture(scope="module")
def adapter(tmp_path_factory, tiny_model):
    """An adapter in the original naming, the projector beside it, and the model that it makes."""
    from peft import LoraConfig, get_peft_model

    folder = tmp_path_factory.mktemp("adapter")
    torch.manual_seed(3)
    config = LoraConfig(r=2, target_modules=r"model\.language_model\..*\.(q_proj|down_proj)", init_lora_weights=False)
    model = get_peft_model(copy.deepcopy(tiny_model), config)
    model.save_pretrained(folder / "hf")
    bias = torch.randn_like(tiny_model.model.multi_modal_projector.linear_2.bias)
    original = folder / "original"
    shutil.copytree(folder / "hf", original)
    state = {
        f"base_model.model.{tensor_names.to_original(name.removeprefix('base_model.model.'))}": tensor
        for name, tensor in load_file(folder / "hf" / "adapter_model.safetensors").items()
    }
    assert "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight" in state
    save_file(state, original / "adapter_model.safetensors")
    torch.save({"base_model.model.model.mm_projector.2.bias": bias}, original / "non_lora_trainables.bin")
    merged = model.merge_and_unload().eval()
    merged.model.multi_modal_projector.linear_2.bias.data = bias
    return folder, merged


def logits(model, sequence) -> torch.Tensor:
    with torch.no_grad():
        return model(inputs_embeds=sequence).logits


def test_a_hub_folder_and_the_released_expert(weights, tiny_onevision):
    loaded = load_onevision(str(weights / "model"), weights / "expert.pth", device="cpu")
    ours, theirs = (o.reader.read_picture(PICTURE) for o in (loaded, tiny_onevision))
    for mine, other in zip(ours.segments, theirs.segments, strict=True):
        if isinstance(mine, str):
            assert mine == other
        else:
            torch.testing.assert_close(mine, other)
    assert loaded.model.model.language_model.config._attn_implementation == "sdpa"


def test_half_precision_runs(weights):
    loaded = load_onevision(str(weights / "model"), weights / "expert.pth", device="cpu", dtype=torch.bfloat16)
    assert loaded.model.dtype == torch.bfloat16
    assert loaded.reader.expert.normal_embedding.dtype == torch.float32
    loaded.max_new_tokens = 4
    [generated] = loaded.reply([loaded.reader.read_picture(PICTURE)], ["What?"])
    assert isinstance(generated.text, str)


def test_a_converted_checkpoint(weights, tmp_path, tiny_model):
    convert_checkpoint(weights / "model", tmp_path / "original")
    with pytest.raises(WeightsError, match="models convert"):
        load_onevision(str(tmp_path / "original"), weights / "expert.pth", device="cpu")
    convert_checkpoint(tmp_path / "original", tmp_path / "again")
    loaded = load_onevision(str(tmp_path / "again"), weights / "expert.pth", device="cpu")
    sequence = torch.randn(1, 6, 32)
    torch.testing.assert_close(logits(loaded.model, sequence), logits(tiny_model, sequence))


def test_an_adapter_of_the_original_naming(weights, adapter, tmp_path):
    folder, merged = adapter
    with pytest.raises(WeightsError, match="models convert"):
        load_onevision(str(weights / "model"), weights / "expert.pth", str(folder / "original"), device="cpu")
    convert_checkpoint(folder / "original", tmp_path / "converted")
    loaded = load_onevision(str(weights / "model"), weights / "expert.pth", str(tmp_path / "converted"), device="cpu")
    sequence = torch.randn(1, 6, 32)
    torch.testing.assert_close(logits(loaded.model, sequence), logits(merged, sequence), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(
        loaded.model.model.multi_modal_projector.linear_2.bias, merged.model.multi_modal_projector.linear_2.bias
    )


def test_an_adapter_of_peft_itself(weights, adapter):
    folder, merged = adapter
    loaded = load_onevision(str(weights / "model"), weights / "expert.pth", str(folder / "hf"), device="cpu")
    sequence = torch.randn(1, 6, 32)
    torch.testing.assert_close(logits(loaded.model, sequence), logits(merged, sequence), atol=1e-4, rtol=1e-4)


def test_incomplete_weights_are_refused(weights, tmp_path):
    broken = tmp_path / "model"
    shutil.copytree(weights / "model", broken)
    state = load_file(broken / "model.safetensors")
    del state["multi_modal_projector.linear_1.weight"]
    save_file(state, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(WeightsError, match="lacks 1 tensors"):
        load_onevision(str(broken), weights / "expert.pth", device="cpu")


def test_an_expert_of_another_tower_is_refused(weights, tmp_path):
    other = LookTwice(token_dim=16, level_dims=[16] * 4, num_tokens=4, grid=(2, 2), embed_dim=8)
    torch.save(released(other), tmp_path / "expert.pth")
    with pytest.raises(WeightsError, match="trained with this model"):
        load_onevision(str(weights / "model"), tmp_path / "expert.pth", device="cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="says what is missing where there is no GPU")
def test_four_bits_without_a_gpu(weights):
    with pytest.raises(UsageError, match="CUDA"):
        load_onevision(str(weights / "model"), weights / "expert.pth", device="cpu", four_bit=True)
