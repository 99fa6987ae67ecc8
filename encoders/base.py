"""The types at the door of ``encoders``: pictures in, tokens out."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from looktwice.core.tokens import Tokens


class VisionEncoder(nn.Module):
    """A frozen picture encoder.

    Attributes
    ----------
    name : str
    input_size : int
        Side of the square that views are resized to, in pixels.
    grid : (int, int)
    token_dim : int
        C of ``Tokens.final``.
    level_dims : tuple of int
        C_i of ``Tokens.levels``.
    """

    name: str
    input_size: int
    grid: tuple[int, int]
    token_dim: int
    level_dims: tuple[int, ...]

    @property
    def num_tokens(self) -> int:
        """N, tokens a view."""
        return self.grid[0] * self.grid[1]

    @abstractmethod
    def preprocess(self, images: Sequence[npt.NDArray[np.uint8]]) -> Tensor:
        """Resize and normalise RGB pictures of any size, (H, W, 3) uint8 each, to one float batch (V, 3, S, S)."""

    @abstractmethod
    def forward(self, pixels: Tensor) -> Tokens:
        """Encode a preprocessed batch (V, 3, S, S)."""

    def detailed(self) -> VisionEncoder:
        """Return this encoder for pictures of twice the side, sharing its weights: by quarters, unless overridden."""
        from looktwice.encoders.quartered import Quartered

        return Quartered(self)

    @torch.inference_mode()
    def encode(self, images: Sequence[npt.NDArray[np.uint8]]) -> Tokens:
        """Preprocess and encode pictures on the encoder's own device."""
        device = next(self.parameters()).device
        result: Tokens = self(self.preprocess(images).to(device))
        return result
