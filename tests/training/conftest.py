"""Tokens with planted anomalies, pictures on disk, and an expert of no cost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from looktwice.encoders.registry import create_encoder
from looktwice.evidence.config import ExpertConfig
from looktwice.evidence.expert import Expert, build_expert
from looktwice.evidence.self_reference_maps import FeatureLevel
from looktwice.training.tokens import TokenSet

from ..made_studies import TINY


@pytest.fixture
def make_expert(tiny_encoder: str) -> Callable[[], Expert]:
    """Make an untrained expert, the same each time."""

    def make() -> Expert:
        torch.manual_seed(1)
        fields = (FeatureLevel(0, 3), FeatureLevel(2, 3))
        config = ExpertConfig(
            encoder=tiny_encoder, encoder_options={}, embed_dim=8, feature_levels=fields, adapted=TINY
        )
        return build_expert(create_encoder(tiny_encoder), config)

    return make


@pytest.fixture
def make_tokens() -> Callable[..., TokenSet]:
    """Make encoded examples of two sources; every second one has a 3 × 3 patch of another kind."""

    def make(seed: int, count: int = 24) -> TokenSet:
        generator = torch.Generator().manual_seed(seed)
        labels = torch.arange(count) % 2
        masks = torch.zeros(count, 8, 8)
        levels = [torch.randn(count, 8, 8, dim, generator=generator) * 0.3 + 1 for dim in (6, 8, 10, 12)]
        for number in range(1, count, 2):
            row, column = torch.randint(6, (2,), generator=generator).tolist()
            masks[number, row : row + 3, column : column + 3] = 1
            for level in levels:
                level[number, row : row + 3, column : column + 3, ::2] -= 3
        tokens = [level.flatten(1, 2).half() for level in levels]
        sources = ["brick" if number < count // 2 else "brain" for number in range(count)]
        real = torch.zeros(count, dtype=torch.bool)
        return TokenSet(tokens, tokens[-1], labels.float(), masks, real, sources, (8, 8))

    return make


@pytest.fixture
def benchmark_folder(tmp_path: Path) -> Path:
    """Two categories in the MVTec AD layout, six pictures in the one and three in the other."""
    root = tmp_path / "a benchmark größe"
    rng = np.random.default_rng(0)

    def picture(path: Path, scratch: bool = False) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        image = rng.integers(90, 130, (72, 96, 3), np.uint8)
        if scratch:
            image[20:30, 40:70] = 250
            mask = root / path.relative_to(root).parts[0] / "ground_truth" / "scratch" / f"{path.stem}_mask.png"
            mask.parent.mkdir(parents=True, exist_ok=True)
            shape = np.zeros((72, 96), np.uint8)
            shape[20:30, 40:70] = 255
            Image.fromarray(shape).save(mask)
        Image.fromarray(image).save(path)

    for number in range(3):
        picture(root / "plate" / "train" / "good" / f"{number}.png")
    picture(root / "plate" / "test" / "good" / "0.png")
    for number in range(2):
        picture(root / "plate" / "test" / "scratch" / f"{number}.png", scratch=True)
    picture(root / "screw" / "train" / "good" / "0.png")
    picture(root / "screw" / "test" / "good" / "0.png")
    picture(root / "screw" / "test" / "scratch" / "0.png", scratch=True)
    return root


@pytest.fixture
def ball(tmp_path: Path) -> Path:
    """A small volume: a bright ball with a grain in it."""
    import nibabel as nib

    grid = np.stack(np.meshgrid(*[np.arange(28) - 13.5] * 3, indexing="ij"))
    grain = np.random.default_rng(0).random((28, 28, 28))
    data = np.where(np.linalg.norm(grid, axis=0) < 11, 100 + 20 * grain, 0).astype(np.float32)
    path = tmp_path / "ball.nii.gz"
    nib.Nifti1Image(data, np.eye(4)).to_filename(path)
    return path
