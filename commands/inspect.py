"""``looktwice inspect``: find what does not belong, in any input."""

from __future__ import annotations

import traceback
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich import box
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from looktwice.commands import terminal
from looktwice.commands.chat import printable
from looktwice.core.errors import InputError, UsageError
from looktwice.reasoning.registry import reasoner_help

if TYPE_CHECKING:
    from looktwice.core.result import Result


class ModalityChoice(str, Enum):
    """What an input may be taken for."""

    AUTO = "auto"
    IMAGE = "image"
    VOLUME = "volume"
    POINTCLOUD = "pointcloud"


def inspect(
    context: typer.Context,
    inputs: list[Path] = typer.Argument(
        None,
        metavar="INPUT...",
        help="Picture, volume, DICOM series (folder or zip), point cloud, or a folder of them.",
    ),
    out: Path = typer.Option(Path("looktwice-out"), "--out", "-o", help="Artifacts go to OUT/<study>/."),
    model: str = typer.Option("nano", help="A model's name (`looktwice models list`) or the path of an expert."),
    modality: ModalityChoice = typer.Option(ModalityChoice.AUTO, help="Told by content unless given."),
    device: str = typer.Option("auto", help="auto, cpu or cuda."),
    threshold: float | None = typer.Option(None, min=0.0, max=1.0, help="Of score and regions; default: the model's."),
    explain: bool = typer.Option(True, "--explain/--no-explain", help="Say in words what was found."),
    llm: str | None = typer.Option(
        None,
        help=f"Who explains: {reasoner_help()}. Default: auto, or the language model of --model.",
    ),
    ask: str | None = typer.Option(None, "--ask", metavar="QUESTION", help="What the explanation is to answer."),
    max_visual_tokens: int | None = typer.Option(None, min=1, help="Most tokens a language model sees of one study."),
    allow_remote: bool = typer.Option(False, help="Medical data may be sent to a server on another machine."),
    references: list[Path] = typer.Option(
        [], "--references", help="Normal inputs of the same kind to compare with, or a folder of them (repeat)."
    ),
    cohort: bool = typer.Option(False, "--cohort", help="Compare the inputs given with each other."),
    planes: str = typer.Option("axial", help="Slices of a volume: axial, or all three planes."),
    window: str = typer.Option("auto", help="CT window: auto, a preset's name, or LEVEL,WIDTH in HU."),
    channel: int | None = typer.Option(None, min=0, help="Which volume of a 4D input, from 0."),
    case: list[str] = typer.Option(
        [],
        "--case",
        metavar="NAME=PATH,...",
        help="Scans of one case as one study: flair=A.nii.gz,t1=B.nii.gz (repeat).",
    ),
    bids: bool = typer.Option(False, "--bids", help="INPUT is a BIDS dataset; OUT becomes a BIDS derivative of it."),
    dicom: bool = typer.Option(False, "--dicom", help="Write DICOM objects too: map, segmentation, measurements."),
    keep_identifiers: bool = typer.Option(False, help="Keep the patient's identity in the DICOM objects."),
    unit: str | None = typer.Option(None, help="Of a cloud's coordinates, where the file does not say: mm, m or inch."),
    export: list[str] = typer.Option([], "--export", help="Clouds: write obj, glb or csv too; may be repeated."),
    backend: str = typer.Option("numpy", help="What renders clouds: numpy, open3d or pytorch3d."),
    remove_outliers: bool = typer.Option(False, "--remove-outliers", help="Clouds: do not inspect stray points."),
    remove_plane: bool = typer.Option(False, "--remove-plane", help="Clouds: do not inspect the plane beneath."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object per study on stdout, nothing else there."),
) -> None:
    """Inspect pictures, volumes and point clouds; write heatmaps and reports.

    Exit status: 0 all done; 1 some inputs failed, the others are done; 2 the call itself is wrong.
    """
    from looktwice.core.result import Failure
    from looktwice.pipeline import Input, Inspector

    _check_exports(export)
    options = {
        "planes": planes, "window": window, "channel": channel, "unit": unit, "backend": backend,
        "remove_outliers": remove_outliers, "remove_plane": remove_plane,
    }  # fmt: skip
    jobs = list_jobs(inputs or [], case, bids)
    if references and cohort:
        raise UsageError("give --references or --cohort, not both")
    with terminal.working(
        "loading the model" + (", looking at what inputs are compared with" * bool(references or cohort))
    ):
        inspector = Inspector(
            model, device, llm, allow_remote, max_visual_tokens, references=references,
            cohort=[path for path, _ in jobs] if cohort else (), threshold=threshold, modality=modality.value,
            options=options,
        )  # fmt: skip
    arguments: dict[str, Any] = {
        "explain": explain, "ask": ask, "dicom": dicom, "keep_identifiers": keep_identifiers, "export": export,
    }  # fmt: skip
    if bids:
        from looktwice.commands.inspect_bids import inspect_bids

        failures = inspect_bids(inspector, inputs[0], out, arguments, as_json)
        raise typer.Exit(1 if failures else 0)
    names = study_folders([path for path, _ in jobs])
    sources = [
        Input(path, name, "volume" if "case" in own else None, own)
        for (path, own), name in zip(jobs, names, strict=True)
    ]
    rows, failures = [], 0
    results = inspector.inspect_many(sources, out=out, **arguments)
    for result in terminal.track(results, "inspecting", total=len(sources)):
        if as_json:
            terminal.emit(result.to_json())
        if isinstance(result, Failure):
            failures += 1
            if context.obj and context.obj.get("debug"):
                traceback.print_exception(result.reason)
            terminal.say(f"error: {result.reason}")
        elif not as_json:
            rows.append(result)
    if rows:
        _print_table(rows, out)
    if ask is not None:
        for result in rows:
            if result.answer is not None:
                terminal.stdout.print(Text(f"{result.study}: {printable(result.answer.text)}"), soft_wrap=True)
    raise typer.Exit(1 if failures else 0)


def _check_exports(export: list[str]) -> None:
    from looktwice.modalities import exports

    if unknown := set(export) - set(exports()):
        raise UsageError(f"unknown export {', '.join(sorted(unknown))}: choose from {', '.join(exports())}")


def list_jobs(inputs: list[Path], cases: list[str], bids: bool) -> list[tuple[Path, dict[str, Any]]]:
    """Return what to inspect, with the options of each; a case goes by its first scan, a BIDS dataset elsewhere.

    Raises
    ------
    UsageError
        There is nothing, a folder holds nothing, or a BIDS dataset is not the only input.
    """
    from looktwice.modalities import expand
    from looktwice.modalities.volumes.case import parse_case

    if bids:
        if len(inputs) != 1 or cases:
            raise UsageError("--bids takes one INPUT, the dataset's folder")
        return []
    if not inputs and not cases:
        raise UsageError("nothing to inspect: give an INPUT or a --case")
    try:
        paths = expand(inputs)
    except InputError as error:
        raise UsageError(str(error)) from error
    return [
        *((path, {}) for path in paths),
        *((next(iter(parse_case(spec).values())), {"case": spec}) for spec in cases),
    ]


def study_folders(paths: list[Path]) -> list[str]:
    """Return a folder name for each input, its own stem made unique within the call.

    The names of DICOM series are derived by the adapter and replace these (a folder's name may hold an identity).
    """
    names: list[str] = []
    for path in paths:
        stem = path.name.removesuffix(".gz").rsplit(".", 1)[0] or path.name
        name, number = stem, 2
        while name in names:
            name, number = f"{stem}-{number}", number + 1
        names.append(name)
    return names


def _print_table(rows: list[Result], out: Path) -> None:
    table = Table(box=box.SIMPLE_HEAD)
    for header, justify in (("study", "left"), ("kind", "left"), ("score", "right"), ("verdict", "left")):
        table.add_column(header, justify=justify)  # type: ignore[arg-type]
    table.add_column("regions", justify="right")
    table.add_column("report", overflow="fold")
    for result in rows:
        report = out / result.study / result.artifacts["report"]
        table.add_row(
            escape(result.study),
            result.modality.value,
            f"{result.score:.2f}",
            result.verdict,
            str(len(result.regions)),
            escape(str(report)),
        )
    terminal.stdout.print(table)
