from __future__ import annotations

from ..made_plates import parts, plates  # noqa: F401 - fixtures for this room
