"""Loading Anomaly-OneVision: LLaVA-OneVision weights, the expert, and an adapter where there is one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from looktwice.core.device import resolve_device
from looktwice.core.errors import LookTwiceError, UsageError, WeightsError
from looktwice.core.weights import resolve_repository
from looktwice.encoders.siglip import LEVEL_STATES
from looktwice.evidence.networks.look_twice import LookTwice
from looktwice.reasoning.onevision.adapters import apply_adapter
from looktwice.reasoning.onevision.convert import is_original
from looktwice.reasoning.onevision.reasoner import OneVision
from looktwice.reasoning.onevision.visual import MAX_VISUAL_TOKENS

if TYPE_CHECKING:
    from transformers import LlavaOnevisionForConditionalGeneration

NOT_QUANTISED = ["vision_tower", "visual", "multi_modal_projector", "lm_head"]
"""What stays in half precision in a 4-bit model: the expert reads the tower's tokens, which must not move."""


def load_onevision(
    source: str,
    expert: Path | str,
    adapter: str | None = None,
    device: str = "auto",
    dtype: torch.dtype | None = None,
    four_bit: bool = False,
    max_visual_tokens: int = MAX_VISUAL_TOKENS,
    max_new_tokens: int = 512,
    author: str = "",
) -> OneVision:
    """Load Anomaly-OneVision.

    Parameters
    ----------
    source : str
        Hub id or folder of LLaVA-OneVision weights in Hugging Face's naming; ``convert`` brings others to it.
    expert : Path or str
        The released ``pretrained_expert_*.pth``, or the same as safetensors.
    adapter : str, optional
        Hub id or folder of a LoRA adapter (peft); it is merged into the weights, except in 4 bits.
    device : str
        "auto" and "cuda" let accelerate spread the model over the GPUs there are; "cuda:0" takes one; "cpu".
    dtype : torch.dtype, optional
        By default bfloat16 on a GPU that has it, float16 on an older one, float32 on the CPU.
    four_bit : bool
        Load the LLM in 4 bits (NF4); needs a CUDA device and bitsandbytes.
    max_visual_tokens, max_new_tokens : int
        Most tokens that pictures take, and the longest answer.
    author : str
        Of its answers.

    Raises
    ------
    WeightsError
        Weights are missing, are of another model, or do not belong together; the line says what to run.
    UsageError
        4 bits are asked for where they cannot be had.
    LookTwiceError
        Out of memory; the line names a smaller setting.
    """
    folder = resolve_repository(source)
    if is_original(folder):
        raise WeightsError(
            f"{folder} has the original LLaVA-NeXT naming; run `looktwice models convert {folder} --out OUT`"
        )
    from transformers import LlavaOnevisionForConditionalGeneration, LlavaOnevisionProcessor

    options = loading_options(resolve_device(device), dtype, four_bit)
    classes = (LlavaOnevisionForConditionalGeneration, LlavaOnevisionProcessor)
    try:
        model, processor = read_pretrained(folder, *classes, "LLaVA-OneVision", options)
    except torch.OutOfMemoryError as error:
        raise LookTwiceError(
            f"{source} does not fit on this GPU; try --llm onevision-7b:4bit, or onevision-0.5b, or --device cpu"
        ) from error
    if adapter is not None:
        model = apply_adapter(model, adapter, merge=not four_bit)
    looker = LookTwice.from_official(expert).to(model.model.image_newline.device)
    _check_pair(model, looker, source)
    return OneVision(model, processor, looker, Path(source).name, max_visual_tokens, max_new_tokens, author)


def read_pretrained(
    folder: Path, model_class: Any, processor_class: Any, called: str, options: dict[str, Any]
) -> tuple[Any, Any]:
    """Read a model and its processor out of a folder in the hub's format.

    Parameters
    ----------
    folder : Path
    model_class, processor_class : type
        Of transformers, with ``from_pretrained``.
    called : str
        What the model is called in errors.
    options : dict
        Those of :func:`loading_options`.

    Raises
    ------
    WeightsError
        The folder holds something else, or not all of it.
    """
    try:
        processor = processor_class.from_pretrained(folder)
        # transformers fills what a file does not hold with noise and goes on; answers out of noise are worse than none.
        model, loaded = model_class.from_pretrained(folder, output_loading_info=True, use_safetensors=True, **options)
    except torch.OutOfMemoryError:
        raise
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise WeightsError(f"{folder} cannot be loaded as {called}: {reason}") from error
    missing = sorted(loaded["missing_keys"])
    if missing:
        raise WeightsError(f"{folder} lacks {len(missing)} tensors of {called} ({missing[0]}, ...)")
    return model, processor


def loading_options(device: torch.device, dtype: torch.dtype | None, four_bit: bool) -> dict[str, Any]:
    """Return what ``from_pretrained`` is given: precision, attention, where the weights go; see `load_onevision`.

    Raises
    ------
    UsageError
        4 bits are asked for where they cannot be had.
    """
    from transformers.utils.import_utils import is_bitsandbytes_available, is_flash_attn_2_available

    on_gpu = device.type == "cuda"
    if dtype is None:
        dtype = torch.float32 if not on_gpu else torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    flash = on_gpu and dtype is not torch.float32 and is_flash_attn_2_available()
    options: dict[str, Any] = {
        "dtype": dtype,
        "attn_implementation": {"text_config": "flash_attention_2" if flash else "sdpa", "vision_config": "sdpa"},
        # accelerate spreads the model over all GPUs, unless one is named.
        "device_map": "auto" if on_gpu and device.index is None else {"": str(device)},
    }
    if four_bit:
        if not on_gpu:
            raise UsageError("4-bit weights need a CUDA device; remove :4bit")
        if not is_bitsandbytes_available():
            raise UsageError("4-bit weights need bitsandbytes: pip install 'looktwice[4bit]'")
        from transformers import BitsAndBytesConfig

        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
            llm_int8_skip_modules=NOT_QUANTISED,
        )
    return options


def _check_pair(model: LlavaOnevisionForConditionalGeneration, expert: LookTwice, source: str) -> None:
    vision: Any = model.config.vision_config
    side = vision.image_size // vision.patch_size
    if (expert.token_dim, expert.num_tokens, len(expert.level_dims)) != (
        vision.hidden_size,
        side * side,
        len(LEVEL_STATES),
    ):
        raise WeightsError(
            f"the expert expects {expert.num_tokens} tokens of {expert.token_dim} channels, but {source} has "
            f"{side * side} of {vision.hidden_size}; use the expert that was trained with this model"
        )
