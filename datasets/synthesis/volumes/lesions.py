"""Kinds of lesions in MRI and CT of the head, painted by their contrast to the tissue around them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from looktwice.datasets.synthesis.volumes.anatomy import Anatomy, BoolArray, FloatArray, Window
from looktwice.datasets.synthesis.volumes.outlines import blob, draw_centre, draw_radius, real_shape
from looktwice.datasets.synthesis.volumes.painting import Lesion, edge, fill, oedema, push_aside, stain

Painter = Callable[[np.random.Generator, Anatomy, "BoolArray | None"], Lesion]

_BODY = 0.4
_SHOWS = 0.3
"""In spreads of the tissue."""


def bright(rng: np.random.Generator, anatomy: Anatomy, shape: BoolArray | None) -> Lesion:
    """Paint a hyperintense area without mass: infarct or gliosis in FLAIR and T2."""
    return _infarct(rng, anatomy, shape, _contrast(rng, 0.6, 3))


def dark(rng: np.random.Generator, anatomy: Anatomy, shape: BoolArray | None) -> Lesion:
    """Paint a hypointense area without mass: infarct in CT and T1."""
    return _infarct(rng, anatomy, shape, -_contrast(rng, 0.6, 2.8))


def cyst(rng: np.random.Generator, anatomy: Anatomy, shape: BoolArray | None) -> Lesion:
    """Paint a sharply bordered cavity filled with fluid, brighter or darker than the tissue throughout."""
    window, depth, inside, here = _place(rng, anatomy, shape, (0.1, 30), 4)
    alpha = edge(depth, 1.0) * inside
    level = _contrast(rng, 1.2, 3.5) * rng.choice([-1, 1])
    return _finish(anatomy, window, here, fill(rng, anatomy, here, alpha, level, 0.03), alpha)


def mass(rng: np.random.Generator, anatomy: Anatomy, shape: BoolArray | None) -> Lesion:
    """Paint an uneven solid tumour that pushes the tissue aside and lies in oedema."""
    window, depth, inside, here = _place(rng, anatomy, shape, (1, 50), 34)
    sign = rng.choice([-1, 1])
    here = push_aside(rng, anatomy, window, here, depth, rng.uniform(1, 4.5))
    halo = oedema(rng, anatomy, depth, inside)
    swollen = stain(rng, anatomy, here, halo, sign * _contrast(rng, 0.4, 1.5), 0.15)
    core = edge(depth, rng.uniform(1.5, 4)) * inside
    tumour = stain(rng, anatomy, swollen, core, sign * _contrast(rng, 0.9, 3), 0.45)
    return _finish(anatomy, window, here, tumour, np.maximum(core, halo))


def ring(rng: np.random.Generator, anatomy: Anatomy, shape: BoolArray | None) -> Lesion:
    """Paint an enhancing ring around a core that goes the other way: abscess, metastasis, glioblastoma."""
    window, depth, inside, here = _place(rng, anatomy, shape, (1, 40), 34)
    here = push_aside(rng, anatomy, window, here, depth, rng.uniform(1, 4))
    halo = oedema(rng, anatomy, depth, inside)
    swollen = stain(rng, anatomy, here, halo, _contrast(rng, 0.4, 1.5) * rng.choice([-1, 1]), 0.15)
    body = edge(depth, 1.5) * inside
    solid = fill(rng, anatomy, swollen, body, _contrast(rng, 1.2, 3.5), 0.2)
    core = edge(depth - rng.uniform(2, 5), 2.0) * inside
    hollow = fill(rng, anatomy, solid, core, -rng.uniform(0.5, 2.5), 0.2)
    return _finish(anatomy, window, here, hollow, np.maximum(body, halo))


def bleed(rng: np.random.Generator, anatomy: Anatomy, shape: BoolArray | None) -> Lesion:
    """Paint fresh blood as CT shows it: bright, sharp, a dark rim, some mass effect."""
    window, depth, inside, here = _place(rng, anatomy, shape, (0.3, 40), 30)
    here = push_aside(rng, anatomy, window, here, depth, rng.uniform(0.5, 3))
    rim = edge(depth + rng.uniform(2, 6), 4.0) * inside
    swollen = stain(rng, anatomy, here, rim, -rng.uniform(0.6, 1.4), 0.1)
    body = edge(depth, 1.2) * inside
    return _finish(anatomy, window, here, fill(rng, anatomy, swollen, body, _contrast(rng, 1.5, 4), 0.1), rim)


def plaques(rng: np.random.Generator, anatomy: Anatomy, shape: BoolArray | None) -> Lesion:
    """Paint small ovoid bright spots, as in multiple sclerosis: 3 to 12 near each other, or up to 40 all over.

    `shape` is not used.
    """
    centre = draw_centre(rng, anatomy, 8)
    scatter, most = (14, 12) if rng.random() < 0.5 else (40, 40)
    window = anatomy.window(centre, 34 + scatter)
    here, painted = anatomy.volume[window].copy(), np.zeros(anatomy.volume[window].shape, np.float32)
    start = np.array([part.start for part in window])
    size = np.array(here.shape)
    contrast = _contrast(rng, 0.8, 3)
    for _ in range(int(rng.integers(3, most + 1))):
        at = centre + rng.normal(0, scatter, 3) / np.asarray(anatomy.spacing)
        radius = draw_radius(rng, anatomy, 0.02, 0.8)
        inner, depth = blob(rng, anatomy, np.clip(np.rint(at), start, start + size - 1).astype(int), radius, 2)
        # The spot's window, cut to the plaques' and counted from it.
        a, b, c = (
            slice(max(part.start, whole.start), min(part.stop, whole.stop))
            for part, whole in zip(inner, window, strict=True)
        )
        own = tuple(slice(s.start - part.start, s.stop - part.start) for s, part in zip((a, b, c), inner, strict=True))
        spot = tuple(
            slice(s.start - part.start, s.stop - part.start) for s, part in zip((a, b, c), window, strict=True)
        )
        alpha = edge(depth[own], 1.5) * anatomy.tissue[a, b, c]
        here[spot] = stain(rng, anatomy, here[spot], alpha, contrast * rng.uniform(0.7, 1.2), 0.1)
        painted[spot] = np.maximum(painted[spot], alpha)
    return _finish(anatomy, window, anatomy.volume[window], here, painted)


KINDS: dict[str, Painter] = {
    "bright": bright,
    "dark": dark,
    "cyst": cyst,
    "mass": mass,
    "ring": ring,
    "bleed": bleed,
    "plaques": plaques,
}
"""Every kind of lesion by name."""


def _contrast(rng: np.random.Generator, least: float, most: float) -> float:
    """Draw a contrast in spreads of the tissue: subtle ones as often as plain ones."""
    return float(np.exp(rng.uniform(np.log(least), np.log(most))))


def _infarct(rng: np.random.Generator, anatomy: Anatomy, shape: BoolArray | None, contrast: float) -> Lesion:
    window, depth, inside, here = _place(rng, anatomy, shape, (0.05, 60), 4)
    alpha = edge(depth, rng.uniform(1.5, 5)) * inside
    stained = stain(rng, anatomy, here, alpha, contrast, rng.uniform(0.05, 0.25))
    return _finish(anatomy, window, here, stained, alpha)


def _finish(anatomy: Anatomy, window: Window, before: FloatArray, after: FloatArray, alpha: FloatArray) -> Lesion:
    """Mark the lesion's body, and what of its soft edge changed by as much as shows."""
    shows = np.abs(after - before) > _SHOWS * anatomy.spread
    return Lesion(window, after, (alpha > _BODY) | ((alpha > 0) & shows))


def _place(
    rng: np.random.Generator,
    anatomy: Anatomy,
    shape: BoolArray | None,
    millilitres: tuple[float, float],
    reach_mm: float,
) -> tuple[Window, FloatArray, BoolArray, FloatArray]:
    """Return a window, the lesion's depth in it (mm), the tissue and the values there."""
    if shape is None:
        radius = draw_radius(rng, anatomy, *millilitres)
        window, depth = blob(rng, anatomy, draw_centre(rng, anatomy, 0.7 * radius), radius, reach_mm)
    else:
        window, depth = real_shape(rng, anatomy, shape, reach_mm)
    return window, depth, anatomy.tissue[window], anatomy.volume[window]
