"""How large, and by that how severe, in words."""

from __future__ import annotations

EXTENTS = ("tiny", "small", "medium-sized", "large", "very large")

SHARES = (0.002, 0.01, 0.05, 0.2)
"""Share of the picture, or of the points, below which a part is tiny, small, medium-sized, large."""

VOLUMES_MM3 = (100.0, 1_000.0, 10_000.0, 50_000.0)
"""The same for a part of a volume; 1,000 mm³ are 1 ml, a ball of 12 mm across."""

SEVERITIES = {
    "tiny": "slight",
    "small": "slight",
    "medium-sized": "moderate",
    "large": "severe",
    "very large": "severe",
}
"""By extent, as there is nothing else to go by."""


def extent_of_share(share: float) -> str:
    """Return the word for a share in [0, 1] of the picture or of the points."""
    return EXTENTS[sum(share >= limit for limit in SHARES)]


def extent_of_volume(cubic_mm: float) -> str:
    """Return the word for a volume in mm³."""
    return EXTENTS[sum(cubic_mm >= limit for limit in VOLUMES_MM3)]
