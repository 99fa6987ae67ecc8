"""SigLIP so400m/14-384 as LLaVA-OneVision uses it: 26 of 27 layers, no post-layernorm, 729 tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from looktwice.core.tokens import Tokens
from looktwice.core.weights import Repository, resolve_repository
from looktwice.encoders.base import VisionEncoder
from looktwice.encoders.pixels import resize_batch

NAME = "siglip-so400m-384"
ABOUT = "SigLIP so400m/14-384 without its last layer, the vision tower of LLaVA-OneVision"
WEIGHTS = Repository("google/siglip-so400m-patch14-384", "Apache-2.0")

# The outputs of the 0-based blocks 6, 12, 18 and 24; `hidden_states[0]` is the embedding.
LEVEL_STATES = (7, 13, 19, 25)
DROPPED_LAYERS = 1


class SiglipEncoder(VisionEncoder):
    """A SigLIP vision tower without its last layer.

    Parameters
    ----------
    source : str
        Hub repository or local folder in the hub's format, of SigLIP (vision and text, or vision alone).
    dtype : torch.dtype
    level_states : sequence of int
        Indices into the tower's hidden states that make the levels.

    Raises
    ------
    WeightsError
        The weights are neither local nor to be had from the hub.

    Examples
    --------
    >>> photograph = np.zeros((60, 80, 3), np.uint8)
    >>> SiglipEncoder().encode([photograph]).final.shape  # doctest: +SKIP
    torch.Size([1, 729, 1152])
    """

    def __init__(
        self,
        source: str = WEIGHTS.name,
        dtype: torch.dtype = torch.float32,
        level_states: Sequence[int] = LEVEL_STATES,
    ) -> None:
        super().__init__()
        from transformers import SiglipVisionModel

        self.name = NAME
        self.tower = SiglipVisionModel.from_pretrained(resolve_repository(source), dtype=dtype)
        vision = getattr(self.tower, "vision_model", self.tower)
        vision.encoder.layers = vision.encoder.layers[: len(vision.encoder.layers) - DROPPED_LAYERS]
        config: Any = self.tower.config
        side = config.image_size // config.patch_size
        self.level_states = tuple(level_states)
        self.input_size = config.image_size
        self.grid = (side, side)
        self.token_dim = config.hidden_size
        self.level_dims = (config.hidden_size,) * len(self.level_states)
        self.requires_grad_(False).eval()

    def preprocess(self, images: Sequence[npt.NDArray[np.uint8]]) -> Tensor:
        """Resize to the input square and scale to [-1, 1], as SigLIP was trained."""
        return resize_batch(images, self.input_size, mean=0.5, std=0.5)

    def forward(self, pixels: Tensor) -> Tokens:
        """Encode (V, 3, S, S) pixels in [-1, 1]."""
        states = self.tower(pixels.to(self.tower.dtype), output_hidden_states=True).hidden_states
        return Tokens(final=states[-1], levels=[states[index] for index in self.level_states], grid=self.grid)
