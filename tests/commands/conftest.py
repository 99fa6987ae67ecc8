from __future__ import annotations

from ..made_plates import inspector, parts, plates, server, taxonomy  # noqa: F401 - fixtures for this room
