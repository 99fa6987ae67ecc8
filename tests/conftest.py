"""What several test modules need."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from .made_studies import browse, make_cloud, make_volume, photograph  # noqa: F401 - fixtures for every room
from .plugin_kind import grid_kind  # noqa: F401

if TYPE_CHECKING:
    from looktwice.encoders.base import VisionEncoder


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The shared data folder; tests that use it are skipped where it is absent."""
    configured = os.environ.get("LOOKTWICE_DATA")
    if not configured or not Path(configured).is_dir():
        pytest.skip("LOOKTWICE_DATA names no folder")
    return Path(configured)


@pytest.fixture
def tiny_encoder(monkeypatch: pytest.MonkeyPatch) -> str:
    """Register an encoder that costs nothing, fixed random filters on an 8 × 8 grid, and return its name."""
    from looktwice.encoders import registry

    monkeypatch.setitem(registry.ENCODERS, "tiny", _make_tiny_encoder)
    return "tiny"


def _make_tiny_encoder(input_size: int = 64) -> VisionEncoder:
    import torch

    from looktwice.core.tokens import Tokens
    from looktwice.encoders.base import VisionEncoder
    from looktwice.encoders.pixels import resize_batch

    class TinyEncoder(VisionEncoder):
        def __init__(self) -> None:
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

    return TinyEncoder()
