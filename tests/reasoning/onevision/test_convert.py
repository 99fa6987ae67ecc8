from __future__ import annotations

import json
import os
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from looktwice.core.errors import InputError, WeightsError
from looktwice.reasoning.onevision import tensor_names
from looktwice.reasoning.onevision.configs import pinpoints
from looktwice.reasoning.onevision.convert import MANIFEST, convert_checkpoint, is_original


@pytest.fixture(scope="module")
def hugging_face(tmp_path_factory, tiny_model, tiny_processor):
    folder = tmp_path_factory.mktemp("hf")
    tiny_model.save_pretrained(folder, max_shard_size="100KB")
    tiny_processor.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def original(tmp_path_factory, hugging_face):
    folder = tmp_path_factory.mktemp("original")
    convert_checkpoint(hugging_face, folder)
    return folder


def load(folder):
    from transformers import LlavaOnevisionForConditionalGeneration

    model, info = LlavaOnevisionForConditionalGeneration.from_pretrained(folder, output_loading_info=True)
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    return model.eval()


def test_names_of_the_released_checkpoints():
    pairs = {
        "model.vision_tower.vision_tower.vision_model.encoder.layers.25.mlp.fc1.bias": (
            "vision_tower.vision_model.encoder.layers.25.mlp.fc1.bias"
        ),
        "model.vision_tower.vision_tower.vision_model.post_layernorm.weight": (
            "vision_tower.vision_model.post_layernorm.weight"
        ),
        "model.mm_projector.0.weight": "multi_modal_projector.linear_1.weight",
        "model.mm_projector.2.bias": "multi_modal_projector.linear_2.bias",
        "model.image_newline": "image_newline",
        "model.embed_tokens.weight": "language_model.model.embed_tokens.weight",
        "model.layers.27.self_attn.q_proj.bias": "language_model.model.layers.27.self_attn.q_proj.bias",
        "model.norm.weight": "language_model.model.norm.weight",
        "lm_head.weight": "language_model.lm_head.weight",
    }
    for old, new in pairs.items():
        assert tensor_names.to_hugging_face(old) == new
        assert tensor_names.to_original(new) == old
        assert tensor_names.to_original(tensor_names.to_memory(new)) == old
    assert tensor_names.to_hugging_face("model.vision_tower.vision_tower.vision_model.head.probe") is None
    assert tensor_names.to_hugging_face("model.layers.0.self_attn.rotary_emb.inv_freq") is None


def test_every_name_in_memory_has_an_original(tiny_model):
    names = list(tiny_model.state_dict())
    originals = [tensor_names.to_original(name) for name in names]
    assert all(
        tensor_names.to_memory(tensor_names.to_hugging_face(old)) == name
        for old, name in zip(originals, names, strict=True)
    )


def test_there_and_back_gives_the_same_model(original, hugging_face, tmp_path, tiny_model):
    assert is_original(original)
    assert not is_original(hugging_face)
    convert_checkpoint(original, tmp_path / "back")
    assert len(list((tmp_path / "back").glob("model-*.safetensors"))) > 2, "several shards are meant"
    model = load(tmp_path / "back")
    for name, tensor in tiny_model.state_dict().items():
        torch.testing.assert_close(model.state_dict()[name], tensor, rtol=0, atol=0)
    sequence = torch.randn(1, 5, 32)
    with torch.no_grad():
        torch.testing.assert_close(
            model(inputs_embeds=sequence).logits, tiny_model(inputs_embeds=sequence).logits, rtol=0, atol=0
        )


def test_the_converted_folder_has_a_working_processor(original, tmp_path, tiny_processor):
    from PIL import Image
    from transformers import LlavaOnevisionProcessor

    convert_checkpoint(original, tmp_path / "back")
    processor = LlavaOnevisionProcessor.from_pretrained(tmp_path / "back")
    image = Image.new("RGB", (84, 42), "red")
    ours, theirs = (p(images=image, text="<image>\nhi", return_tensors="pt") for p in (processor, tiny_processor))
    assert ours["input_ids"].tolist() == theirs["input_ids"].tolist()
    torch.testing.assert_close(ours["pixel_values"], theirs["pixel_values"])


def test_one_bin_file_with_tied_embeddings(original, tmp_path):
    """The 0.5B checkpoints have no head of their own, and older ones are ``.bin``."""
    source = tmp_path / "bin"
    shutil.copytree(original, source)
    state = {}
    for shard in source.glob("model-*.safetensors"):
        state |= load_file(shard)
        shard.unlink()
    (source / "model.safetensors.index.json").unlink()
    (source / MANIFEST).unlink()
    del state["lm_head.weight"]
    state["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.ones(4)
    torch.save(state, source / "pytorch_model.bin")
    convert_checkpoint(source, tmp_path / "out")
    model = load(tmp_path / "out")
    assert model.lm_head.weight is model.get_input_embeddings().weight


def test_a_broken_off_conversion_goes_on_where_it_stopped(original, tmp_path):
    target = tmp_path / "out"
    convert_checkpoint(original, target)
    shards = sorted(target.glob("model-*.safetensors"))
    shards[1].write_bytes(b"cut off")
    for shard in shards:
        os.utime(shard, ns=(0, 0))  # so that one that is written again is told however coarse the clock
    seen: list[str] = []
    convert_checkpoint(original, target, seen.append)
    assert [shard.stat().st_mtime_ns != 0 for shard in shards] == [i == 1 for i in range(len(shards))]
    assert len(seen) == len(shards)
    load(target)


def test_a_damaged_file_in_the_hubs_cache_is_found(original, tmp_path):
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshot"
    blobs.mkdir()
    shutil.copytree(original, snapshot)
    shard = next(snapshot.glob("model-*.safetensors"))
    blob = blobs / ("0" * 64)
    shard.rename(blob)
    shard.symlink_to(blob)
    with pytest.raises(WeightsError, match="sha256"):
        convert_checkpoint(snapshot, tmp_path / "out")


def test_bad_sources_are_told_apart(original, tmp_path):
    with pytest.raises(InputError, match="contains no weights"):
        convert_checkpoint(tmp_path, tmp_path / "out")
    with pytest.raises(InputError, match="another output folder"):
        convert_checkpoint(original, original)
    broken = tmp_path / "broken"
    shutil.copytree(original, broken)
    next(broken.glob("model-00002*")).write_bytes(b"not weights")
    with pytest.raises(WeightsError, match="download it again"):
        convert_checkpoint(broken, tmp_path / "out")
    other = tmp_path / "other"
    other.mkdir()
    save_file({"x": torch.zeros(1)}, other / "model.safetensors")
    (other / "config.json").write_text(json.dumps({"model_type": "llama"}))
    with pytest.raises(InputError, match="llava_onevision"):
        convert_checkpoint(other, tmp_path / "out")


def test_pinpoints():
    assert pinpoints("(1x1),...,(2x3)", 384) == [
        [384, 384],
        [384, 768],
        [384, 1152],
        [768, 384],
        [768, 768],
        [768, 1152],
    ]
    assert pinpoints([[384, 384]], 384) == [[384, 384]]
    with pytest.raises(InputError):
        pinpoints("6x6", 384)
