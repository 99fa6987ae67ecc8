"""Sound shapes to damage, made by rule: every draw is another one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from looktwice.datasets.synthesis.shapes.machined import (
    block,
    flange,
    housing,
    lever,
    nut,
    plate,
    profile,
    shaft,
    spur,
    tee,
)
from looktwice.datasets.synthesis.shapes.mesh import Mesh, Points
from looktwice.datasets.synthesis.shapes.solids import bolt, bottle, bracket, cup, elbow
from looktwice.datasets.synthesis.shapes.surface import waves


def vase(rng: np.random.Generator) -> Mesh:
    """Turn a smooth random profile about an axis, closed at both ends."""
    height = np.linspace(0, 1, 120)
    knots = rng.uniform(0.12, 0.4, 6)
    radius = np.interp(height, np.linspace(0, 1, 6), knots)
    radius = np.convolve(np.pad(radius, 15, mode="edge"), np.hanning(31) / np.hanning(31).sum(), "valid")
    radius[[0, -1]] = 0
    return _grid(np.stack([radius, height], axis=1), 160)


def superquadric(rng: np.random.Generator) -> Mesh:
    """Return a body between a box, a ball and a double cone."""
    roundness = rng.uniform(0.25, 1.6, 2)
    size = rng.uniform(0.3, 1.0, 3)
    latitude, longitude = np.linspace(-np.pi / 2, np.pi / 2, 120), np.linspace(0, 2 * np.pi, 200, endpoint=False)

    def power(values: Points, exponent: float) -> Points:
        return np.asarray(np.sign(values) * np.abs(values) ** exponent)

    up, out = power(np.sin(latitude), roundness[0]), power(np.cos(latitude), roundness[0])
    x, y = power(np.cos(longitude), roundness[1]), power(np.sin(longitude), roundness[1])
    points = np.stack([np.outer(out, x), np.outer(out, y), np.outer(up, np.ones_like(x))], axis=2) * size
    return _rolled(points)


def ring(rng: np.random.Generator) -> Mesh:
    """Sweep a round or flat section along a closed, wavy line."""
    turn, around = np.linspace(0, 2 * np.pi, 240, endpoint=False), np.linspace(0, 2 * np.pi, 60, endpoint=False)
    lobes, swing = int(rng.integers(2, 6)), rng.uniform(0, 0.25)
    radius = 1 + swing * np.cos(lobes * turn)
    thick, flat = rng.uniform(0.12, 0.35), rng.uniform(0.5, 1.5)
    out = radius[:, None] + thick * np.cos(around)
    up = swing * np.sin(lobes * turn)[:, None] + thick * flat * np.sin(around)
    points = np.stack([out * np.cos(turn)[:, None], out * np.sin(turn)[:, None], up], axis=2)
    return _rolled(points, closed=True)


def gear(rng: np.random.Generator) -> Mesh:
    """Extrude a toothed wheel with a hub."""
    teeth, depth = int(rng.integers(6, 18)), rng.uniform(0.06, 0.18)
    turn = np.linspace(0, 2 * np.pi, 24 * teeth, endpoint=False)
    rim = 1 - depth + depth * np.clip(0.5 + 1.5 * np.cos(teeth * turn), 0, 1)
    width, hub, step = rng.uniform(0.15, 0.4), rng.uniform(0.25, 0.5), rng.uniform(0.0, 0.2)
    # (radius as a share of the rim or fixed, height) from the middle below, around the rim, to the middle above.
    rows = [(0.0, -width - step), (hub, -width - step), (hub, -width), (rim, -width)]
    rows += [(radius, -height) for radius, height in reversed(rows)]
    outline = [
        np.stack([radius * np.cos(turn), radius * np.sin(turn), np.full_like(turn, height)], axis=1)
        for radius, height in rows
    ]
    return _rolled(np.stack(outline))


def pebble(rng: np.random.Generator) -> Mesh:
    """Roughen a ball by slow waves."""
    latitude, longitude = np.linspace(-np.pi / 2, np.pi / 2, 120), np.linspace(0, 2 * np.pi, 200, endpoint=False)
    out = np.cos(latitude)[:, None]
    points = np.stack(
        [out * np.cos(longitude), out * np.sin(longitude), np.sin(latitude)[:, None] + 0 * longitude], axis=2
    )
    swell = 1 + rng.uniform(0.03, 0.1) * waves(rng, points.reshape(-1, 3), rng.uniform(1.0, 2.5)).reshape(
        points.shape[:2]
    )
    return _rolled(points * swell[..., None] * rng.uniform(0.6, 1, 3))


SHAPES: dict[str, Callable[[np.random.Generator], Mesh]] = {
    "vase": vase,
    "superquadric": superquadric,
    "ring": ring,
    "gear": gear,
    "pebble": pebble,
    "cup": cup,
    "bolt": bolt,
    "bracket": bracket,
    "elbow": elbow,
    "bottle": bottle,
    "block": block,
    "plate": plate,
    "flange": flange,
    "housing": housing,
    "shaft": shaft,
    "tee": tee,
    "profile": profile,
    "spur": spur,
    "nut": nut,
    "lever": lever,
}
"""Every kind of shape by name."""


def _grid(profile: Points, steps: int) -> Mesh:
    """Turn a profile (n, 2) of radius and height about the third axis."""
    turn = np.linspace(0, 2 * np.pi, steps, endpoint=False)
    radius, height = profile.T
    points = np.stack(
        [np.outer(radius, np.cos(turn)), np.outer(radius, np.sin(turn)), np.outer(height, np.ones(steps))], axis=2
    )
    return _rolled(points)


def _rolled(points: Points, closed: bool = False) -> Mesh:
    """Join a grid of points (n, m, 3), closed along its columns, and along its rows if `closed`, to a mesh."""
    rows, columns = points.shape[:2]
    number = np.arange(rows * columns).reshape(rows, columns)
    low, high = (number, np.roll(number, -1, axis=0)) if closed else (number[:-1], number[1:])
    a, b = low, np.roll(low, -1, axis=1)
    d, c = high, np.roll(high, -1, axis=1)
    faces = np.concatenate([np.stack([a, b, c], axis=2).reshape(-1, 3), np.stack([a, c, d], axis=2).reshape(-1, 3)])
    mesh = Mesh.of(points.reshape(-1, 3), faces)
    # Six times the volume enclosed, negative where the faces look inwards.
    volume = (mesh.vertices[mesh.faces[:, 0]] * mesh.crosses).sum()
    return mesh if volume > 0 else Mesh(mesh.vertices, mesh.faces[:, ::-1], mesh.damage)
