"""The expert: an encoder, and the learnt parts of those sources of evidence that work on its tokens."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import cached_property
from pathlib import Path

import torch
from torch import nn

from looktwice.core.atomic import atomic_path
from looktwice.encoders.base import VisionEncoder
from looktwice.evidence.config import ExpertConfig
from looktwice.evidence.networks.look_twice import LookTwice
from looktwice.evidence.networks.probes import Fusion
from looktwice.evidence.self_reference_maps import MAPS


class Expert(nn.Module):
    """A frozen encoder, Look-Twice Feature Matching, and the probes of self-reference.

    Attributes
    ----------
    encoder : VisionEncoder
    look_twice : LookTwice
    fusion, photo_fusion : Fusion
        Of slices and renderings, and of photographs.
    config : ExpertConfig
    files : dict of str to str
        Weight files and their sha256.

    Examples
    --------
    An expert looks at photographs in further passes, and fuses more maps of them than of slices:

    >>> from looktwice.evidence.config import EncoderPass
    >>> from looktwice.evidence.self_reference_maps import FeatureLevel
    >>> level, encoder = FeatureLevel(0, 1), nn.Linear(8, 8)  # stands for an encoder
    >>> config = ExpertConfig("mine", {}, 16, (level,), passes=(EncoderPass("", {}, (level, level)),))
    >>> expert = Expert(encoder, LookTwice(8, [8], 16, (4, 4), embed_dim=16), config)
    >>> expert.fusion.channels, expert.photo_fusion.channels
    (2, 6)
    """

    def __init__(self, encoder: VisionEncoder, look_twice: LookTwice, config: ExpertConfig) -> None:
        super().__init__()
        self.encoder, self.look_twice, self.config = encoder, look_twice, config
        settings = config.settings.self_reference
        self.fusion = Fusion(len(config.feature_levels) * len(MAPS), settings=settings)
        levels = len(config.feature_levels) + sum(len(one.feature_levels) for one in config.passes)
        heterogeneous = [level * len(MAPS) for level in config.heterogeneous]
        self.photo_fusion = Fusion(levels * len(MAPS), heterogeneous, settings)
        self.files: dict[str, str] = {}
        self.eval()

    @property
    def device(self) -> torch.device:
        """Where the encoder is."""
        return next(self.encoder.parameters()).device

    @cached_property
    def pass_encoders(self) -> list[VisionEncoder]:
        """Encoders of the further passes over photographs: loaded when first used, onto the expert's device."""
        return [one.open(self.encoder).to(self.device) for one in self.config.passes]

    def save(self, path: Path) -> None:
        """Write LookTwice and the probes with their configuration as one safetensors file, by a temporary name."""
        from safetensors.torch import save_file

        tensors = {f"look_twice.{k}": v.half().contiguous() for k, v in self.look_twice.state_dict().items()}
        for name, part in (("fusion", self.fusion), ("photo_fusion", self.photo_fusion)):
            tensors |= {f"{name}.{k}": v.contiguous() for k, v in part.state_dict().items()}
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary:
            save_file(tensors, temporary, metadata={"looktwice": json.dumps(asdict(self.config))})


def build_expert(encoder: VisionEncoder, config: ExpertConfig) -> Expert:
    """Return an expert of the right sizes with untrained weights: to be trained or loaded, never to be used as is."""
    look_twice = LookTwice(
        encoder.token_dim, encoder.level_dims, encoder.num_tokens, encoder.grid, embed_dim=config.embed_dim
    )
    return Expert(encoder, look_twice, config)
