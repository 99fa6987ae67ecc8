"""``looktwice inspect``: find what does not belong, in any input."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich import box
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from looktwice.commands import terminal
from looktwice.commands.chat import printable
from looktwice.commands.examining import CLOUDS, EXPLANATION, VOLUMES, Examining, with_examining_options
from looktwice.commands.unfitting import say_unfitting
from looktwice.core.errors import InputError, UsageError
from looktwice.reasoning.registry import reasoner_help

if TYPE_CHECKING:
    from looktwice.core.result import Failure


@with_examining_options
def inspect(
    context: typer.Context,
    examining: Examining,
    inputs: list[Path] = typer.Argument(
        None,
        metavar="INPUT...",
        help="Image, volume, DICOM series (folder or zip), point cloud or mesh, or a folder of these.",
    ),
    out: Path = typer.Option(
        Path("looktwice-out"), "--out", "-o", help="Output folder; each study's files go to OUT/<study>/."
    ),
    explain: bool = typer.Option(
        True, "--explain/--no-explain", help="Explain the result in words.", rich_help_panel=EXPLANATION
    ),
    llm: str | None = typer.Option(
        None,
        help=f"Reasoner that writes the explanation: {reasoner_help()}. "
        "Default: auto, or the language model of --model.",
        rich_help_panel=EXPLANATION,
    ),
    ask: str | None = typer.Option(
        None,
        "--ask",
        metavar="QUESTION",
        help="Question that the explanation should answer.",
        rich_help_panel=EXPLANATION,
    ),
    max_visual_tokens: int | None = typer.Option(
        None,
        min=1,
        help="Maximum number of visual tokens per study for the language model.",
        rich_help_panel=EXPLANATION,
    ),
    bids: bool = typer.Option(
        False, "--bids", help="INPUT is a BIDS dataset; write a BIDS derivative to OUT.", rich_help_panel=VOLUMES
    ),
    dicom: bool = typer.Option(
        False,
        "--dicom",
        help="Also write DICOM objects: parametric map, segmentation, measurement report.",
        rich_help_panel=VOLUMES,
    ),
    keep_identifiers: bool = typer.Option(
        False,
        "--keep-identifiers",
        help="Keep patient identifiers in the DICOM objects (a pseudonym by default).",
        rich_help_panel=VOLUMES,
    ),
    export: list[str] = typer.Option(
        [], "--export", help="Also write obj, glb or csv. Can be repeated.", rich_help_panel=CLOUDS
    ),
    resume: bool = typer.Option(
        False, "--resume", help="Skip studies in OUT that are complete and whose input, model and options are the same."
    ),
    as_json: bool = typer.Option(False, "--json", help="Write one JSON object per study to stdout, and nothing else."),
) -> None:
    """Detect anomalies in images, volumes and point clouds, and write heat maps and reports.

    Exit status: 0 all inputs done; 1 some inputs failed, the others are done; 2 invalid call, nothing was started.
    """
    from looktwice.report import check_writable

    _check_exports(export)
    if bids and (len(inputs or []) != 1 or examining.case):
        raise UsageError("--bids takes exactly one INPUT, the folder of the dataset")
    check_writable(out)
    sources = [] if bids else examining.find_inputs(inputs or [], out)
    inspector = examining.open(sources, llm, max_visual_tokens)
    arguments: dict[str, Any] = {
        "explain": explain, "ask": ask, "dicom": dicom, "keep_identifiers": keep_identifiers, "export": export,
        "resume": resume,
    }  # fmt: skip
    debug = bool(context.obj and context.obj.get("debug"))
    if bids:
        from looktwice.commands.inspect_bids import inspect_bids

        failures = inspect_bids(inspector, inputs[0], out, arguments, as_json, debug)
        raise typer.Exit(1 if failures else 0)
    say_unfitting(examining, sources, export=export, dicom=dicom, keep_identifiers=keep_identifiers)
    results = inspector.inspect_many(sources, out=out, **arguments)
    failures = _print_all(results, len(sources), out, as_json, ask is not None, debug)
    raise typer.Exit(1 if failures else 0)


def _print_all(results: Iterator[Any], total: int, out: Path, as_json: bool, asked: bool, debug: bool) -> int:
    """Print results as they come, tables at the end or when interrupted; return how many inputs failed."""
    from looktwice.core.result import Failure, Kept

    rows: list[dict[str, Any]] = []
    failures, kept = 0, 0
    try:
        for result in terminal.track(results, "inspecting", total=total):
            kept += isinstance(result, Kept)
            if as_json:
                terminal.emit(result.to_json())
            if isinstance(result, Failure):
                failures += 1
                say_failure(result, debug)
            elif not as_json:
                rows.append(result.to_json())
    except InputError as error:
        # The tables of all studies; each study was written or named before.
        failures += 1
        terminal.say(f"error: {error}")
    finally:
        results.close()  # type: ignore[attr-defined]
        if rows:
            _print_table(rows, out)
    if kept:
        terminal.say(f"{kept} of {total} were done before and are unchanged")
    for row in rows:
        for note in row["notes"]:
            terminal.say(f"note: {row['study']}: {note}")
        if asked and row["explanation"] is not None:
            terminal.stdout.print(Text(f"{row['study']}: {printable(row['explanation'])}"), soft_wrap=True)
    return failures


def say_failure(failure: Failure, debug: bool) -> None:
    """Say in one line on stderr why an input could not be used; with `debug`, the traceback before."""
    if debug:
        traceback.print_exception(failure.reason)
    terminal.say(f"error: {failure.reason}")


def _check_exports(export: list[str]) -> None:
    from looktwice.modalities import exports

    if unknown := set(export) - set(exports()):
        raise UsageError(f"unknown export {', '.join(sorted(unknown))}; choose from {', '.join(exports())}")


def _print_table(rows: list[dict[str, Any]], out: Path) -> None:
    table = Table(box=box.SIMPLE_HEAD)
    for header, justify in (("study", "left"), ("kind", "left"), ("score", "right"), ("verdict", "left")):
        table.add_column(header, justify=justify)  # type: ignore[arg-type]
    table.add_column("regions", justify="right")
    table.add_column("report", overflow="fold")
    for row in rows:
        table.add_row(
            escape(row["study"]),
            row["modality"],
            "–" if row["score"] is None else f"{row['score']:.2f}",
            row["verdict"] or "no verdict",
            str(len(row["regions"])),
            escape(str(out / row["study"] / row["artifacts"]["report"])),
        )
    terminal.stdout.print(table)
