"""The type at the door of ``encoders``, pictures in and tokens out, and any encoder at twice its side."""

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

    Examples
    --------
    An encoder of one's own says what it gives, and gives it:

    >>> import numpy as np
    >>> from torch import nn
    >>> from looktwice.core.tokens import Tokens
    >>> from looktwice.encoders.base import VisionEncoder
    >>> from looktwice.encoders.pixels import resize_batch
    >>> class Patches(VisionEncoder):
    ...     # Eight random filters on patches of 8 × 8 pixels.
    ...     name, input_size, grid, token_dim, level_dims = "patches", 32, (4, 4), 8, (8,)
    ...
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.filters = nn.Conv2d(3, 8, 8, stride=8)
    ...
    ...     def preprocess(self, images):
    ...         return resize_batch(images, self.input_size, mean=0.5, std=0.5)
    ...
    ...     def forward(self, pixels):
    ...         tokens = self.filters(pixels).flatten(2).transpose(1, 2)
    ...         return Tokens(final=tokens, levels=[tokens], grid=self.grid)
    >>> photograph = np.zeros((60, 80, 3), np.uint8)
    >>> Patches().encode([photograph]).final.shape
    torch.Size([1, 16, 8])
    >>> Patches().detailed().encode([photograph]).final.shape
    torch.Size([1, 64, 8])
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
        return Quartered(self)

    @torch.inference_mode()
    def encode(self, images: Sequence[npt.NDArray[np.uint8]]) -> Tokens:
        """Preprocess and encode pictures on the encoder's own device."""
        device = next(self.parameters()).device
        result: Tokens = self(self.preprocess(images).to(device))
        return result


class Quartered(VisionEncoder):
    """An encoder of one input size, seeing twice the detail.

    The four quarters of a picture are encoded one by one, and their tokens laid side by side.

    Parameters
    ----------
    encoder : VisionEncoder
        Its weights are shared.

    Examples
    --------
    >>> class Means(VisionEncoder):
    ...     # The mean colours of patches of 8 × 8 pixels.
    ...     name, input_size, grid, token_dim, level_dims = "means", 32, (4, 4), 3, (3,)
    ...
    ...     def preprocess(self, images):
    ...         return torch.stack([torch.from_numpy(image.copy()).permute(2, 0, 1) / 255 for image in images])
    ...
    ...     def forward(self, pixels):
    ...         tokens = nn.functional.adaptive_avg_pool2d(pixels, self.grid).flatten(2).transpose(1, 2)
    ...         return Tokens(final=tokens, levels=[tokens], grid=self.grid)
    >>> photograph = np.zeros((64, 64, 3), np.uint8)
    >>> twice = Quartered(Means())
    >>> twice.input_size, twice(twice.preprocess([photograph])).final.shape
    (64, torch.Size([1, 64, 3]))
    """

    def __init__(self, encoder: VisionEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.name, self.input_size = encoder.name, 2 * encoder.input_size
        self.grid = (2 * encoder.grid[0], 2 * encoder.grid[1])
        self.token_dim, self.level_dims = encoder.token_dim, encoder.level_dims

    def preprocess(self, images: Sequence[npt.NDArray[np.uint8]]) -> Tensor:
        """Cut each picture into quarters, row by row, and preprocess these: (4 · V, 3, S, S)."""
        return self.encoder.preprocess([quarter for image in images for quarter in _quarters(image)])

    def forward(self, pixels: Tensor) -> Tokens:
        """Encode quarters (4 · V, 3, S, S); the tokens are those of the V pictures, on the grid of all quarters."""
        tokens = self.encoder(pixels)
        levels = [_mosaic(level, tokens.grid) for level in tokens.levels]
        return Tokens(_mosaic(tokens.final, tokens.grid), levels, self.grid)


def _quarters(image: npt.NDArray[np.uint8]) -> list[npt.NDArray[np.uint8]]:
    height, width = image.shape[:2]
    # A side of an odd number of pixels, or of one, gives its middle to both halves.
    rows, columns = (height + 1) // 2, (width + 1) // 2
    return [
        image[top : top + rows, left : left + columns] for top in (0, height - rows) for left in (0, width - columns)
    ]


def _mosaic(quarters: Tensor, grid: tuple[int, int]) -> Tensor:
    """(4 · V, h · w, C) → (V, 2h · 2w, C)."""
    height, width = grid
    parts = quarters.unflatten(1, grid).unflatten(0, (-1, 2, 2))
    mosaic: Tensor = parts.permute(0, 1, 3, 2, 4, 5).reshape(parts.shape[0], 4 * height * width, -1)
    return mosaic
