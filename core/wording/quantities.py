"""Measured values as people write them: units, thousands, plurals."""

from __future__ import annotations

import math

from looktwice.core.study import Region

MINUS = "\N{MINUS SIGN}"


def number(value: float, digits: int = 3) -> str:
    """Return `value` with about `digits` significant digits, grouped by thousands: ``1,234``, ``12.3``, ``−0.0456``."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}".replace("-", MINUS)
    exponent = math.floor(math.log10(abs(value)))
    if not -5 < exponent < 9:
        text = f"{value:.{digits - 1}e}"
    else:
        decimals = max(0, digits - 1 - exponent)
        text = f"{value:,.{decimals}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace("-", MINUS)


def signed(value: float) -> str:
    """Return whole millimetres with their sign, as radiologists write them: ``+34``, ``−7``, ``0``."""
    rounded = round(value)
    return f"{rounded:+d}".replace("-", MINUS) if rounded else "0"


def count(how_many: int, noun: str) -> str:
    """Return ``1 region``, ``12 regions``."""
    return f"{how_many:,} {noun}" if how_many == 1 else f"{how_many:,} {noun}s"


def percent(share: float) -> str:
    """Return a share in [0, 1] as a percentage; what is not nothing is never ``0 %``."""
    value = 100 * share
    if 0 < value < 0.01:
        return "under 0.01 %"
    return f"{value:.0f} %" if value >= 10 else f"{value:.2g} %"


def size(region: Region) -> str:
    """Return a region's size with its unit: ``340 px``, ``1.2 ml``, ``240 mm³``, ``1 point``."""
    if region.size_unit == "area_px":
        return f"{region.size:,.0f} px"
    if region.size_unit == "volume_mm3":
        return f"{number(region.size / 1000)} ml" if region.size >= 1000 else f"{number(region.size)} mm³"
    return count(round(region.size), "voxel" if region.size_unit == "voxels" else "point")


def apart(first: float, second: float) -> tuple[str, str]:
    """Return two scores with two decimals, or with more where two would make different scores look equal."""
    for decimals in range(2, 7):
        texts = f"{first:.{decimals}f}", f"{second:.{decimals}f}"
        if texts[0] != texts[1]:
            return texts
    return f"{first:.2f}", f"{second:.2f}"
