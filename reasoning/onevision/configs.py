"""The configuration of a LLaVA-OneVision checkpoint, in the original's form and in Hugging Face's."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

from looktwice.core.errors import InputError, WeightsError

# The original names its vision tower and leaves the sizes to it; its last block is dropped, its head never used.
VISION_TOWERS: dict[str, dict[str, Any]] = {
    "google/siglip-so400m-patch14-384": {
        "model_type": "siglip_vision_model",
        "hidden_size": 1152,
        "intermediate_size": 4304,
        "patch_size": 14,
        "image_size": 384,
        "num_hidden_layers": 26,
        "num_attention_heads": 16,
        "vision_use_head": False,
    }
}

IMAGE_TOKEN, VIDEO_TOKEN = "<image>", "<video>"
IMAGE_TOKEN_INDEX, VIDEO_TOKEN_INDEX = 151646, 151647
"""The first two ids that Qwen2's tokenizer leaves free; its embeddings have rows for them."""

_RANGE = re.compile(r"\((\d+)x(\d+)\),\.\.\.,\((\d+)x(\d+)\)")
_NOT_TEXT = re.compile(r"^(?:mm_|image_|use_mm|use_pos_skipping|pos_skipping|vision_|tokenizer_|unfreeze|freeze|tune_)")
_ORIGINAL_ONLY = {
    "architectures",
    "model_type",
    "auto_map",
    "_name_or_path",
    "transformers_version",
    "add_time_instruction",
}


def hugging_face_config(original: dict[str, Any], tied: bool) -> dict[str, Any]:
    """Return the Hugging Face configuration of an original one.

    Parameters
    ----------
    original : dict
        ``config.json`` of a LLaVA-NeXT checkpoint on Qwen2.
    tied : bool
        The checkpoint has no head of its own: it shares the input embeddings.

    Raises
    ------
    InputError
        Another language model, or a vision tower of unknown sizes.
    """
    from transformers import LlavaOnevisionConfig

    if "qwen" not in str(original.get("model_type", "")).lower():
        raise InputError(f"model_type {original.get('model_type')!r}: only LLaVA checkpoints on Qwen2 are converted")
    tower = original.get("mm_vision_tower")
    vision = original.get("vision_config") or VISION_TOWERS.get(str(tower))
    if vision is None:
        raise InputError(f"the sizes of vision tower {tower!r} are not known; LLaVA-OneVision has {[*VISION_TOWERS]}")
    text = {key: value for key, value in original.items() if key not in _ORIGINAL_ONLY and not _NOT_TEXT.match(key)}
    config = LlavaOnevisionConfig(
        text_config={**text, "model_type": "qwen2", "tie_word_embeddings": tied},
        vision_config=dict(vision),
        image_token_index=original.get("image_token_index", IMAGE_TOKEN_INDEX),
        video_token_index=original.get("video_token_index", VIDEO_TOKEN_INDEX),
        image_grid_pinpoints=pinpoints(original.get("image_grid_pinpoints"), int(vision["image_size"])),
        vision_aspect_ratio=original.get("image_aspect_ratio", "anyres_max_9"),
        tie_word_embeddings=tied,
    )
    result: dict[str, Any] = config.to_dict()
    return {**result, "architectures": ["LlavaOnevisionForConditionalGeneration"]}


def original_config(config: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration that the original repository reads, of a Hugging Face one.

    Raises
    ------
    InputError
        Another model than LLaVA-OneVision.
    """
    from transformers import LlavaOnevisionConfig

    if config.get("model_type") != "llava_onevision":
        raise InputError(f"model_type {config.get('model_type')!r}: only llava_onevision is converted")
    whole = LlavaOnevisionConfig.from_dict(config).to_dict()
    vision, text = whole["vision_config"], whole["text_config"]
    tower = next(
        (name for name, sizes in VISION_TOWERS.items() if all(vision.get(key) == sizes[key] for key in sizes)), None
    )
    return {
        **{key: value for key, value in text.items() if key not in _ORIGINAL_ONLY},
        "architectures": ["LlavaQwenForCausalLM"],
        "model_type": "llava_qwen",
        "mm_vision_tower": tower,
        **({} if tower else {"vision_config": vision}),
        "mm_projector_type": "mlp2x_gelu",
        "mm_hidden_size": vision["hidden_size"],
        "mm_patch_merge_type": "spatial_unpad",
        "mm_vision_select_layer": -2,
        "mm_vision_select_feature": "patch",
        "image_aspect_ratio": whole["vision_aspect_ratio"],
        "image_grid_pinpoints": whole["image_grid_pinpoints"],
        "image_token_index": whole["image_token_index"],
        "video_token_index": whole["video_token_index"],
        "tie_word_embeddings": whole["tie_word_embeddings"],
    }


def pinpoints(original: Any, tile: int) -> list[list[int]] | None:
    """Return AnyRes resolutions as [height, width] in pixels, out of a list or of "(1x1),...,(6x6)"."""
    if original is None or isinstance(original, list):
        return original
    match = _RANGE.fullmatch(str(original).replace(" ", ""))
    if match is None:
        raise InputError(f"image_grid_pinpoints {original!r} are neither a list nor a range like (1x1),...,(6x6)")
    first_row, first_column, last_row, last_column = map(int, match.groups())
    rows, columns = range(first_row, last_row + 1), range(first_column, last_column + 1)
    return [[tile * row, tile * column] for row, column in itertools.product(rows, columns)]


def write_processor(folder: Path) -> None:
    """Write the processor of a converted checkpoint beside its ``config.json`` and tokenizer.

    Raises
    ------
    WeightsError
        There is no tokenizer, or the model's embeddings have no rows for its picture tokens.
    """
    from transformers import (
        AutoTokenizer,
        LlavaOnevisionConfig,
        LlavaOnevisionImageProcessor,
        LlavaOnevisionProcessor,
        LlavaOnevisionVideoProcessor,
    )

    config: Any = LlavaOnevisionConfig.from_pretrained(folder)
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder)
    except (OSError, ValueError, KeyError) as error:
        raise WeightsError(
            f"{folder} has no tokenizer; put Qwen2's tokenizer files beside the source's weights"
        ) from error
    tokenizer.add_tokens([IMAGE_TOKEN, VIDEO_TOKEN], special_tokens=True)
    vision = config.vision_config
    ids = (tokenizer.convert_tokens_to_ids(IMAGE_TOKEN), tokenizer.convert_tokens_to_ids(VIDEO_TOKEN))
    if ids != (config.image_token_index, config.video_token_index) or max(ids) >= config.text_config.vocab_size:
        raise WeightsError(
            f"the tokenizer gives {IMAGE_TOKEN} and {VIDEO_TOKEN} the ids {ids}, "
            f"the model has {config.image_token_index} and {config.video_token_index}; take the model's own tokenizer"
        )
    square = {"height": vision.image_size, "width": vision.image_size}
    scaling = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    LlavaOnevisionProcessor(
        LlavaOnevisionImageProcessor(size=square, image_grid_pinpoints=config.image_grid_pinpoints, **scaling),
        tokenizer,
        LlavaOnevisionVideoProcessor(size=square, **scaling),
        num_image_tokens=(vision.image_size // vision.patch_size) ** 2,
        vision_feature_select_strategy="full",
        vision_aspect_ratio=config.vision_aspect_ratio,
    ).save_pretrained(folder)
