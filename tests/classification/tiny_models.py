"""Tiny multimodal models of the real classes, with random weights."""

from __future__ import annotations

import torch

from looktwice.classification.prompt import ChatPrompter, LookTwicePrompter

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}IMAGE{% else %}{{ part['text'] }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
QWEN_PICTURE = "<|vision_start|><|image_pad|><|vision_end|>"
SPECIAL = ["<|im_start|>", "<|im_end|>", "<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>"]
TEXT = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 300,
    "max_position_embeddings": 8192,
}
ROPE = {"rope_type": "default", "mrope_section": [2, 1, 1], "rope_theta": 10000.0}
FAMILIES = ["qwen2_vl", "qwen2_5_vl", "qwen3_vl"]


def tokenizer(special=SPECIAL):
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import Qwen2Tokenizer

    vocabulary = {byte: index for index, byte in enumerate(sorted(ByteLevel.alphabet()))}
    made = Qwen2Tokenizer(vocabulary, [], eos_token="<|im_end|>", pad_token="<|endoftext|>")
    made.add_special_tokens({"additional_special_tokens": special})
    return made


def livelier(model):
    """Make weights larger, so that what comes out depends on what goes in."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim >= 2 and "embed" not in name:
                parameter.mul_(4)
    return model.eval()


def qwen(family: str):
    """Return model and processor of a family of Qwen-VL."""
    import transformers

    words = tokenizer()
    ids = {
        name: words.convert_tokens_to_ids(f"<|{token}|>")
        for name, token in (
            ("image_token_id", "image_pad"),
            ("video_token_id", "video_pad"),
            ("vision_start_token_id", "vision_start"),
            ("vision_end_token_id", "vision_end"),
        )
    }
    size, vision = 14, {"depth": 2, "num_heads": 2, "patch_size": 14}
    prefix = {"qwen2_vl": "Qwen2VL", "qwen2_5_vl": "Qwen2_5_VL", "qwen3_vl": "Qwen3VL"}[family]
    if family == "qwen2_vl":
        vision |= {"embed_dim": 16, "hidden_size": 32, "mlp_ratio": 2}
    elif family == "qwen2_5_vl":
        vision |= {"hidden_size": 16, "intermediate_size": 32, "out_hidden_size": 32, "fullatt_block_indexes": [1]}
    else:
        size = 16
        vision |= {"patch_size": 16, "hidden_size": 16, "intermediate_size": 32, "out_hidden_size": 32}
        vision |= {"num_position_embeddings": 64, "deepstack_visual_indexes": [0, 1]}
    text = {**TEXT, "rope_parameters": ROPE, "eos_token_id": None, "bos_token_id": None}
    if family == "qwen3_vl":
        text["head_dim"] = 8
    config = getattr(transformers, f"{prefix}Config")(text_config=text, vision_config=vision, **ids)
    torch.manual_seed(0)
    model = getattr(transformers, f"{prefix}ForConditionalGeneration")(config)
    square = {"shortest_edge": (4 * size) ** 2, "longest_edge": (4 * size) ** 2}
    options = {"patch_size": size, "size": square}
    processor = getattr(transformers, f"{prefix}Processor")(
        transformers.Qwen2VLImageProcessor(**options),
        words,
        getattr(transformers, "Qwen3VLVideoProcessor" if family == "qwen3_vl" else "Qwen2VLVideoProcessor")(
            patch_size=size
        ),
        chat_template=TEMPLATE.replace("IMAGE", QWEN_PICTURE),
    )
    return livelier(model), processor


def onevision():
    """Return a tiny LLaVA-OneVision, its processor, and the expert on its tower."""
    import transformers

    from looktwice.evidence.networks.look_twice import LookTwice

    words = tokenizer(["<|im_start|>", "<image>", "<video>"])
    side = 42
    pinpoints = [[side * rows, side * columns] for rows in (1, 2) for columns in (1, 2)]
    config = transformers.LlavaOnevisionConfig(
        vision_config={
            "model_type": "siglip_vision_model",
            "hidden_size": 16,
            "intermediate_size": 32,
            "patch_size": 14,
            "image_size": side,
            "num_hidden_layers": 26,
            "num_attention_heads": 2,
            "vision_use_head": False,
        },
        text_config={"model_type": "qwen2", "eos_token_id": None, "bos_token_id": None, **TEXT},
        image_token_index=words.convert_tokens_to_ids("<image>"),
        video_token_index=words.convert_tokens_to_ids("<video>"),
        image_grid_pinpoints=pinpoints,
    )
    torch.manual_seed(0)
    model = transformers.LlavaOnevisionForConditionalGeneration(config)
    square = {"height": side, "width": side}
    processor = transformers.LlavaOnevisionProcessor(
        transformers.LlavaOnevisionImageProcessor(size=square, image_grid_pinpoints=pinpoints),
        words,
        transformers.LlavaOnevisionVideoProcessor(size=square),
        num_image_tokens=9,
        vision_feature_select_strategy="full",
        chat_template=TEMPLATE.replace("IMAGE", "<image>"),
    )
    expert = LookTwice(token_dim=16, level_dims=[16] * 4, num_tokens=9, grid=(3, 3), embed_dim=8).eval()
    return livelier(model), processor, expert


def make_prompter(family: str):
    from looktwice.reasoning.onevision.reasoner import OneVision

    if family in FAMILIES:
        return ChatPrompter(*qwen(family))
    model, processor, expert = onevision()
    if family == "llava_onevision":
        return ChatPrompter(model, processor)
    return LookTwicePrompter(OneVision(model, processor, expert))
