"""Machined, moulded and sheet-metal parts: plain faces, sharp edges, bores and bosses, as in most plants."""

from __future__ import annotations

import numpy as np

from looktwice.datasets.synthesis.shapes.mesh import Mesh, Points
from looktwice.datasets.synthesis.shapes.solids import box, cylinder, meshed, prism


def block(rng: np.random.Generator) -> Mesh:
    """Make a box, from a cube to a board; every second one has a step."""
    half = tuple(rng.uniform(0.08, 0.5, 3).tolist())
    stepped = rng.random() < 0.5
    step = np.array(half) * rng.uniform(0.3, 1.2, 3)

    def field(p: Points) -> Points:
        solid = box(p, half)
        return np.maximum(solid, -box(p - half, tuple(step.tolist()))) if stepped else solid

    return meshed(field, max(half[:2]), half[2])


def plate(rng: np.random.Generator) -> Mesh:
    """Make a plate with a row of bores and a boss off its middle."""
    long, wide, thick = rng.uniform(0.6, 1.0), rng.uniform(0.3, 0.6), rng.uniform(0.04, 0.1)
    bore, boss, tall = rng.uniform(0.03, 0.09), rng.uniform(0.08, 0.18), rng.uniform(0.05, 0.25)
    bores, place = int(rng.integers(0, 4)), (rng.uniform(-0.4, 0.4) * long, rng.uniform(-0.3, 0.3) * wide)

    def field(p: Points) -> Points:
        solid = box(p, (long, wide, thick))
        for number in range(bores):
            x = long * (-0.8 + 1.6 * (number + 0.5) / bores)
            solid = np.maximum(solid, bore - np.hypot(p[..., 0] - x, p[..., 1] + 0.75 * wide))
        return np.minimum(solid, cylinder(p - [*place, thick + tall / 2], boss, tall / 2))

    return meshed(field, long, thick + tall)


def flange(rng: np.random.Generator) -> Mesh:
    """Make a pipe's end: a disc with a ring of bolt holes, a collar and a bore through both."""
    disc, thick = rng.uniform(0.6, 0.9), rng.uniform(0.06, 0.14)
    bore, collar, tall = disc * rng.uniform(0.2, 0.4), disc * rng.uniform(0.48, 0.6), rng.uniform(0.1, 0.5)
    bolts, hole = int(rng.integers(3, 9)), disc * rng.uniform(0.05, 0.09)

    def field(p: Points) -> Points:
        solid = np.minimum(cylinder(p, disc, thick), cylinder(p - [0, 0, tall / 2], collar, thick + tall / 2))
        solid = np.maximum(solid, bore - np.hypot(p[..., 0], p[..., 1]))
        for turn in 2 * np.pi * np.arange(bolts) / bolts:
            x, y = 0.8 * disc * np.cos(turn), 0.8 * disc * np.sin(turn)
            solid = np.maximum(solid, hole - np.hypot(p[..., 0] - x, p[..., 1] - y))
        return solid

    return meshed(field, disc, thick + tall)


def housing(rng: np.random.Generator) -> Mesh:
    """Make a box open above, with screw bosses in its corners and an opening in one wall."""
    long, wide, tall = rng.uniform(0.5, 0.9), rng.uniform(0.35, 0.6), rng.uniform(0.15, 0.4)
    wall, boss = rng.uniform(0.035, 0.06), rng.uniform(0.06, 0.1)
    opening = (rng.uniform(0.1, 0.25), 1.0, tall * rng.uniform(0.2, 0.4))
    bosses = rng.random() < 0.7

    def field(p: Points) -> Points:
        inside = box(p - [0, 0, 2 * wall], (long - wall, wide - wall, tall))
        solid = np.maximum(box(p, (long, wide, tall)), -inside)
        for x, y in ((1, 1), (1, -1), (-1, 1), (-1, -1)) if bosses else ():
            post = cylinder(p - [x * (long - wall - boss), y * (wide - wall - boss), -wall], boss, tall - wall)
            solid = np.minimum(
                solid, np.maximum(post, 0.4 * boss - _axial(p, x * (long - wall - boss), y * (wide - wall - boss)))
            )
        return np.maximum(solid, -box(p - [0.3 * long, wide, 0], opening))

    return meshed(field, long, tall)


def shaft(rng: np.random.Generator) -> Mesh:
    """Make a turned shaft of three to five steps, every second one with a keyway."""
    steps = int(rng.integers(3, 6))
    radii, ends = rng.uniform(0.1, 0.35, steps), np.cumsum(rng.uniform(0.15, 0.6, steps))
    ends -= ends[-1] / 2
    starts, keyed = np.concatenate([[-ends[-1]], ends[:-1]]), rng.random() < 0.5

    def field(p: Points) -> Points:
        parts = [
            cylinder(p - [0, 0, (low + high) / 2], radius, (high - low) / 2)
            for low, high, radius in zip(starts, ends, radii, strict=True)
        ]
        solid = np.asarray(np.minimum.reduce(parts))
        middle = (starts[0] + ends[0]) / 2
        slot = box(p - [radii[0], 0, middle], (0.35 * radii[0], 0.2 * radii[0], 0.3 * (ends[0] - starts[0])))
        return np.maximum(solid, -slot) if keyed else solid

    return meshed(field, float(radii.max()), float(ends[-1]))


def tee(rng: np.random.Generator) -> Mesh:
    """Make a branched pipe: a run and a branch of another width, both open, with collars at some ends."""
    run, branch = rng.uniform(0.2, 0.32), rng.uniform(0.12, 0.2)
    wall, long, reach = rng.uniform(0.03, 0.05), rng.uniform(0.6, 1.0), rng.uniform(0.5, 0.8)
    collared, collar = rng.random(2) < 0.6, rng.uniform(1.2, 1.45)

    def field(p: Points) -> Points:
        side = p[..., [1, 2, 0]]  # the branch lies along x
        parts = [cylinder(p, run, long), cylinder(side - [0, 0, reach / 2], branch, reach / 2)]
        if collared[0]:
            parts += [cylinder(p - [0, 0, end * (long - 0.05)], collar * run, 0.05) for end in (-1, 1)]
        if collared[1]:
            parts.append(cylinder(side - [0, 0, reach - 0.05], collar * branch, 0.05))
        solid = np.asarray(np.minimum.reduce(parts))
        solid = np.maximum(solid, -cylinder(p, run - wall, 2 * long))
        return np.asarray(np.maximum(solid, -cylinder(side - [0, 0, reach], branch - wall, reach)))

    return meshed(field, max(reach, collar * run), long)


def profile(rng: np.random.Generator) -> Mesh:
    """Make a length of an extruded section: an angle, a channel, an I or a T, with or without bores."""
    kind, long = int(rng.integers(4)), rng.uniform(0.5, 1.0)
    wide, tall, thick = rng.uniform(0.2, 0.4), rng.uniform(0.2, 0.4), rng.uniform(0.03, 0.06)
    bore, bores = 0.3 * wide, int(rng.integers(0, 4))

    def field(p: Points) -> Points:
        walls = {
            0: [(-wide, 0.0, thick, tall)],
            1: [(-wide, 0.0, thick, tall), (wide, 0.0, thick, tall)],
            2: [(0.0, 0.0, thick, tall)],
            3: [(0.0, 0.0, thick, tall)],
        }[kind]
        parts = [box(p - [x, y, 0], (w, h, long)) for x, y, w, h in walls]
        levels = (-tall, tall) if kind == 2 else (-tall,)
        parts += [box(p - [0, level, 0], (wide + thick, thick, long)) for level in levels]
        solid = np.asarray(np.minimum.reduce(parts))
        for number in range(bores):
            z = long * (-0.8 + 1.6 * (number + 0.5) / bores)
            solid = np.maximum(solid, bore - np.hypot(p[..., 0] - 0.5 * wide, p[..., 2] - z))
        return solid

    return meshed(field, max(wide, tall) + thick, long)


def spur(rng: np.random.Generator) -> Mesh:
    """Make a gear wheel with a hub, a bore with a keyway, and round windows between hub and rim."""
    teeth, radius, width = int(rng.integers(10, 26)), rng.uniform(0.6, 0.9), rng.uniform(0.06, 0.2)
    depth, hub, bore = rng.uniform(0.06, 0.12), rng.uniform(0.2, 0.28), rng.uniform(0.08, 0.15)
    windows, web = int(rng.choice([0, 3, 4, 5, 6])), rng.uniform(0.3, 1.0)

    def field(p: Points) -> Points:
        turn, out = np.arctan2(p[..., 1], p[..., 0]), np.hypot(p[..., 0], p[..., 1])
        rim = radius - depth * np.clip(0.5 - 1.5 * np.cos(teeth * turn), 0, 1)
        solid = np.maximum(0.7 * (out - rim), np.abs(p[..., 2]) - width)
        thin = np.maximum(
            np.abs(out - (hub + radius - 2 * depth) / 2) - (radius - 2 * depth - hub) / 2,
            web * width - np.abs(p[..., 2]),
        )
        solid = np.minimum(np.maximum(solid, -thin), cylinder(p, hub, 1.4 * width))
        for angle in 2 * np.pi * np.arange(windows) / max(windows, 1):
            middle = (hub + radius - 2 * depth) / 2
            solid = np.maximum(solid, 0.09 - _axial(p, middle * np.cos(angle), middle * np.sin(angle)))
        solid = np.maximum(solid, bore - out)
        return np.asarray(np.maximum(solid, -box(p - [bore, 0, 0], (0.4 * bore, 0.3 * bore, 1.0))))

    return meshed(field, radius, 1.4 * width)


def nut(rng: np.random.Generator) -> Mesh:
    """Make a nut, a spacer or a bushing: a prism or a cylinder, with a bore and perhaps a collar."""
    sides, radius, half = int(rng.choice([0, 4, 6, 8])), rng.uniform(0.3, 0.6), rng.uniform(0.1, 0.5)
    bore, collar = radius * rng.uniform(0.35, 0.7), radius * rng.uniform(1.15, 1.5)
    collared = rng.random() < 0.5

    def field(p: Points) -> Points:
        solid = prism(p, radius, sides, half) if sides else cylinder(p, radius, half)
        if collared:
            solid = np.minimum(solid, cylinder(p - [0, 0, -half], collar, 0.06))
        return np.maximum(solid, bore - np.hypot(p[..., 0], p[..., 1]))

    return meshed(field, collar, half + 0.06)


def lever(rng: np.random.Generator) -> Mesh:
    """Make a flat arm between two eyes of different size, each with a bore."""
    long, thick = rng.uniform(0.6, 1.0), rng.uniform(0.06, 0.14)
    eyes, bores = rng.uniform(0.16, 0.3, 2), rng.uniform(0.4, 0.65, 2)
    tall = thick * rng.uniform(1.0, 2.2, 2)

    def field(p: Points) -> Points:
        share = np.clip((p[..., 0] + long) / (2 * long), 0, 1)
        arm = np.maximum(
            np.hypot(p[..., 0] - (2 * share - 1) * long, p[..., 1]) - 0.7 * (eyes[0] + share * (eyes[1] - eyes[0])),
            np.abs(p[..., 2]) - thick,
        )
        solid = arm
        for end, eye, height in zip((-1, 1), eyes, tall, strict=True):
            solid = np.minimum(solid, cylinder(p - [end * long, 0, 0], eye, height))
        for end, eye, bore in zip((-1, 1), eyes, bores, strict=True):
            solid = np.maximum(solid, bore * eye - _axial(p, end * long, 0.0))
        return np.asarray(solid)

    return meshed(field, long + float(eyes.max()), float(tall.max()))


def _axial(p: Points, x: float, y: float) -> Points:
    """Return the distance from an upright axis."""
    return np.hypot(p[..., 0] - x, p[..., 1] - y)
