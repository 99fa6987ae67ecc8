"""How reports speak of one kind of input and show it; an adapter says it, so that a report knows no kind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Display:
    """What a report has to know of a map to write about it.

    Attributes
    ----------
    noun : str
        What the input is called: "photograph", "point cloud".
    axes : str
        The axes of a region's coordinates, a letter each.
    unit : str
        What they count, "px" or "voxel"; empty where they are lengths in the file's unit.
    frame : str
        Of the world coordinates, "RAS"; empty where they have none.
    is_picture : bool
        The input is itself a picture: its only view, shown at its own size.

    Examples
    --------
    >>> Display("table", "xy", unit="cell").centre
    'Centre, cell (x, y)'
    >>> Display("drawing", "xy").centre
    'Centre (x, y)'
    """

    noun: str = "input"
    axes: str = "xyz"
    unit: str = ""
    frame: str = ""
    is_picture: bool = False

    @property
    def centre(self) -> str:
        """Heading of a column of centres."""
        return f"Centre{', ' + self.unit if self.unit else ''} ({', '.join(self.axes)})"

    @property
    def world(self) -> str:
        """Heading of a column of centres in the world."""
        return f"Centre, mm {self.frame} (x, y, z)" if self.frame else "Centre, mm"


@dataclass(frozen=True)
class Viewer:
    """An interactive view of a map in a report.

    Attributes
    ----------
    template : Path
        A Jinja template. It finds `values` as ``viewer``, and may include the files beside it and the report's own.
    values : dict

    Examples
    --------
    >>> from jinja2 import Template
    >>> viewer = Viewer(Path("viewer.html"), {"points": 1200})
    >>> Template("{{ viewer.points }} points").render(viewer=viewer.values)
    '1200 points'
    """

    template: Path
    values: dict[str, Any]
