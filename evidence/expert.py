"""The expert: an encoder, and the learnt parts of those sources of evidence that work on its tokens."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn

from looktwice.core.atomic import atomic_path
from looktwice.encoders.base import VisionEncoder
from looktwice.evidence.config import ExpertConfig
from looktwice.evidence.materials import LEVEL, Materials
from looktwice.evidence.networks.adapted_look_twice import AdaptedLookTwice
from looktwice.evidence.networks.look_twice import LookTwice
from looktwice.evidence.networks.probes import Fusion
from looktwice.evidence.self_reference_maps import MAPS


class Expert(nn.Module):
    """Frozen encoders, Look-Twice Feature Matching on them, and the probes of self-reference.

    Attributes
    ----------
    encoder : VisionEncoder
        Of slices and renderings, and of the tokens that a language model reads.
    look_twice : LookTwice
        Selects these tokens.
    fusion : Fusion
        Of slices and renderings.
    adapted_look_twice : AdaptedLookTwice
        Judges photographs, over `adapted_encoder`.
    adapters : dict of str to Tensor
        Of that encoder, by name.
    materials : Materials
        What is usual of photographs of several materials.
    config : ExpertConfig
    files : dict of str to str
        Weight files and their sha256.

    Examples
    --------
    Every feature level gives two maps to the probes of slices and renderings:

    >>> from looktwice.evidence.self_reference_maps import FeatureLevel
    >>> encoder = nn.Linear(8, 8)  # stands for an encoder
    >>> config = ExpertConfig("mine", {}, 16, (FeatureLevel(0, 1), FeatureLevel(0, 3)))
    >>> expert = Expert(encoder, LookTwice(8, [8], 16, (4, 4), embed_dim=16), config)
    >>> expert.fusion.channels
    4
    """

    def __init__(self, encoder: VisionEncoder, look_twice: LookTwice, config: ExpertConfig) -> None:
        super().__init__()
        self.encoder, self.look_twice, self.config = encoder, look_twice, config
        self.fusion = Fusion(len(config.feature_levels) * len(MAPS), settings=config.settings.self_reference)
        self.adapted_look_twice = AdaptedLookTwice(config.adapted.level_dims, config.adapted.embed_dim)
        self.adapters: dict[str, Tensor] = {}
        self.materials = Materials(config.materials, 2 * config.adapted.level_dims[LEVEL])
        self.files: dict[str, str] = {}
        self.eval()

    @property
    def device(self) -> torch.device:
        """Where the encoder is."""
        return next(self.encoder.parameters()).device

    @cached_property
    def adapted_encoder(self) -> VisionEncoder:
        """The encoder of photographs, its adapters merged: loaded when first used, onto the expert's device."""
        return self.config.adapted.open(self.adapters).to(self.device)

    def save(self, path: Path) -> None:
        """Write all that was trained, with the configuration, as one safetensors file, by a temporary name."""
        from safetensors.torch import save_file

        tensors = {f"adapters.{name}": one.half().contiguous() for name, one in self.adapters.items()}
        for name in ("look_twice", "adapted_look_twice", "materials"):
            state = self.get_submodule(name).state_dict()
            tensors |= {f"{name}.{key}": one.half().contiguous() for key, one in state.items()}
        tensors |= {f"fusion.{key}": one.contiguous() for key, one in self.fusion.state_dict().items()}
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary:
            save_file(tensors, temporary, metadata={"looktwice": json.dumps(asdict(self.config))})


def build_expert(encoder: VisionEncoder, config: ExpertConfig) -> Expert:
    """Return an expert of the right sizes with untrained weights: to be trained or loaded, never to be used as is."""
    look_twice = LookTwice(
        encoder.token_dim, encoder.level_dims, encoder.num_tokens, encoder.grid, embed_dim=config.embed_dim
    )
    return Expert(encoder, look_twice, config)
