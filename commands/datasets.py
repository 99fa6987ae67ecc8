"""``looktwice datasets``: which benchmarks can be read, whether a copy is whole, and making new ones."""

from __future__ import annotations

from pathlib import Path

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from looktwice.commands import terminal
from looktwice.errors import InputError

app = typer.Typer(no_args_is_help=True, help="List, check and synthesize benchmarks.")


@app.command("list")
def list_benchmarks(
    domain: str = typer.Option(None, "--domain", help="industrial, medical or 3d."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object per benchmark."),
) -> None:
    """Say of each benchmark what it is, its licence, where it is published and how its folder must look."""
    from looktwice.datasets.readers.cards import CARDS

    cards = [card for card in CARDS if domain in (None, card.domain)]
    if as_json:
        for card in cards:
            terminal.emit(card.to_json())
        return
    table = Table(box=box.SIMPLE_HEAD, show_lines=True)
    table.add_column("name")
    table.add_column("what it is, its licence, where it is published, how the folder must look", overflow="fold")
    for card in cards:
        name = Text(card.name, style="bold")
        table.add_row(name, Text("\n".join((f"{card.title}. {card.about}", card.licence, card.home, card.layout))))
    terminal.stdout.print(table)


@app.command()
def check(
    name: str = typer.Argument(..., help="A name of `datasets list`, or `folder` for a plain MVTec-style folder."),
    path: Path = typer.Argument(..., help="Where the benchmark was unpacked."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object."),
) -> None:
    """Verify a copy: counts, masks of matching size, readable files, copies, patients in two splits.

    Exit status 1 when something is wrong, each problem on a line of its own.
    """
    from looktwice.datasets.check import check_copy

    try:
        report = check_copy(name, path, lambda items: terminal.track(items, "reading", len(items)))
    except InputError as error:
        if as_json:
            terminal.emit({"name": name, "path": str(path), "error": str(error)})
        terminal.say(f"error: {error}")
        raise typer.Exit(1) from None
    if as_json:
        terminal.emit(report.to_json())
    else:
        terminal.stdout.print(_counts(report.counts))
        for note in report.notes:
            terminal.say(f"note: {note}")
        for problem in report.problems:
            terminal.say(f"problem: {problem}")
        terminal.say(f"{len(report.problems)} problems" if report.problems else "no problems")
    if report.problems:
        raise typer.Exit(1)


def _counts(counts: dict[str, dict[str, int]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    headers = list(dict.fromkeys(key for row in counts.values() for key in row))
    for header in ("", *headers):
        table.add_column(header, justify="right" if header else "left")
    for category, row in counts.items():
        table.add_row(category, *(str(row.get(header, 0)) for header in headers))
    return table
