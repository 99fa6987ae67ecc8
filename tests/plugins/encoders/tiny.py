"""An encoder that costs nothing: fixed random filters on an 8 × 8 grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from looktwice.core.tokens import Tokens
from looktwice.encoders.base import VisionEncoder
from looktwice.encoders.pixels import resize_batch

WEIGHTS = None


class TinyEncoder(VisionEncoder):
    def __init__(self, input_size: int = 64) -> None:
        super().__init__()
        self.name, self.input_size, self.grid = "tiny", input_size, (8, 8)
        self.level_dims, self.token_dim = (6, 8, 10, 12), 12
        patch = input_size // 8
        self.filters = torch.nn.ModuleList(torch.nn.Conv2d(3, dim, patch, patch) for dim in self.level_dims)
        generator = torch.Generator().manual_seed(3)
        for parameter in self.parameters():
            parameter.data = torch.randn(parameter.shape, generator=generator) / patch
        self.requires_grad_(False).eval()

    def preprocess(self, images: Sequence[np.ndarray]) -> torch.Tensor:
        return resize_batch(images, self.input_size, mean=0.5, std=0.5)

    def forward(self, pixels: torch.Tensor) -> Tokens:
        levels = [filters(pixels).flatten(2).transpose(1, 2) for filters in self.filters]
        return Tokens(final=levels[-1], levels=levels, grid=self.grid)
