"""Parts made by joining and cutting solids, meshed out of their distance fields.

A solid is a function from points (..., 3) to a distance, negative inside; joining is the minimum, cutting the maximum
with the negative (Quilez, "Distance functions").
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from looktwice.datasets.synthesis.shapes.mesh import Mesh, Points

Solid = Callable[[Points], Points]

_CELLS = 110


def cup(rng: np.random.Generator) -> Mesh:
    """Make a mug: a turned wall, open above, with a ring for a handle."""
    radius, height, wall = rng.uniform(0.3, 0.5), rng.uniform(0.7, 1.1), rng.uniform(0.03, 0.06)
    taper = rng.uniform(-0.1, 0.15)
    handle, thick = height * rng.uniform(0.22, 0.32), rng.uniform(0.035, 0.06)

    def field(p: Points) -> Points:
        widen = taper * (p[..., 2] / height)
        outside = cylinder(p, radius + widen, height / 2)
        inside = cylinder(p - [0, 0, wall], radius + widen - wall, height / 2)
        q = p - [radius + 0.02, 0, 0]
        grip = np.hypot(np.hypot(q[..., 0], q[..., 2]) - handle, q[..., 1]) - thick
        return np.maximum(np.minimum(outside, np.maximum(grip, -cylinder(p, radius + widen, height))), -inside)

    return meshed(field, radius + handle + 0.3, height / 2)


def bolt(rng: np.random.Generator) -> Mesh:
    """Make a bolt: a head of four, six or eight flats, a shank, a collar."""
    head, shank, length = rng.uniform(0.28, 0.4), rng.uniform(0.12, 0.2), rng.uniform(0.8, 1.4)
    thick, sides = rng.uniform(0.15, 0.3), int(rng.choice([4, 6, 8]))
    collar = head * rng.uniform(1.0, 1.3)

    def field(p: Points) -> Points:
        top = p - [0, 0, length / 2]
        parts = [prism(top, head, sides, thick / 2), cylinder(p, shank, length / 2)]
        parts.append(cylinder(top - [0, 0, -thick / 2], collar, 0.04))
        return np.asarray(np.minimum.reduce(parts))

    return meshed(field, collar, length / 2 + thick)


def bracket(rng: np.random.Generator) -> Mesh:
    """Make an angle of two plates with holes and a rib."""
    width, long, tall = rng.uniform(0.4, 0.9), rng.uniform(0.7, 1.1), rng.uniform(0.6, 1.1)
    thick, bore = rng.uniform(0.06, 0.12), width * rng.uniform(0.12, 0.2)
    rib = rng.uniform(0.04, 0.08)

    def field(p: Points) -> Points:
        base = box(p - [long / 2, 0, thick / 2], (long / 2, width / 2, thick / 2))
        wall = box(p - [thick / 2, 0, tall / 2], (thick / 2, width / 2, tall / 2))
        slope = (p[..., 0] / long + p[..., 2] / tall - 0.75) * min(long, tall) * 0.7
        web = np.maximum(np.maximum(np.abs(p[..., 1]) - rib / 2, slope), -np.minimum(p[..., 0], p[..., 2]))
        solid = np.minimum.reduce([base, wall, web])
        for side in (-1, 1):
            solid = np.maximum(solid, -(np.hypot(p[..., 0] - 0.65 * long, p[..., 1] - side * 0.27 * width) - bore))
        upper = np.maximum(np.hypot(p[..., 1], p[..., 2] - 0.75 * tall) - bore, p[..., 0] - 2 * thick)
        return np.maximum(solid, -upper)

    return meshed(field, max(long, width), tall)


def elbow(rng: np.random.Generator) -> Mesh:
    """Make a bent pipe, open, with a flange at each end."""
    bend, radius = rng.uniform(0.5, 0.8), rng.uniform(0.16, 0.26)
    wall, flange = rng.uniform(0.03, 0.05), radius * rng.uniform(1.35, 1.7)
    straight = rng.uniform(0.1, 0.5)

    def field(p: Points) -> Points:
        x, y, z = np.moveaxis(p, -1, 0)
        # A quarter of a ring, then straight on at both ends.
        around = np.hypot(np.hypot(np.maximum(x, 0), np.maximum(y, 0)) - bend, z)
        away = np.where((x >= 0) & (y >= 0), around, np.where(x < 0, np.hypot(y - bend, z), np.hypot(x - bend, z)))
        ends = np.minimum(x, y) + straight
        rim = np.maximum(away - flange, np.abs(ends - 0.04) - 0.04)
        tube = np.minimum(np.maximum(away - radius, -ends), rim)
        quadrant = np.minimum(np.maximum(x, y), bend)
        return np.asarray(np.maximum.reduce([tube, -(away - radius + wall), -quadrant]))

    return meshed(field, bend + flange + straight, flange)


def bottle(rng: np.random.Generator) -> Mesh:
    """Make a closed bottle: square or round body, shoulder, neck and cap."""
    body, height = rng.uniform(0.22, 0.35), rng.uniform(0.7, 1.0)
    neck, tall = body * rng.uniform(0.3, 0.5), rng.uniform(0.2, 0.35)
    sides, soft = int(rng.choice([0, 4, 6])), rng.uniform(0.03, 0.08)

    def field(p: Points) -> Points:
        trunk = (
            prism(p, body, sides, height / 2 - soft) - soft if sides else cylinder(p, body, height / 2 - soft) - soft
        )
        top = p - [0, 0, height / 2 + tall / 2]
        spout, cap = cylinder(top, neck, tall / 2), cylinder(top - [0, 0, tall / 2], neck * 1.2, 0.06)
        blend = 0.06
        share = np.clip(0.5 + 0.5 * (spout - trunk) / blend, 0, 1)
        joined = spout * (1 - share) + trunk * share - blend * share * (1 - share)
        return np.minimum(joined, cap)

    return meshed(field, body + 2 * soft, height / 2 + tall + 0.1)


def cylinder(p: Points, radius: float | Points, half: float) -> Points:
    """Upright, around the origin."""
    return np.maximum(np.hypot(p[..., 0], p[..., 1]) - radius, np.abs(p[..., 2]) - half)


def prism(p: Points, radius: float, sides: int, half: float) -> Points:
    """Upright, its flats `radius` from the axis."""
    turn = 2 * np.pi * np.arange(sides) / sides
    flats = np.max([p[..., 0] * np.cos(a) + p[..., 1] * np.sin(a) for a in turn], axis=0)
    return np.asarray(np.maximum(flats - radius, np.abs(p[..., 2]) - half))


def box(p: Points, half: tuple[float, float, float]) -> Points:
    """Around the origin, `half` as long, wide and high as the whole."""
    return np.asarray((np.abs(p) - half).max(axis=-1))


def meshed(solid: Solid, across: float, up: float) -> Mesh:
    """Mesh a solid that lies within `across` of the third axis and `up` of the plane through its middle."""
    from skimage.measure import marching_cubes

    low, high = np.array([-across, -across, -up]) * 1.05 - 0.05, np.array([across, across, up]) * 1.05 + 0.05
    step = float((high - low).max()) / _CELLS
    axes = [np.arange(a, b + step, step) for a, b in zip(low, high, strict=True)]
    values = solid(np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1))
    vertices, faces, _, _ = marching_cubes(values, 0.0, spacing=(step, step, step), gradient_direction="descent")
    return Mesh.of(vertices + low, faces)
