"""``report.html``: one file for a person to read, print and send on, with everything inside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from PIL import Image

from looktwice.core.colours import css_gradient
from looktwice.core.discovery import find_parts
from looktwice.core.display import Viewer
from looktwice.core.embedding import jpeg_uri, png_uri
from looktwice.core.heat_layer import heat_layer
from looktwice.core.result import Result
from looktwice.core.study import Region
from looktwice.core.wording import quantities
from looktwice.report.picture import Picture

TEMPLATES = Path(__file__).parent / "templates"

LARGEST_PICTURE = 1280
"""Pixels along the longer side of an input that is itself a picture."""

LAYER_SIDE = 384
"""Pixels along the longer side of a heat layer, at least, so that its contour is thin on small pictures too."""


def render_html(result: Result, pictures: Sequence[Picture], viewer: Viewer | None = None) -> str:
    """Return the report of one study as a complete HTML document that loads nothing.

    Every text is escaped. Reports of medical input carry the notice that looktwice is no medical device, and not the
    input's file name, which may hold an identity.

    Parameters
    ----------
    result : Result
    pictures : sequence of Picture
        The most suspicious views, the worst first.
    viewer : Viewer, optional
        What the heat map's ``viewer`` prepared.
    """
    display = result.heatmap.display
    side = LARGEST_PICTURE if display.is_picture else LAYER_SIDE
    html: str = (
        environment(None if viewer is None else viewer.template.parent)
        .get_template("report.html")
        .render(
            result=result,
            display=display,
            input_name=None if result.medical else result.source.name,
            figures=[_figure(picture, side, result.threshold if result.regions else math.inf) for picture in pictures],
            viewer_template=None if viewer is None else viewer.template.name,
            viewer=None if viewer is None else viewer.values,
            gradient=css_gradient(),
            evidence_names={name: part.constant("TITLE") for name, part in find_parts("evidence", "TITLE").items()},
            has_world=any(region.centroid_world_mm for region in (*result.regions, *result.candidates)),
            has_details=any(region.details for region in (*result.regions, *result.candidates)),
        )
    )
    return html


def _figure(picture: Picture, largest: int, threshold: float) -> dict[str, Any]:
    plain = Image.fromarray(picture.image)
    plain.thumbnail((largest, largest))
    scale = max(1.0, LAYER_SIDE / max(plain.size))
    size = max(1, round(plain.width * scale)), max(1, round(plain.height * scale))
    return {
        "name": picture.name,
        "score": picture.score,
        "width": size[0],
        "height": size[1],
        "plain": jpeg_uri(plain),
        "layer": png_uri(heat_layer(picture.heat, size, threshold).as_image()),
    }


def _point(region: Region) -> str:
    digits = 0 if region.size_unit != "points" else None
    texts = (f"{value:.0f}" if digits == 0 else quantities.number(value) for value in region.centroid)
    return ", ".join(texts)


def _box(region: Region, axes: str) -> list[str]:
    """Return one line per axis: ``x 12–40``."""
    half = len(region.bbox) // 2
    return [
        f"{axis} {quantities.number(low, 4)} – {quantities.number(high, 4)}"
        for axis, low, high in zip(axes, region.bbox[:half], region.bbox[half:], strict=False)
    ]


def _details(region: Region) -> list[str]:
    """Return what else an adapter measured, one line each: ``diameter 21 mm``."""
    lines = []
    for key, value in region.details.items():
        if value is None:
            continue
        name, unit = (key.removesuffix("_mm"), " mm") if key.endswith("_mm") else (key, "")
        lines.append(f"{name.replace('_', ' ')} {_value(value)}{unit}")
    return lines


def _value(value: Any) -> str:
    if isinstance(value, (list, tuple, np.ndarray)):
        return " × ".join(_value(item) for item in value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return quantities.number(float(value))
    return str(value)


@cache
def environment(viewers: Path | None) -> jinja2.Environment:
    """Return the templates of this room, and of the folder that a viewer's lies in."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([TEMPLATES] if viewers is None else [TEMPLATES, viewers]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=quantities.number,
        signed=quantities.signed,
        size=quantities.size,
        point=_point,
        box=_box,
        details=_details,
    )
    return environment
