"""Z-buffering by PyTorch3D's point rasteriser: all views in one batch, on a GPU where there is one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from pytorch3d.renderer.points import rasterize_points
from pytorch3d.structures import Pointclouds

from looktwice.modalities.rendering.cameras import Camera
from looktwice.modalities.rendering.zbuffer import EMPTY, KeyImage, pack

FloatArray = npt.NDArray[np.float32]

# Points held on the device at once, over all views of a batch.
_BATCH_POINTS = 20_000_000


def rasterize(points: FloatArray, cameras: Sequence[Camera]) -> Iterator[KeyImage]:
    """Yield the z-buffer of every camera (see `backends.Rasterizer`)."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    step = max(1, _BATCH_POINTS // len(points))
    for start in range(0, len(cameras), step):
        yield from _rasterize_batch(points, cameras[start : start + step], device)


def _rasterize_batch(points: FloatArray, cameras: Sequence[Camera], device: torch.device) -> Iterator[KeyImage]:
    size = cameras[0].size
    matrix = torch.from_numpy(np.stack([camera.matrix for camera in cameras])).to(device)
    offset = torch.from_numpy(np.stack([camera.offset for camera in cameras])).to(device)
    pixels = torch.from_numpy(points).to(device) @ matrix.transpose(1, 2) + offset.transpose(1, 2)
    # Normalised device coordinates: +x left, +y up, 2 / size a pixel. Points sit on their pixel's centre and have a
    # radius below half a pixel, so that each covers exactly the pixel it rounds to.
    ndc = pixels.clone()
    ndc[..., :2] = 1 - (2 * torch.round(pixels[..., :2]) + 1) / size
    index, depth, _ = rasterize_points(Pointclouds(ndc), size, radius=0.9 / size, points_per_pixel=1)
    first = torch.arange(len(cameras), device=device).view(-1, 1, 1) * len(points)
    local = (index[..., 0].long() - first).cpu().numpy()
    for view_index, view_depth in zip(local, depth[..., 0].cpu().numpy(), strict=True):
        seen = view_depth > 0
        yield np.where(seen, pack(np.where(seen, view_depth, 1), np.where(seen, view_index, 0)), EMPTY)
