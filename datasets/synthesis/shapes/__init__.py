"""Synthetic damage to shapes, with a label for every point.

A mesh is split finely where it is to be damaged, damaged, and sampled evenly over its area. Sizes are shares of the
bounding box's diagonal.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.spatial.transform import Rotation

from looktwice.datasets.synthesis.shapes.bending import bend
from looktwice.datasets.synthesis.shapes.breaking import broken_off
from looktwice.datasets.synthesis.shapes.grooves import crack, cut, scratch
from looktwice.datasets.synthesis.shapes.mesh import Mesh, load_mesh
from looktwice.datasets.synthesis.shapes.opening import hole, puncture
from looktwice.datasets.synthesis.shapes.refine import refine
from looktwice.datasets.synthesis.shapes.roughness import rough
from looktwice.datasets.synthesis.shapes.sampling import LabelledCloud, sample_cloud
from looktwice.datasets.synthesis.shapes.setting import on_table, one_side
from looktwice.datasets.synthesis.shapes.surface import waves
from looktwice.datasets.synthesis.shapes.swell import bulge, dent

__all__ = [
    "KINDS",
    "LabelledCloud",
    "Mesh",
    "damage_mesh",
    "load_mesh",
    "on_table",
    "one_side",
    "sample_cloud",
    "vary_mesh",
]

KINDS: dict[str, Callable[[np.random.Generator, Mesh], Mesh]] = {
    "bulge": bulge,
    "dent": dent,
    "hole": hole,
    "puncture": puncture,
    "crack": crack,
    "broken_off": broken_off,
    "bend": bend,
    "scratch": scratch,
    "cut": cut,
    "rough": rough,
}
"""Every kind of damage by name."""

FINE = 0.01
"""Longest edge before damage, in diagonals."""

_TRIES = 8
_SMALLEST, _LARGEST = 0.001, 0.3


def damage_mesh(rng: np.random.Generator, mesh: Mesh, kind: str | None = None) -> tuple[Mesh, str]:
    """Damage a sound mesh in one place.

    Parameters
    ----------
    rng : numpy Generator
    mesh : Mesh
    kind : str, optional
        A key of ``KINDS``; by default drawn evenly.

    Returns
    -------
    mesh : Mesh
        Its ``damage`` marks 0.1 % to 30 % of the area.
    kind : str

    Raises
    ------
    ValueError
        Unknown `kind`, or the mesh cannot be damaged so after several tries.

    Examples
    --------
    >>> import numpy as np
    >>> from looktwice.datasets.synthesis.shapes import damage_mesh, sample_cloud
    >>> from looktwice.datasets.synthesis.shapes.catalogue import SHAPES
    >>> rng = np.random.default_rng(0)
    >>> damaged, kind = damage_mesh(rng, SHAPES["ring"](rng), "dent")
    >>> cloud = sample_cloud(rng, damaged, 500)
    >>> cloud.points.shape, kind
    ((500, 3), 'dent')
    """
    if kind is not None and kind not in KINDS:
        raise ValueError(f"unknown kind {kind!r}; choose from {', '.join(KINDS)}")
    name = kind or list(KINDS)[int(rng.integers(len(KINDS)))]
    fine = refine(mesh, FINE * mesh.diagonal)
    for _ in range(_TRIES):
        damaged = KINDS[name](rng, fine)
        marked = float(damaged.areas[damaged.damage[damaged.faces].mean(axis=1) > 0.15].sum() / damaged.areas.sum())
        if _SMALLEST <= marked <= _LARGEST:
            return damaged, name
    raise ValueError(f"the mesh takes no {name}")


def vary_mesh(rng: np.random.Generator, mesh: Mesh) -> Mesh:
    """Return another specimen of a sound mesh: turned at random, scaled a little, with slow waves of 0.3 %."""
    turn = Rotation.random(rng=rng).as_matrix()
    fine = refine(mesh, FINE * mesh.diagonal).transformed(turn @ np.diag(rng.uniform(0.93, 1.07, 3)))
    wave = np.stack([waves(rng, fine.vertices, fine.diagonal) for _ in range(3)], axis=1)
    return Mesh(fine.vertices + 0.003 * fine.diagonal * wave, fine.faces, fine.damage)
