"""How raw logits become calibrated ones."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Calibration:
    """How raw logits of one modality become calibrated ones: ``(raw - shift) / scale``, for scores and for maps.

    Attributes
    ----------
    score_shift, score_scale : float
    map_shift, map_scale : float
    """

    score_shift: float = 0.0
    score_scale: float = 1.0
    map_shift: float = 0.0
    map_scale: float = 1.0

    def of_scores(self, logits: Tensor) -> Tensor:
        """Calibrate logits of views or studies."""
        return (logits - self.score_shift) / self.score_scale

    def of_maps(self, logits: Tensor) -> Tensor:
        """Calibrate logits of tokens."""
        return (logits - self.map_shift) / self.map_scale
