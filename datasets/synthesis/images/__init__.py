"""Synthetic anomalies for photographs, radiographs and slices; one painter for each kind of defect.

``synthesize`` paints one defect and says exactly where. A painter is a function ``(rng, canvas) -> Patch``; what is
common to all (staying on the object, rounding, the mask) is done here.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from looktwice.datasets.synthesis.images.canvas import (
    BoolArray,
    ByteArray,
    Canvas,
    Patch,
    Window,
    luminance,
)
from looktwice.datasets.synthesis.images.erase import blur, break_off, erase
from looktwice.datasets.synthesis.images.fill import fill
from looktwice.datasets.synthesis.images.lesion import hole, lesion
from looktwice.datasets.synthesis.images.lines import crack, fibre, scratch
from looktwice.datasets.synthesis.images.paste import cut_paste, foreign_patch, scar
from looktwice.datasets.synthesis.images.poisson import duplicate, seamless
from looktwice.datasets.synthesis.images.stain import shade, specks, stain
from looktwice.datasets.synthesis.images.texture import perlin_texture, rough
from looktwice.datasets.synthesis.images.warp import deform, dislocate

__all__ = ["KINDS", "VISIBLE", "Painter", "synthesize"]

Painter = Callable[[np.random.Generator, Canvas], Patch]

KINDS: dict[str, Painter] = {
    "cut_paste": cut_paste,
    "foreign_patch": foreign_patch,
    "scar": scar,
    "perlin_texture": perlin_texture,
    "rough": rough,
    "scratch": scratch,
    "crack": crack,
    "fibre": fibre,
    "stain": stain,
    "shade": shade,
    "specks": specks,
    "deform": deform,
    "dislocate": dislocate,
    "blur": blur,
    "erase": erase,
    "break_off": break_off,
    "seamless": seamless,
    "duplicate": duplicate,
    "lesion": lesion,
    "hole": hole,
    "fill": fill,
}
"""Every kind of defect by name."""

VISIBLE = 6
"""A pixel counts as changed from this difference on, in grey levels of some channel."""

MOVED = ("cut_paste", "scar", "deform", "dislocate", "duplicate", "seamless")
"""Kinds that rearrange what is there: not drawn for a picture that is one texture all over."""

_TRIES = 6
_SMALLEST, _LARGEST = 0.0003, 0.2
_CONTRAST = 10.0


def synthesize(
    image: ByteArray,
    rng: np.random.Generator,
    kind: str | None = None,
    donor: ByteArray | None = None,
) -> tuple[ByteArray, BoolArray, str]:
    """Paint one synthetic defect into a normal picture.

    The defect lies on the object where the picture has a plain background, covers 0.03 % to 20 % of the picture, and
    is from subtle to plain. What is drawn is decided by `rng` alone: the same state gives the same picture.

    Parameters
    ----------
    image : uint8, (H, W, 3)
        RGB. At least 16 pixels a side.
    rng : numpy Generator
    kind : str, optional
        A key of ``KINDS``; by default drawn evenly among those that a picture of its sort can show.
    donor : uint8, (H', W', 3), optional
        Another picture, to take foreign material from; scikit-image's textures stand in for it.

    Returns
    -------
    image : uint8, (H, W, 3)
        A copy; outside of the mask it equals the input.
    mask : bool, (H, W)
        Where the picture visibly changed (``VISIBLE`` grey levels), small gaps closed. Never empty.
    kind : str
        The kind painted. It differs from the one asked for where the picture does not hold it, as when a plain
        surface is to be deformed; another kind is then drawn.

    Raises
    ------
    ValueError
        Unknown `kind`, or `image` is not uint8 RGB of at least 16 x 16.

    Examples
    --------
    >>> from looktwice.datasets.synthesis.images import synthesize
    >>> import numpy as np
    >>> import skimage.data
    >>> image, mask, kind = synthesize(skimage.data.coffee(), np.random.default_rng(0), "scratch")
    >>> image.shape, mask.shape, bool(mask.any()), kind
    ((400, 600, 3), (400, 600), True, 'scratch')
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or min(image.shape[:2]) < 16:
        raise ValueError(f"a uint8 picture (H, W, 3) of at least 16 x 16 is needed, not {image.dtype} {image.shape}")
    if kind is not None and kind not in KINDS:
        raise ValueError(f"unknown kind {kind!r}; choose from {', '.join(KINDS)}")
    canvas = Canvas.of(image, donor)
    names = [name for name in KINDS if not (canvas.uniform and name in MOVED)]
    name = kind or names[int(rng.integers(len(names)))]
    for _ in range(_TRIES):
        painted, mask = compose(canvas, KINDS[name](rng, canvas))
        if _shows(canvas, painted, mask):
            return painted, mask, name
    return _force(canvas, rng, [other for other in names if other != name])


def _shows(canvas: Canvas, painted: ByteArray, mask: BoolArray) -> bool:
    """Whether a defect is neither too small, nor too large, nor too faint."""
    share = float(mask.mean())
    if not max(_SMALLEST, 4 / mask.size) <= share <= _LARGEST:
        return False
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    change = np.abs(painted[box].astype(np.int16) - canvas.image[box]).max(axis=2)[mask[box]]
    return float(np.quantile(change, 0.75)) >= _CONTRAST


def _force(canvas: Canvas, rng: np.random.Generator, names: list[str]) -> tuple[ByteArray, BoolArray, str]:
    """Try other kinds until one shows; a stain or a lesion shows on any picture."""
    for name in [*rng.permutation(names).tolist(), *["lesion"] * 100]:
        painted, mask = compose(canvas, KINDS[name](rng, canvas))
        if _shows(canvas, painted, mask):
            return painted, mask, name
    raise RuntimeError("no defect could be painted")  # pragma: no cover


def compose(canvas: Canvas, patch: Patch) -> tuple[ByteArray, BoolArray]:
    """Lay a patch over the picture, on the object only, and find where that visibly changed it."""
    height, width = patch.alpha.shape
    window = Window(patch.top, patch.left, height, width)
    here = canvas.image[window.slices]
    pixels = mix(here, patch, canvas.object_in(window), canvas.grey)
    changed = np.abs(pixels.astype(np.int16) - here).max(axis=2) >= VISIBLE
    changed = close_gaps(changed)
    painted, mask = canvas.image.copy(), np.zeros(canvas.shape, bool)
    np.copyto(painted[window.slices], pixels, where=changed[..., None])
    mask[window.slices] = changed
    return painted, mask


def mix(here: ByteArray, patch: Patch, inside: BoolArray, grey: bool) -> ByteArray:
    """Blend the patch, without its colour if `grey`, with what is there, where the object is, and round."""
    wanted = luminance(patch.pixels) if grey else patch.pixels
    alpha = (patch.alpha * inside)[..., None]
    below = here.astype(np.float32)
    mixed = below + alpha * (np.clip(wanted, 0, 255) - below)
    return np.rint(mixed).astype(np.uint8)


def close_gaps(changed: BoolArray) -> BoolArray:
    """Drop the lone pixels of a mask and fill its pin-holes: a defect is a body, not a dither pattern."""
    padded = np.pad(changed, 3)
    company = ndimage.uniform_filter(padded.astype(np.float32), 3) > 1.5 / 9
    body: BoolArray = ndimage.binary_closing(padded & company, iterations=2)[3:-3, 3:-3]
    return body
