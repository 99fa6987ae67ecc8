"""The picture encoder inside LLaVA-OneVision: SigLIP as tuned with it, which the released experts were trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from looktwice.core.tokens import Tokens
from looktwice.encoders.anyres import LONGEST_SIDE
from looktwice.encoders.base import VisionEncoder
from looktwice.encoders.siglip import LEVEL_STATES

if TYPE_CHECKING:
    from transformers import LlavaOnevisionForConditionalGeneration
    from transformers.image_processing_utils import BaseImageProcessor


class LlavaTower(VisionEncoder):
    """The vision tower of a LLaVA-OneVision model as a token encoder; its weights stay the model's own.

    The final tokens are what the last of its 26 blocks gives, without the post-layernorm.

    Parameters
    ----------
    model : LlavaOnevisionForConditionalGeneration
    image_processor : BaseImageProcessor
        LLaVA-OneVision's.
    name : str

    Examples
    --------
    >>> from looktwice.reasoning.onevision.multimodal import find_weights, load_multimodal
    >>> photograph = np.zeros((60, 80, 3), np.uint8)
    >>> folder = find_weights("llava-hf/llava-onevision-qwen2-0.5b-ov-hf")  # doctest: +SKIP
    >>> model, processor = load_multimodal(folder, "cpu")  # doctest: +SKIP
    >>> LlavaTower(model, processor.image_processor, "onevision").encode([photograph]).final.shape  # doctest: +SKIP
    torch.Size([1, 729, 1152])
    """

    def __init__(
        self, model: LlavaOnevisionForConditionalGeneration, image_processor: BaseImageProcessor, name: str
    ) -> None:
        super().__init__()
        config: Any = model.config.vision_config
        if config.num_hidden_layers < LEVEL_STATES[-1]:
            raise ValueError(f"a vision tower of {config.num_hidden_layers} blocks has no level {LEVEL_STATES[-1]}")
        self.tower = model.model.vision_tower
        self.image_processor = image_processor
        self.name = name
        self.input_size = config.image_size
        side = config.image_size // config.patch_size
        self.grid = (side, side)
        self.token_dim = config.hidden_size
        self.level_dims = (config.hidden_size,) * len(LEVEL_STATES)

    def preprocess(self, images: Sequence[npt.NDArray[np.uint8]]) -> Tensor:
        """Squash each picture to the tower's square and normalise; no tiling."""
        whole = [[self.input_size, self.input_size]]
        pixels = self.image_processor(
            [Image.fromarray(image) for image in images], image_grid_pinpoints=whole, return_tensors="pt"
        )["pixel_values"]
        base: Tensor = pixels[:, 0]
        return base

    def tile(self, image: npt.NDArray[np.uint8]) -> tuple[Tensor, tuple[int, int]]:
        """Cut one picture into its base and its AnyRes crops.

        Parameters
        ----------
        image : uint8, shape (H, W, 3)

        Returns
        -------
        pixels : Tensor, shape (1 + h · w, 3, S, S)
            The squashed whole, then the crops of the padded picture, row by row.
        size : (int, int)
            Height and width of the picture that was cut, at most ``LONGEST_SIDE``.
        """
        batch = self.image_processor(reduce_longest_side(Image.fromarray(image)), return_tensors="pt")
        height, width = batch["image_sizes"][0].tolist()
        return batch["pixel_values"][0], (height, width)

    def forward(self, pixels: Tensor) -> Tokens:
        """Encode preprocessed pictures (V, 3, S, S)."""
        weight = next(self.tower.parameters())
        states = self.tower(pixels.to(weight), output_hidden_states=True).hidden_states
        return Tokens(final=states[-1], levels=[states[level] for level in LEVEL_STATES], grid=self.grid)

    @torch.inference_mode()
    def encode_in_batches(self, pixels: Tensor, size: int = 8) -> Tokens:
        """Encode many preprocessed pictures a few at a time, so that memory does not grow with their number."""
        parts = [self(part) for part in pixels.split(size)]
        return Tokens(
            final=torch.cat([part.final for part in parts]),
            levels=[torch.cat(level) for level in zip(*(part.levels for part in parts), strict=True)],
            grid=self.grid,
        )


def reduce_longest_side(image: Image.Image, limit: int = LONGEST_SIDE) -> Image.Image:
    """Reduce a picture so that its longest side is at most `limit` pixels; smaller ones stay as they are."""
    longest = max(image.size)
    if longest <= limit:
        return image
    width, height = (max(1, int(limit * side / longest)) for side in image.size)
    return image.resize((width, height))
