"""Weight files of a checkpoint folder: safetensors, or ``.bin`` read with ``weights_only=True``; in shards or whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from looktwice.core.errors import WeightsError

SAFETENSORS_INDEX = "model.safetensors.index.json"
_INDICES = (SAFETENSORS_INDEX, "pytorch_model.bin.index.json")


def shards(folder: Path) -> list[Path]:
    """Return a checkpoint's weight files in order; none if there are none.

    Raises
    ------
    WeightsError
        The index names a file that is not there.
    """
    for index in _INDICES:
        if (folder / index).is_file():
            names = sorted(set(json.loads((folder / index).read_text(encoding="utf-8"))["weight_map"].values()))
            missing = [name for name in names if not (folder / name).is_file()]
            if missing:
                raise WeightsError(f"{folder} lacks {missing[0]}, which its index lists; download it again")
            return [folder / name for name in names]
    return [path for name in ("model.safetensors", "pytorch_model.bin") if (path := folder / name).is_file()][:1]


def names(folder: Path) -> list[str]:
    """Return the names of all tensors of a checkpoint folder; none if it holds no weights."""
    for index in _INDICES:
        if (folder / index).is_file():
            return list(json.loads((folder / index).read_text(encoding="utf-8"))["weight_map"])
    return [name for file in shards(folder) for name in names_in(file)]


def names_in(file: Path) -> list[str]:
    """Return the names of the tensors in one weight file."""
    return _safetensors_names(file) if file.suffix == ".safetensors" else list(_read_bin(file))


def tensors(path: Path) -> Iterator[tuple[str, Tensor]]:
    """Yield names and tensors of one weight file; of a safetensors file one at a time."""
    if path.suffix != ".safetensors":
        yield from _read_bin(path).items()
        return
    from safetensors import safe_open

    names = _safetensors_names(path)
    with safe_open(path, framework="pt") as file:
        for name in names:
            yield name, file.get_tensor(name)


def _safetensors_names(path: Path) -> list[str]:
    from safetensors import safe_open

    try:
        with safe_open(path, framework="pt") as file:
            return list(file.keys())
    except Exception as error:  # safetensors raises its own kind, which derives from Exception alone
        raise WeightsError(f"{path} cannot be read as safetensors ({error}); download it again") from error


def _read_bin(path: Path) -> dict[str, Tensor]:
    try:
        loaded: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # torch, pickle and zipfile each raise their own kinds
        raise WeightsError(f"{path} cannot be read as weights ({type(error).__name__}); download it again") from error
    return loaded
