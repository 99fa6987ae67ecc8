"""What an expert's file says besides its tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from looktwice.core.calibration import Calibration
from looktwice.core.errors import WeightsError
from looktwice.core.rates import EVEN_ODDS
from looktwice.encoders.adapters import AdapterShape, merge_adapters
from looktwice.encoders.base import VisionEncoder
from looktwice.encoders.registry import create_encoder
from looktwice.evidence.self_reference_maps import FeatureLevel
from looktwice.evidence.settings import DEFAULTS, Settings


@dataclass(frozen=True)
class AdaptedEncoder:
    """The encoder of photographs: a published one, with adapters that were trained here.

    Attributes
    ----------
    encoder : str
        A name of ``encoders.registry``.
    options : dict
        Of the encoder.
    adapters : AdapterShape
    level_dims : tuple of int
        Channels of its levels.
    embed_dim : int
        D of the Look-Twice Feature Matching on them.

    Examples
    --------
    >>> AdaptedEncoder().options, AdaptedEncoder().adapters.rank
    ({'input_size': 252}, 16)
    """

    encoder: str = "dinov2_small"
    options: dict[str, Any] = field(default_factory=lambda: {"input_size": 252})
    adapters: AdapterShape = field(default_factory=AdapterShape)
    level_dims: tuple[int, ...] = (384, 384, 384, 384)
    embed_dim: int = 256

    def open(self, trained: Mapping[str, Tensor]) -> VisionEncoder:
        """Return the encoder with its trained adapters merged into it.

        Raises
        ------
        WeightsError
            The adapters are missing, or not those of this encoder.
        """
        if self.adapters.rank and not trained:
            raise WeightsError("the expert has no adapters; train them with `looktwice train photographs`")
        encoder = create_encoder(self.encoder, **self.options)
        if trained:
            network: Any = encoder.network
            merge_adapters(network, self.adapters, trained)
        return encoder


@dataclass(frozen=True)
class ExpertConfig:
    """What an expert's file says besides its tensors.

    Attributes
    ----------
    encoder : str
    encoder_options : dict
    embed_dim : int
        D of the Look-Twice Feature Matching that selects tokens.
    feature_levels : tuple of FeatureLevel
        What the self-reference maps of slices and renderings are made of.
    adapted : AdaptedEncoder
        What photographs are judged by.
    max_tiles : int
        AnyRes crops of a photograph that tokens are selected from besides the whole; 1 for none.
    calibration : dict of str to Calibration
        By source of evidence; that of self-reference by the kind of input.
    materials : tuple of str
        Whose usual logits are known; see ``materials``.
    photographs_trained_on : tuple of str
        Names of the sets that what judges photographs has seen in training.
    trained_on : tuple of str
        Names of the sets that the other parts have seen.
    calibrated_on_site : tuple of str
        Names of the calibrations that a site has set by its own normal inputs.
    threshold : float
    revision : str
    settings : Settings
        What is tuned in the sources and comparisons.

    Examples
    --------
    >>> calibration = {"image": Calibration(score_shift=1.0)}
    >>> config = ExpertConfig("dinov2_small", {"input_size": 448}, 512, (FeatureLevel(1, 3),), calibration=calibration)
    >>> config.calibration["image"].logit(3.0), config.settings.memory_bank.coreset_size
    (2.0, 6000)
    """

    encoder: str
    encoder_options: dict[str, Any]
    embed_dim: int
    feature_levels: tuple[FeatureLevel, ...]
    adapted: AdaptedEncoder = field(default_factory=AdaptedEncoder)
    max_tiles: int = 1
    calibration: dict[str, Calibration] = field(default_factory=dict)
    materials: tuple[str, ...] = ()
    photographs_trained_on: tuple[str, ...] = ()
    trained_on: tuple[str, ...] = ()
    calibrated_on_site: tuple[str, ...] = ()
    threshold: float = EVEN_ODDS
    revision: str = "unreleased"
    settings: Settings = DEFAULTS
