"""A tiny LLaVA-OneVision of the real classes, with random weights, and studies with known evidence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage

from looktwice.core.result import Result, ViewScore
from looktwice.core.study import Modality, NativeMap, Region, Study, View
from looktwice.core.tokens import SelectedTokens
from looktwice.evidence.networks.look_twice import LookTwice
from looktwice.reasoning.base import StudyContext

SIDE = 42
"""Side of a crop in pixels; at 14 pixels a patch it has 3 × 3 tokens."""


class PlainMap(NativeMap):
    def __init__(self, values, size_unit: str) -> None:
        self.values = values
        self.size_unit = size_unit

    def regions(self, threshold: float, limit: int = 20) -> list[Region]:
        labels, number = ndimage.label(self.values >= threshold)
        found = []
        for label in range(1, number + 1):
            where = np.argwhere(labels == label)[:, ::-1]
            found.append(
                Region(
                    score=float(self.values[labels == label].max()),
                    size=float(len(where)),
                    size_unit=self.size_unit,
                    centroid=tuple(float(v) for v in where.mean(axis=0)),
                    bbox=(*map(float, where.min(axis=0)), *map(float, where.max(axis=0) + 1)),
                )
            )
        return sorted(found, key=lambda region: -region.score)[:limit]


class LazyViews:
    """Counts how often a view is decoded."""

    def __init__(self, images, names) -> None:
        self.images, self.names, self.decoded = images, names, 0

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> View:
        self.decoded += 1
        return View(self.images[index], self.names[index], index)


class PlainStudy(Study):
    def __init__(self, modality: Modality, images, names) -> None:
        self.modality, self.name, self.source, self.notes = modality, "study", Path("study.png"), []
        self.sequence = LazyViews(images, names)
        self.medical = modality is Modality.VOLUME

    def views(self):
        return self.sequence

    def lift(self, maps):
        return PlainMap(np.asarray(maps[0], np.float32), "area_px")


def make_context(
    maps: np.ndarray,
    modality: Modality = Modality.IMAGE,
    score: float = 0.9,
    token_dim: int = 16,
    size: tuple[int, int] = (SIDE, 2 * SIDE),
    seed: int = 0,
) -> StudyContext:
    """Make a study of random pictures, one for each map, and the evidence that goes with the maps."""
    rng = np.random.default_rng(seed)
    generator = torch.Generator().manual_seed(seed)
    number = len(maps)
    images = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for _ in range(number)]
    names = [f"axial slice {3 * index}, z = {index:+d} mm" for index in range(number)]
    study = PlainStudy(modality, images, names)
    significance = maps.reshape(number, -1).mean(axis=1)
    evidence = SelectedTokens(
        maps=torch.from_numpy(maps.astype(np.float32)),
        significance=torch.from_numpy(significance.astype(np.float32)),
        local_tokens=torch.randn(number, 4, token_dim, generator=generator),
        global_token=torch.randn(1, token_dim, generator=generator),
        score=torch.tensor([score]),
    )
    heatmap = PlainMap(maps[0].astype(np.float32), "area_px" if modality is Modality.IMAGE else "volume_mm3")
    ranked = np.argsort(-significance)
    result = Result(
        study="study",
        source=study.source,
        modality=modality,
        score=score,
        threshold=0.5,
        heatmap=heatmap,
        regions=heatmap.regions(0.5),
        worst_views=[ViewScore(names[i], int(i), float(significance[i]), float(maps[i].max())) for i in ranked[:5]],
        views=number,
        model={"name": "tiny"},
        version="0",
    )
    return StudyContext(study, evidence, maps.astype(np.float32), result)


@pytest.fixture
def context_of() -> Any:
    return make_context


@pytest.fixture(scope="session")
def tiny_config() -> Any:
    from transformers import LlavaOnevisionConfig

    vision = {
        "model_type": "siglip_vision_model",
        "hidden_size": 16,
        "intermediate_size": 32,
        "patch_size": 14,
        "image_size": SIDE,
        "num_hidden_layers": 26,
        "num_attention_heads": 2,
        "vision_use_head": False,
    }
    text = {
        "model_type": "qwen2",
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "vocab_size": 320,
        "max_position_embeddings": 8192,
        "eos_token_id": None,
        "bos_token_id": None,
    }
    return LlavaOnevisionConfig(
        vision_config=vision,
        text_config=text,
        image_token_index=259,
        video_token_index=260,
        image_grid_pinpoints=[[SIDE * rows, SIDE * columns] for rows in range(1, 7) for columns in range(1, 7)],
    )


@pytest.fixture(scope="session")
def tiny_processor(tiny_config: Any) -> Any:
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import (
        LlavaOnevisionImageProcessor,
        LlavaOnevisionProcessor,
        LlavaOnevisionVideoProcessor,
        Qwen2Tokenizer,
    )

    vocabulary = {byte: index for index, byte in enumerate(sorted(ByteLevel.alphabet()))}
    tokenizer = Qwen2Tokenizer(vocabulary, [], eos_token="<|im_end|>", pad_token="<|endoftext|>")
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<image>", "<video>"]})
    image_processor = LlavaOnevisionImageProcessor(
        size={"height": SIDE, "width": SIDE},
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
        image_grid_pinpoints=tiny_config.image_grid_pinpoints,
    )
    return LlavaOnevisionProcessor(
        image_processor,
        tokenizer,
        LlavaOnevisionVideoProcessor(size={"height": SIDE, "width": SIDE}),
        num_image_tokens=9,
        vision_feature_select_strategy="full",
    )


@pytest.fixture(scope="session")
def tiny_model(tiny_config: Any) -> Any:
    from transformers import LlavaOnevisionForConditionalGeneration

    torch.manual_seed(0)
    model = LlavaOnevisionForConditionalGeneration(tiny_config).eval()
    # Larger weights, so that what comes out depends on what goes in.
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 2 and "embed" not in name:
                parameter.mul_(4)
    return model


@pytest.fixture(scope="session")
def tiny_expert() -> LookTwice:
    torch.manual_seed(1)
    return LookTwice(token_dim=16, level_dims=[16] * 4, num_tokens=9, grid=(3, 3), embed_dim=8).eval()


@pytest.fixture
def tiny_onevision(tiny_model: Any, tiny_processor: Any, tiny_expert: LookTwice) -> Any:
    from looktwice.reasoning.onevision.reasoner import OneVision

    return OneVision(tiny_model, tiny_processor, tiny_expert, name="tiny", max_new_tokens=12)
