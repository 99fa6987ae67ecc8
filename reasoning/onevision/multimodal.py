"""Multimodal language models by transformers' own classes: any family that reads pictures between words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from looktwice.core.device import resolve_device
from looktwice.core.errors import LookTwiceError, WeightsError
from looktwice.reasoning.onevision.loading import loading_options, read_pretrained

REPOSITORIES = {
    "qwen2-vl-2b": "Qwen/Qwen2-VL-2B-Instruct",
    "qwen2-vl-7b": "Qwen/Qwen2-VL-7B-Instruct",
    "qwen2.5-vl-3b": "Qwen/Qwen2.5-VL-3B-Instruct",
    "qwen2.5-vl-7b": "Qwen/Qwen2.5-VL-7B-Instruct",
    "qwen3-vl-2b": "Qwen/Qwen3-VL-2B-Instruct",
    "qwen3-vl-4b": "Qwen/Qwen3-VL-4B-Instruct",
    "qwen3-vl-8b": "Qwen/Qwen3-VL-8B-Instruct",
}
"""Short names of hub repositories."""


def find_weights(source: str) -> Path:
    """Return the folder of a model that is here: a local folder, or a repository in the hub's cache.

    Nothing is fetched: gigabytes are downloaded only where they are asked for.

    Parameters
    ----------
    source : str
        A folder in the hub's format, a repository's name, or one of ``REPOSITORIES``.

    Raises
    ------
    WeightsError
        It is not here; the line says what to run.
    """
    folder = Path(source).expanduser()
    if folder.is_dir():
        return folder
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    repository = REPOSITORIES.get(source, source)
    try:
        return Path(snapshot_download(repository, local_files_only=True))
    except HFValidationError as error:
        raise WeightsError(
            f"{source} is neither a folder nor the name of a repository on the Hugging Face hub"
        ) from error
    except LocalEntryNotFoundError as error:
        raise WeightsError(
            f"the weights of {repository} are missing; run `hf download {repository}`, or give the path of a folder "
            "that contains them"
        ) from error


def load_multimodal(
    folder: Path, device: str = "auto", dtype: torch.dtype | None = None, four_bit: bool = False
) -> tuple[Any, Any]:
    """Load a model that reads pictures and text, and its processor.

    Parameters
    ----------
    folder : Path
        In the hub's format, with a chat template.
    device : str
        "auto" and "cuda" let accelerate spread the model over the GPUs there are; "cuda:0" takes one; "cpu".
    dtype : torch.dtype, optional
        By default bfloat16 on a GPU that has it, float16 on an older one, float32 on the CPU.
    four_bit : bool
        Load the LLM in 4 bits (NF4); needs a CUDA device and bitsandbytes.

    Returns
    -------
    model : PreTrainedModel
        Of ``AutoModelForImageTextToText``.
    processor : ProcessorMixin

    Raises
    ------
    WeightsError
        The folder holds no such model, or not all of it.
    UsageError
        4 bits are asked for where they cannot be had.
    LookTwiceError
        Out of memory.
    """
    from transformers import AutoModelForImageTextToText, AutoProcessor

    options = loading_options(resolve_device(device), dtype, four_bit)
    try:
        model, processor = read_pretrained(
            folder, AutoModelForImageTextToText, AutoProcessor, "a model of pictures and text", options
        )
    except torch.OutOfMemoryError as error:
        raise LookTwiceError(
            "this model does not fit on this GPU; use a smaller one, add :4bit to its name, or use --device cpu"
        ) from error
    if not getattr(processor, "chat_template", None):
        raise WeightsError(f"{folder} has no chat template; use an instruct model that includes its chat_template file")
    return model.eval(), processor
