"""Reading an expert's file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from looktwice.core.calibration import Calibration
from looktwice.core.errors import WeightsError
from looktwice.core.weights import sha256
from looktwice.encoders.registry import create_encoder
from looktwice.evidence.config import EncoderPass, ExpertConfig
from looktwice.evidence.expert import Expert, build_expert
from looktwice.evidence.self_reference_maps import FeatureLevel
from looktwice.evidence.settings import DEFAULTS, Settings

# What files written before version 0.2 call a setting, or a source of evidence.
_EARLIER_NAMES = {"fields": "feature_levels", "looks": "passes"}
_EARLIER_SOURCES = {"mirror": "asymmetry"}


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
        raise WeightsError(f"{path} does not match its encoder {config.encoder}; train it again") from error
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
        tensors = {_current_name(name): tensor for name, tensor in tensors.items()}
        for old, new in _EARLIER_NAMES.items():
            if old in settings:
                settings[new] = settings.pop(old)
        settings["feature_levels"] = _levels(settings["feature_levels"])
        settings["passes"] = tuple(_pass(stored) for stored in settings["passes"])
        settings["heterogeneous"] = tuple(settings["heterogeneous"])
        settings["settings"] = _settings(path, settings.get("settings", {}))
        settings["trained_on"] = tuple(settings["trained_on"])
        settings["calibration"] = {
            _EARLIER_SOURCES.get(kind, kind): Calibration(**values) for kind, values in settings["calibration"].items()
        }
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


def _levels(stored: Sequence[Sequence[int]]) -> tuple[FeatureLevel, ...]:
    return tuple(FeatureLevel(*level) for level in stored)


def _pass(stored: dict[str, Any]) -> EncoderPass:
    return EncoderPass(stored["encoder"], stored["options"], _levels(stored.get("feature_levels") or stored["fields"]))


def _current_name(tensor: str) -> str:
    """Return today's name of a tensor; probes were called heads before."""
    return tensor.replace(".map_head.", ".map_probe.").replace(".view_head.", ".view_probe.")


def _part(tensors: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key.removeprefix(f"{name}."): tensor for key, tensor in tensors.items() if key.startswith(f"{name}.")}
