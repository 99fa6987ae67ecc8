"""Reading an expert's file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from looktwice.encoders.calibration import Calibration
from looktwice.encoders.expert import Expert, ExpertConfig, Look, build_expert
from looktwice.encoders.registry import create_encoder
from looktwice.encoders.self_reference import Field
from looktwice.encoders.weights import sha256
from looktwice.errors import WeightsError


def load_expert(path: Path, device: torch.device) -> Expert:
    """Load an expert from its safetensors file, with its encoder.

    Raises
    ------
    WeightsError
        Not an expert's file, or damaged.
    """
    config, tensors = _read(path)
    expert = build_expert(create_encoder(config.encoder, **config.encoder_options), config)
    try:
        for name in ("look_twice", "fusion", "photo_fusion"):
            expert.get_submodule(name).load_state_dict(_part(tensors, name))
    except RuntimeError as error:
        raise WeightsError(f"{path} does not fit its own encoder {config.encoder}: retrain it") from error
    expert.files = {path.name: sha256(path)}
    return expert.to(device)


def load_look_twice(path: Path) -> dict[str, Tensor]:
    """Return the weights of an expert's Look-Twice.

    Raises
    ------
    WeightsError
        Not an expert's file, or damaged.
    """
    return _part(_read(path)[1], "look_twice")


def _read(path: Path) -> tuple[ExpertConfig, dict[str, Tensor]]:
    """Return what ``Expert.save`` wrote."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            settings = json.loads((file.metadata() or {})["looktwice"])
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        settings["fields"] = _fields(settings["fields"])
        settings["looks"] = tuple(Look(**look | {"fields": _fields(look["fields"])}) for look in settings["looks"])
        settings["heterogeneous"] = tuple(settings["heterogeneous"])
        settings["trained_on"] = tuple(settings["trained_on"])
        settings["calibration"] = {kind: Calibration(**values) for kind, values in settings["calibration"].items()}
        return ExpertConfig(**settings), tensors
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path} is not an expert written by looktwice ({type(error).__name__})") from error


def _fields(stored: Sequence[Sequence[int]]) -> tuple[Field, ...]:
    return tuple(Field(*field) for field in stored)


def _part(tensors: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key.removeprefix(f"{name}."): tensor for key, tensor in tensors.items() if key.startswith(f"{name}.")}
