"""Geometry made visible without colour: normals, shading, curvature and depth of a closed z-buffer.

Normals are taken in image space from an edge-preserving smoothed depth map (Tomasi and Manduchi 1998), so that noise is
averaged over the splats' own spacing and depth edges stay sharp. They face the viewer by construction, which orients
them consistently however the scan's own normals point. Curvature lightens ridges and darkens dents (mean-curvature
shading, Kindlmann et al. 2003).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import open3d as o3d

from looktwice.core.statistics import MAD_TO_SD

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]
ByteArray = npt.NDArray[np.uint8]

# A depth step beyond this many pixels from one pixel to the next is an edge, not a slope (76 degrees).
_EDGE = 4.0
# Towards the light, in (right, down, away): over the viewer's left shoulder.
_LIGHT = np.array((-0.45, -0.55, -0.70), np.float32) / np.float32(np.sqrt(0.45**2 + 0.55**2 + 0.70**2))
_BACKGROUND = 30
# Depth noise, in pixels, that the smoothing over the points' spacing deals with well enough.
_QUIET = 0.1


@dataclass(frozen=True)
class Geometry:
    """What a view knows of the surface that it sees.

    Attributes
    ----------
    depth : float32, shape (S, S)
        Smoothed depth in pixels; infinity off the object.
    normals : float32, shape (3, S, S)
        Unit normals in (right, down, away), facing the viewer; zero off the object.
    curvature : float32, shape (S, S)
        Mean curvature times half the picture's side: +1 on a ball that fills the picture, negative in a dent.

    Examples
    --------
    >>> depth = np.full((31, 31), np.inf, np.float32)
    >>> depth[5:26, 5:26] = 3
    >>> plate = surface_geometry(depth, np.zeros((2, 31, 31), np.float32), spacing_px=1.0)
    >>> int(plate.mask.sum()), float(plate.facing[15, 15]), float(plate.curvature[15, 15])
    (441, 1.0, 0.0)
    """

    depth: FloatArray
    normals: FloatArray
    curvature: FloatArray

    @property
    def mask(self) -> BoolArray:
        """Where the object is."""
        return np.isfinite(self.depth)

    @property
    def facing(self) -> FloatArray:
        """Cosine of the angle between normal and line of sight, shape (S, S)."""
        facing: FloatArray = -self.normals[2]
        return facing


def surface_geometry(depth: FloatArray, shift: FloatArray, spacing_px: float) -> Geometry:
    """Return smoothed depth, normals and curvature of a closed depth map.

    Parameters
    ----------
    depth : float32, shape (S, S)
        In pixels, infinity off the object.
    shift : float32, shape (2, S, S)
        From the point that a pixel shows to the pixel's centre, (right, down) in pixels.
    spacing_px : float
        Typical distance between the points, in pixels: sets how much is smoothed.
    """
    size = len(depth)
    box = _object_box(np.isfinite(depth))
    part = _box_geometry(depth[box], shift[:, box[0], box[1]], spacing_px)
    whole = Geometry(np.full_like(depth, np.inf), np.zeros((3, size, size), np.float32), np.zeros_like(depth))
    whole.depth[box], whole.curvature[box] = part.depth, part.curvature * np.float32(size / 2)
    whole.normals[:, box[0], box[1]] = part.normals
    return whole


def _object_box(mask: BoolArray) -> tuple[slice, slice]:
    """Return the part of the picture that holds the object and a border: the rest costs time and shows nothing."""
    rows, columns = np.nonzero(mask.any(axis=1))[0], np.nonzero(mask.any(axis=0))[0]
    if not len(rows):
        return slice(0, len(mask)), slice(0, len(mask))
    return slice(max(rows[0] - 2, 0), rows[-1] + 3), slice(max(columns[0] - 2, 0), columns[-1] + 3)


def _box_geometry(depth: FloatArray, shift: FloatArray, spacing_px: float) -> Geometry:
    """Do the work of `surface_geometry` on a part of the picture; curvature in 1 / pixels."""
    mask = np.isfinite(depth)
    sigma = 0.8 + 0.5 * min(spacing_px, 4.0)
    right, down = _slopes(_smooth_depth(depth, mask, 1.5 * spacing_px), mask, sigma)
    # Each pixel shows a point beside its centre: the surface is followed from there to the centre.
    reach = 2 + 2 * spacing_px
    centred = depth + np.clip(right * shift[0] + down * shift[1], -reach, reach)
    smooth = _smooth_depth(centred, mask, 1.5 * spacing_px)
    noise = _noise(centred - smooth, mask)
    if noise > _QUIET:
        sigma += 3.0 * min(noise, 1.0)
        smooth = _smooth_depth(centred, mask, 1.5 * spacing_px + 6.0 * noise)
    right, down = _slopes(smooth, mask, sigma)
    facing = mask / np.sqrt(1 + right * right + down * down)
    normals = np.stack([right * facing, down * facing, -facing]).astype(np.float32)
    return Geometry(np.where(mask, smooth, np.float32(np.inf)), normals, _mean_curvature(normals, mask, 1.5 * sigma))


def lambert(geometry: Geometry) -> FloatArray:
    """Return diffuse shading in [0, 1] under a lamp over the viewer's left shoulder and a headlight."""
    lamp = np.maximum(np.tensordot(_LIGHT, geometry.normals, 1), 0)
    shade: FloatArray = 0.12 + 0.60 * lamp + 0.28 * geometry.facing
    return np.where(geometry.mask, shade, np.float32(0))


def paint(geometry: Geometry, channel: str, albedo: ByteArray | None = None) -> ByteArray:
    """Return one channel as an RGB picture, shape (S, S, 3).

    Parameters
    ----------
    geometry : Geometry
    channel : {"shaded", "lambert", "depth", "curvature"}
        "shaded" is Lambert shading with ridges lightened and dents darkened, times the scan's own colour if any.
    albedo : uint8, shape (S, S, 3), optional
        The scan's colour in each pixel.
    """
    mask = geometry.mask
    if channel == "depth":
        near, far = (geometry.depth[mask].min(), geometry.depth[mask].max()) if mask.any() else (0.0, 1.0)
        grey = 1 - 0.8 * (np.where(mask, geometry.depth, far) - near) / max(far - near, 1.0)
    elif channel == "curvature":
        grey = 0.5 + 0.5 * np.tanh(geometry.curvature / 6)
    else:
        grey = lambert(geometry)
        if channel == "shaded":
            grey = grey * (1 + 0.45 * np.tanh(geometry.curvature / 6))
    if albedo is not None and channel == "shaded":
        picture: ByteArray = np.clip(grey[..., None] * albedo, 0, 255).astype(np.uint8)
    else:
        picture = np.repeat(np.clip(grey * 255, 0, 255).astype(np.uint8)[..., None], 3, axis=-1)
    picture[~mask] = _BACKGROUND
    return picture


def _noise(residual: FloatArray, mask: BoolArray) -> float:
    """Return the standard deviation of depth noise in pixels, by the median absolute residual."""
    sample = residual[::2, ::2][mask[::2, ::2]]
    return MAD_TO_SD * float(np.median(np.abs(sample))) if len(sample) else 0.0


def _smooth_depth(depth: FloatArray, mask: BoolArray, reach: float) -> FloatArray:
    """Smooth over `reach` pixels without crossing depth edges; off the object the depth is far away.

    A wide filter is a narrow one, then the same on every second pixel, and every fourth: the edge-avoiding "à trous"
    wavelet of Dammertz et al. 2010, whose cost does not grow with the square of its width.
    """
    far = np.float32(depth[mask].max(initial=0) + 1000)
    filled = np.where(mask, depth, far)
    for step in (1, 2, 4):
        if step == 1 or reach > 2 * step - 1:
            for row, column in np.ndindex(step, step):
                phase = filled[row::step, column::step]
                phase[...] = _bilateral(phase, max(2.0, 1.3 * min(reach, 7.0)))
    return np.where(mask, filled, far)


def _bilateral(depth: FloatArray, edge: float) -> FloatArray:
    """Average over 5 x 5 pixels, those whose depth differs by more than about `edge` counting little."""
    image = o3d.t.geometry.Image(o3d.core.Tensor.from_numpy(np.ascontiguousarray(depth)[..., None]))
    smooth: FloatArray = image.filter_bilateral(5, edge, 1.4).as_tensor().numpy()[..., 0]
    return smooth


def _slopes(depth: FloatArray, mask: BoolArray, sigma: float) -> tuple[FloatArray, FloatArray]:
    """Return the slopes to the right and downwards, averaged over `sigma` pixels of the object; 0 off it."""
    inside = mask.astype(np.float32)
    planes = np.stack([_slope(depth, axis=1) * inside, _slope(depth, axis=0) * inside, inside], axis=-1)
    right, down, weight = np.moveaxis(_gaussian(planes, sigma), -1, 0)
    weight = np.maximum(weight, 1e-3)
    return right / weight * inside, down / weight * inside


def _slope(depth: FloatArray, axis: int) -> FloatArray:
    """Return the derivative along `axis`: central, one-sided beside an edge, 0 between two edges."""
    step = np.diff(depth, axis=axis)
    valid = (np.abs(step) < _EDGE).astype(np.float32)
    step *= valid
    pad = [(0, 0), (0, 0)]
    pad[axis] = (1, 1)
    step, valid = np.pad(step, pad), np.pad(valid, pad)
    before, after = (slice(None), slice(-1)), (slice(None), slice(1, None))
    if axis == 0:
        before, after = before[::-1], after[::-1]
    slope: FloatArray = (step[before] + step[after]) / np.maximum(valid[before] + valid[after], 1)
    return slope


def _gaussian(image: FloatArray, sigma: float) -> FloatArray:
    size = 2 * int(np.ceil(2 * sigma)) + 1
    tensor = o3d.core.Tensor.from_numpy(np.ascontiguousarray(image, np.float32))
    blurred: FloatArray = o3d.t.geometry.Image(tensor).filter_gaussian(size, sigma).as_tensor().numpy()
    return blurred


def _mean_curvature(normals: FloatArray, mask: BoolArray, sigma: float) -> FloatArray:
    """Return half the divergence of the normals, in 1 / pixels."""
    divergence = np.zeros(mask.shape, np.float32)
    inside = mask[1:-1, 2:] & mask[1:-1, :-2] & mask[2:, 1:-1] & mask[:-2, 1:-1]
    across = normals[0, 1:-1, 2:] - normals[0, 1:-1, :-2]
    down = normals[1, 2:, 1:-1] - normals[1, :-2, 1:-1]
    # Normals that turn by more than this between neighbours belong to two different surfaces.
    turn = np.clip(across + down, -0.7, 0.7)
    divergence[1:-1, 1:-1] = np.where(inside, turn / 4, 0)
    return _gaussian(divergence[..., None], sigma)[..., 0]
