"""From uint8 pictures of any size to one normalised float batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

Channels = float | Sequence[float]
"""One value for all three channels, or one for each."""


def resize_batch(images: Sequence[npt.NDArray[np.uint8]], size: int, mean: Channels, std: Channels) -> Tensor:
    """Resize RGB pictures to `size` × `size` with antialiasing and normalise them.

    Pictures of one size are resized together. A picture's full extent is kept: it is squashed, not cropped, so a
    map on the result covers the whole view.

    Parameters
    ----------
    images : sequence of uint8, shape (H, W, 3)
    size : int
    mean, std : float or sequence of three
        Applied to values in [0, 1].

    Returns
    -------
    Tensor, float32, shape (V, 3, size, size)

    Raises
    ------
    ValueError
        A picture is not (H, W, 3) uint8.

    Examples
    --------
    >>> import numpy as np
    >>> from looktwice.encoders.pixels import resize_batch
    >>> photograph = np.full((30, 40, 3), 255, np.uint8)
    >>> batch = resize_batch([photograph], 16, mean=0.5, std=0.5)
    >>> batch.shape, batch.max()
    (torch.Size([1, 3, 16, 16]), tensor(1.))
    """
    batch = torch.empty(len(images), 3, size, size)
    by_shape: dict[tuple[int, ...], list[int]] = {}
    for index, image in enumerate(images):
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(f"a view must be (H, W, 3) uint8, not {image.shape} {image.dtype}")
        by_shape.setdefault(image.shape, []).append(index)
    for shape, members in by_shape.items():
        pixels = torch.from_numpy(np.stack([images[index] for index in members])).permute(0, 3, 1, 2)
        if shape[:2] == (size, size):
            batch[members] = pixels.float()
        else:
            # uint8 in channels-last is torch's fast, antialiased path on the CPU.
            resized = F.interpolate(pixels, (size, size), mode="bilinear", antialias=True, align_corners=False)
            batch[members] = resized.float()
    return batch.div_(255.0).sub_(_per_channel(mean)).div_(_per_channel(std))


def _per_channel(values: Channels) -> Tensor:
    return torch.tensor(values).reshape(-1, 1, 1)
