"""Converting LLaVA-OneVision checkpoints between the original LLaVA-NeXT naming and Hugging Face's.

Shard by shard: never more than one file is in memory. Every tensor is read back and compared by its sha256, and
``conversion.json`` keeps the sha256 of each file read and written, so that a conversion that was broken off goes on
where it stopped.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from looktwice.core.atomic import atomic_path, write_json
from looktwice.core.errors import InputError, WeightsError
from looktwice.core.weights import sha256
from looktwice.reasoning.onevision import tensor_names
from looktwice.reasoning.onevision.adapters import convert_adapter, is_adapter
from looktwice.reasoning.onevision.configs import hugging_face_config, original_config, write_processor
from looktwice.reasoning.onevision.tensor_files import SAFETENSORS_INDEX, names, names_in, shards, tensors

MANIFEST = "conversion.json"
_TOKENIZER_FILES = ("tokenizer*.json", "vocab.json", "merges.txt", "added_tokens.json", "special_tokens_map.json")
_SHA256 = re.compile(r"[0-9a-f]{64}")

Progress = Callable[[str], None]


def is_original(folder: Path) -> bool:
    """Tell whether a folder holds weights in the original naming, by the names in its index or first file."""
    return any(tensor_names.is_original_name(name) for name in names(folder))


def convert_checkpoint(source: Path, target: Path, progress: Progress | None = None) -> None:
    """Convert a checkpoint folder to the other naming; of a LoRA adapter, from the original's.

    Parameters
    ----------
    source : Path
        Folder with ``config.json``, weights as safetensors or ``.bin`` (read with ``weights_only=True``), tokenizer.
    target : Path
        Folder to write; made where it is not there. Files that an earlier run wrote are kept if they are whole.
    progress : callable, optional
        Told of each file.

    Raises
    ------
    InputError
        `source` is not a LLaVA-OneVision checkpoint.
    WeightsError
        A file is damaged: unreadable, or not of the sha256 that the hub gave it.
    """
    if target.resolve() == source.resolve():
        raise InputError(f"{target} is the source folder; choose another output folder")
    if is_adapter(source):
        convert_adapter(source, target)
        return
    files = shards(source)
    if not files:
        raise InputError(f"{source} contains no weights (model*.safetensors or pytorch_model*.bin)")
    forward = is_original(source)
    config = _converted_config(source, forward)
    target.mkdir(parents=True, exist_ok=True)
    weight_map = _convert_shards(files, target, forward, progress)
    if len(files) > 1:
        size = sum((target / name).stat().st_size for name in set(weight_map.values()))
        index = {"metadata": {"total_size": size}, "weight_map": dict(sorted(weight_map.items()))}
        write_json(index, target / SAFETENSORS_INDEX)
    write_json(config, target / "config.json")
    _copy_tokenizer(source, target)
    if forward:
        write_processor(target)


def _converted_config(source: Path, forward: bool) -> dict[str, Any]:
    config = _read_config(source)
    if not forward:
        return original_config(config)
    return hugging_face_config(config, tied=not any("lm_head" in name for name in names(source)))


def _convert_shards(files: list[Path], target: Path, forward: bool, progress: Progress | None) -> dict[str, str]:
    """Write what is not yet there, and return which file holds each tensor."""
    rename = tensor_names.to_hugging_face if forward else tensor_names.to_original
    manifest = _read_manifest(target, "original to Hugging Face" if forward else "Hugging Face to original")
    weight_map: dict[str, str] = {}
    for number, file in enumerate(files, 1):
        name = "model.safetensors" if len(files) == 1 else f"model-{number:05d}-of-{len(files):05d}.safetensors"
        if progress is not None:
            progress(f"{file.name} → {name}")
        digest = _checked_sha256(file)
        done = manifest["files"].get(name)
        if done is None or done["source_sha256"] != digest or not _is_whole(target / name, done["sha256"]):
            _convert_shard(file, target / name, rename)
            manifest["files"][name] = {"source_sha256": digest, "sha256": sha256(target / name)}
            write_json(manifest, target / MANIFEST)
        weight_map |= dict.fromkeys(names_in(target / name), name)
    return weight_map


def _convert_shard(source: Path, target: Path, rename: Callable[[str], str | None]) -> None:
    from safetensors.torch import save_file

    renamed: dict[str, Tensor] = {}
    for name, tensor in tensors(source):
        new = rename(name)
        if new is not None:
            renamed[new] = tensor.contiguous()
    expected = {name: _digest(tensor) for name, tensor in renamed.items()}
    with atomic_path(target) as temporary:
        save_file(renamed, temporary, metadata={"format": "pt"})
        del renamed
        for name, tensor in tensors(temporary):
            if _digest(tensor) != expected.pop(name):
                raise WeightsError(f"{name} differs after being written to {target}; check the disk")
        if expected:
            raise WeightsError(f"{next(iter(expected))} was not written to {target}; check the disk")


def _digest(tensor: Tensor) -> str:
    raw = tensor.contiguous().view(torch.uint8) if tensor.ndim else tensor.reshape(1).view(torch.uint8)
    return hashlib.sha256(repr((tensor.dtype, tuple(tensor.shape))).encode() + raw.numpy().tobytes()).hexdigest()


def _checked_sha256(path: Path) -> str:
    """Return a file's sha256; in the hub's cache the blob's own name is the one that it must have."""
    digest, blob = sha256(path), path.resolve().name
    if _SHA256.fullmatch(blob) and blob != digest:
        raise WeightsError(f"{path} is damaged (its sha256 is not the hub's); delete it and download it again")
    return digest


def _is_whole(path: Path, digest: str) -> bool:
    return path.is_file() and sha256(path) == digest


def _read_config(folder: Path) -> dict[str, Any]:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{folder} has no readable config.json; a whole checkpoint folder is needed") from error
    if not isinstance(config, dict):
        raise InputError(f"{folder}/config.json is not a JSON object")
    return config


def _read_manifest(target: Path, direction: str) -> dict[str, Any]:
    try:
        manifest = json.loads((target / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        manifest = None
    if isinstance(manifest, dict) and manifest.get("direction") == direction:
        return manifest
    return {"direction": direction, "files": {}}


def _copy_tokenizer(source: Path, target: Path) -> None:
    for pattern in _TOKENIZER_FILES:
        for file in source.glob(pattern):
            shutil.copyfile(file, target / file.name)
