"""``looktwice render``: the views of a cloud or a mesh as PNG files."""

# kinds: renders clouds and meshes

from __future__ import annotations

import time
from pathlib import Path

import typer

from looktwice.commands import terminal


def render(
    cloud: Path = typer.Argument(..., help="Point cloud or mesh."),
    out: Path = typer.Option(..., "--out", help="Output folder; created if it does not exist."),
    backend: str = typer.Option("numpy", "--backend", help="Back end that renders: numpy, open3d or pytorch3d."),
    views: int = typer.Option(
        9, "--views", help="Number of views, 1 to 26; 0 chooses enough views to show every part twice."
    ),
    channel: list[str] = typer.Option(
        ["shaded"], "--channel", help="shaded, lambert, depth or curvature. Can be repeated."
    ),
    remove_outliers: bool = typer.Option(False, "--remove-outliers", help="Leave stray points out of the views."),
    remove_plane: bool = typer.Option(False, "--remove-plane", help="Leave the supporting plane out of the views."),
    as_json: bool = typer.Option(False, "--json", help="Write one JSON object to stdout, and nothing else."),
) -> None:
    """Render a point cloud or mesh from all sides and write the views as PNG files."""
    from PIL import Image

    from looktwice.core.errors import InputError, UsageError
    from looktwice.modalities.pointclouds import open_pointcloud
    from looktwice.modalities.rendering.renderer import CHANNELS

    if unknown := set(channel) - set(CHANNELS):
        raise UsageError(f"unknown channel {', '.join(sorted(unknown))}; choose from {', '.join(CHANNELS)}")
    started = time.perf_counter()
    try:
        study = open_pointcloud(
            cloud,
            backend=backend,
            views=views or None,
            remove_outliers=remove_outliers,
            remove_plane=remove_plane,
        )
    except InputError as error:
        if as_json:
            terminal.emit({"input": str(cloud), "error": str(error)})
        terminal.say(f"error: {error}")
        raise typer.Exit(1) from error
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for view in terminal.track(study.views(), "rendering", total=len(study.views())):
        rendering = study.rendering(view.index)
        files = {}
        for name in channel:
            picture = view.image if name == "shaded" else rendering.picture(name)
            files[name] = file_name(view.name, name)
            temporary = out / f".{files[name]}.part"
            Image.fromarray(picture).save(temporary, format="PNG")
            temporary.replace(out / files[name])
        shown = float(rendering.geometry.mask.mean())
        written.append({"name": view.name, "files": files, "covered": round(shown, 4)})
    record = {
        "input": str(cloud), "backend": backend, "points": len(study.cloud.points), "unit": study.unit,
        "views": written, "notes": study.notes, "seconds": round(time.perf_counter() - started, 4),
    }  # fmt: skip
    if as_json:
        terminal.emit(record)
    else:
        _print_table(record, out)


def file_name(view: str, channel: str) -> str:
    """Return the file that a view goes to: the same for every back end."""
    number, _, place = view.removeprefix("view ").partition(" ")
    stem = f"view_{int(number):02d}_{place.replace(' ', '_')}"
    return f"{stem}.png" if channel == "shaded" else f"{stem}_{channel}.png"


def _print_table(record: dict, out: Path) -> None:
    from rich.table import Table

    table = Table("view", "file", "covered")
    for view in record["views"]:
        table.add_row(view["name"], "\n".join(view["files"].values()), f"{view['covered']:.0%}")
    terminal.stdout.print(table)
    terminal.stdout.print(f"{record['points']} points, {record['backend']}, {record['seconds']:.2f} s, in {out}")
    for note in record["notes"]:
        terminal.say(note)
