"""Names of brain regions at points in MNI space.

Lobes and deep structures are bounded by planes and boxes that follow landmarks of the MNI152 template (the central, the
lateral and the parieto-occipital sulcus, the tentorium), accurate to about a centimetre. This is not an atlas. All
coordinates are in millimetres: x to the right, y to the front, z up.
"""

from __future__ import annotations

_DEEP = (
    # Name, |x| from and to, y from and to, z from and to; the first that holds a place names it.
    ("brainstem", (0, 16), (-46, -8), (-70, -8)),
    ("thalamus", (0, 25), (-35, 0), (-2, 19)),
    ("basal ganglia", (5, 30), (-12, 25), (-12, 20)),
    ("insula", (29, 45), (-25, 24), (-14, 17)),
)
_CENTRE, _RADII = (0.0, -17.0, 8.0), (76.0, 94.0, 86.0)
"""An ellipsoid a little larger than the template's brain."""


def part_of_brain(x: float, y: float, z: float) -> str | None:
    """Return the lobe or deep part at a place in MNI millimetres; None for what is no brain."""
    if sum(((value - at) / radius) ** 2 for value, at, radius in zip((x, y, z), _CENTRE, _RADII, strict=True)) > 1:
        return None
    lateral = abs(x)
    if _below_tentorium(lateral, y, z):
        return "cerebellum"
    for name, across, along, up in _DEEP:
        if across[0] <= lateral <= across[1] and along[0] <= y <= along[1] and up[0] <= z <= up[1]:
            return name
    return f"{_lobe(lateral, y, z)} lobe"


def _below_tentorium(lateral: float, y: float, z: float) -> bool:
    """Tell what the tentorium covers: it is highest in the middle, and lies behind the brainstem."""
    return y < -36 and z < -10 - 0.25 * lateral


def _lobe(lateral: float, y: float, z: float) -> str:
    if y < -58 - 0.45 * max(z, 0):  # behind the parieto-occipital sulcus, which leans backwards
        return "occipital"
    lateral_sulcus = 2 - 0.45 * min(y, 22)  # it rises backwards
    if lateral > 18 and y < 24 and z < min(lateral_sulcus, 17):
        return "temporal"
    central_sulcus = -34 + 0.4 * lateral  # it runs forwards on its way down and outwards
    if y > central_sulcus:
        return "frontal"
    return "parietal"
