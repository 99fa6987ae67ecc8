"""What an expert's file says besides its tensors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from looktwice.core.calibration import Calibration
from looktwice.core.rates import EVEN_ODDS
from looktwice.encoders.base import VisionEncoder
from looktwice.encoders.registry import create_encoder
from looktwice.evidence.self_reference_maps import FeatureLevel
from looktwice.evidence.settings import DEFAULTS, Settings


@dataclass(frozen=True)
class EncoderPass:
    """A further pass over photographs, by another encoder or by the expert's own at twice the side.

    Attributes
    ----------
    encoder : str
        A name of ``encoders.registry``; empty for the expert's own encoder at twice the side.
    options : dict
        Of the encoder.
    feature_levels : tuple of FeatureLevel
        What the self-reference maps of this pass are made of.

    Examples
    --------
    The expert's own encoder, at twice the side:

    >>> again = EncoderPass("", {}, (FeatureLevel(1, 3), FeatureLevel(3, 3)))
    >>> len(again.feature_levels)
    2
    >>> again.open(create_encoder("efficientnet_lite0", input_size=288)).input_size  # doctest: +SKIP
    576
    """

    encoder: str
    options: dict[str, Any]
    feature_levels: tuple[FeatureLevel, ...]

    def open(self, own: VisionEncoder) -> VisionEncoder:
        """Return the encoder of this pass; `own` is the expert's."""
        return create_encoder(self.encoder, **self.options) if self.encoder else own.detailed()


@dataclass(frozen=True)
class ExpertConfig:
    """What an expert's file says besides its tensors.

    Attributes
    ----------
    encoder : str
    encoder_options : dict
    embed_dim : int
        D of Look-Twice Feature Matching.
    feature_levels : tuple of FeatureLevel
        What the self-reference maps of every view are made of.
    passes : tuple of EncoderPass
        What those of a photograph are made of besides; may be empty.
    heterogeneous : tuple of int
        Which of a photograph's feature levels, `feature_levels` first, say how unlike each other its tokens are; see
        ``self_reference.probes``.
    max_tiles : int
        AnyRes crops of a photograph that Look-Twice sees besides the whole; 1 for none.
    calibration : dict of str to Calibration
        By source of evidence; that of self-reference by the kind of input.
    trained_on : tuple of str
        Names of the sets seen in training.
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
    passes: tuple[EncoderPass, ...] = ()
    heterogeneous: tuple[int, ...] = ()
    max_tiles: int = 1
    calibration: dict[str, Calibration] = field(default_factory=dict)
    trained_on: tuple[str, ...] = ()
    threshold: float = EVEN_ODDS
    revision: str = "unreleased"
    settings: Settings = DEFAULTS
