"""Reading an expert's file."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from looktwice.core.calibration import Calibration
from looktwice.core.errors import WeightsError
from looktwice.core.weights import sha256
from looktwice.encoders.adapters import AdapterShape
from looktwice.encoders.registry import create_encoder
from looktwice.evidence.config import AdaptedEncoder, ExpertConfig
from looktwice.evidence.expert import Expert, build_expert
from looktwice.evidence.self_reference_maps import FeatureLevel
from looktwice.evidence.settings import DEFAULTS, Settings


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
        for name in ("look_twice", "fusion", "adapted_look_twice", "materials"):
            expert.get_submodule(name).load_state_dict(_part(tensors, name))
    except RuntimeError as error:
        raise WeightsError(f"{path} does not match its encoder {config.encoder}; train it again") from error
    expert.adapters = _part(tensors, "adapters")
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
        if "adapted" not in settings:
            raise WeightsError(f"{path} was written by an earlier version of looktwice; train it again")
        settings["feature_levels"] = tuple(FeatureLevel(*level) for level in settings["feature_levels"])
        settings["adapted"] = _adapted(settings["adapted"])
        settings["settings"] = _settings(path, settings.get("settings", {}))
        for name in ("materials", "photographs_trained_on", "trained_on", "calibrated_on_site"):
            settings[name] = tuple(settings.get(name, ()))
        settings["calibration"] = {kind: Calibration(**values) for kind, values in settings["calibration"].items()}
        return ExpertConfig(**settings), tensors
    except (SafetensorError, OSError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path} is not an expert file written by looktwice ({type(error).__name__})") from error


def _settings(path: Path, stored: dict[str, dict[str, Any]]) -> Settings:
    """Return stored settings; what a file lacks has its default."""
    return replace(DEFAULTS, **{name: _group(path, name, values) for name, values in stored.items()})


def _group(path: Path, name: str, stored: dict[str, Any]) -> Any:
    default = getattr(DEFAULTS, name, None)
    known = {} if default is None else asdict(default)
    for field, value in stored.items():
        if field not in known:
            raise WeightsError(f"{path} has a setting that this version does not know: {name}.{field}")
        kinds = {float: (int, float), int: (int,), tuple: (list,)}
        if not isinstance(value, kinds[type(known[field])]):
            raise WeightsError(f"{path} has a setting of the wrong kind: {name}.{field} = {value!r}")
    if default is None:
        raise WeightsError(f"{path} has settings that this version does not know: {name}")
    # JSON has no tuples.
    return replace(default, **{field: tuple(v) if isinstance(v, list) else v for field, v in stored.items()})


def _adapted(stored: dict[str, Any]) -> AdaptedEncoder:
    shape, dims = AdapterShape(**stored["adapters"]), tuple(stored["level_dims"])
    return AdaptedEncoder(**{**stored, "adapters": shape, "level_dims": dims})


def _part(tensors: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key.removeprefix(f"{name}."): tensor for key, tensor in tensors.items() if key.startswith(f"{name}.")}
