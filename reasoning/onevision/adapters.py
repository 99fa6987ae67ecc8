"""LoRA adapters of LLaVA-OneVision: loading them with peft, and converting those in the original naming.

Training in the LLaVA-NeXT repository leaves a peft adapter whose names are the original's, and beside it
``non_lora_trainables.bin`` with what was trained in full (the projector). Converted, both have Hugging Face's names.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from torch import Tensor

from looktwice.core.atomic import atomic_path, write_json
from looktwice.core.errors import InputError, WeightsError
from looktwice.core.weights import resolve_repository
from looktwice.reasoning.onevision import tensor_names
from looktwice.reasoning.onevision.tensor_files import names_in, tensors

if TYPE_CHECKING:
    from transformers import LlavaOnevisionForConditionalGeneration

ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")
FULL_WEIGHTS = ("non_lora_trainables.safetensors", "non_lora_trainables.bin")
_PEFT_PREFIX = "base_model.model."


def is_adapter(folder: Path) -> bool:
    """Tell whether a folder holds a peft adapter."""
    return (folder / ADAPTER_CONFIG).is_file()


def is_original_adapter(folder: Path) -> bool:
    """Tell whether an adapter's names are the original LLaVA-NeXT ones."""
    file = _first(folder, ADAPTER_WEIGHTS)
    return file is not None and any(tensor_names.is_original_name(_bare(name)) for name in names_in(file))


def convert_adapter(source: Path, target: Path) -> None:
    """Convert an adapter from the original naming to Hugging Face's.

    Parameters
    ----------
    source : Path
        Folder with ``adapter_config.json``, ``adapter_model`` and, where there is one, ``non_lora_trainables``.
    target : Path
        Folder to write.

    Raises
    ------
    InputError
        `source` is no adapter in the original naming.
    """
    weights = _first(source, ADAPTER_WEIGHTS)
    if weights is None or not is_adapter(source) or not is_original_adapter(source):
        raise InputError(f"{source} is not a LoRA adapter in the original LLaVA-NeXT naming")
    target.mkdir(parents=True, exist_ok=True)
    adapter = {f"{_PEFT_PREFIX}{name}": tensor for name, tensor in _renamed(weights).items()}
    _save(adapter, target / ADAPTER_WEIGHTS[0])
    full = _first(source, FULL_WEIGHTS)
    if full is not None:
        _save(_renamed(full), target / FULL_WEIGHTS[0])
    config = json.loads((source / ADAPTER_CONFIG).read_text(encoding="utf-8"))
    # Bare names such as "q_proj" would match the vision tower too; the file says which modules were trained.
    modules = {_bare(name).partition(".lora_")[0] for name in adapter if ".lora_" in name}
    config |= {"target_modules": sorted(modules), "auto_mapping": None, "modules_to_save": None}
    write_json(config, target / ADAPTER_CONFIG)


def apply_adapter(
    model: LlavaOnevisionForConditionalGeneration, adapter: str, merge: bool = True
) -> LlavaOnevisionForConditionalGeneration:
    """Put a LoRA adapter on a model.

    Parameters
    ----------
    model : LlavaOnevisionForConditionalGeneration
    adapter : str
        Hub id or folder in Hugging Face's tensor_names.
    merge : bool
        Add the adapter to the weights; a 4-bit model keeps it apart.

    Raises
    ------
    WeightsError
        It cannot be read, or is not for this model.
    """
    from peft import PeftModel

    folder = resolve_repository(adapter)
    if is_original_adapter(folder):
        raise WeightsError(
            f"{folder} has the original LLaVA-NeXT naming; run `looktwice models convert {folder} --out OUT`"
        )
    full = _first(folder, FULL_WEIGHTS)
    if full is not None:
        unexpected = model.load_state_dict(dict(tensors(full)), strict=False).unexpected_keys
        if unexpected:
            raise WeightsError(f"{full} contains {unexpected[0]}, which this model does not have")
    try:
        adapted = PeftModel.from_pretrained(model, str(folder))
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise WeightsError(f"{adapter} cannot be loaded as a LoRA adapter of this model: {reason}") from error
    result: Any = adapted.merge_and_unload() if merge else adapted.get_base_model()
    return cast("LlavaOnevisionForConditionalGeneration", result)


def _renamed(file: Path) -> dict[str, Tensor]:
    """Read tensors under their names in the model as transformers has it in memory."""
    renamed = {}
    for name, tensor in tensors(file):
        new = tensor_names.to_hugging_face(_bare(name))
        if new is not None:
            renamed[tensor_names.to_memory(new)] = tensor.contiguous()
    return renamed


def _bare(name: str) -> str:
    return name.removeprefix(_PEFT_PREFIX)


def _first(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _save(state: dict[str, Tensor], path: Path) -> None:
    from safetensors.torch import save_file

    with atomic_path(path) as temporary:
        save_file(state, temporary, metadata={"format": "pt"})
