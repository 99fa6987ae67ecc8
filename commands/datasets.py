"""``looktwice datasets``: which benchmarks can be read, whether a copy is whole, and making new ones."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import typer
from rich import box
from rich.table import Column, Table
from rich.text import Text

from looktwice.commands import terminal
from looktwice.core.errors import InputError, UsageError

app = typer.Typer(no_args_is_help=True, help="List, check and synthesize benchmarks.")


@app.command("list")
def list_benchmarks(
    domain: str = typer.Option(None, "--domain", help="industrial, medical or 3d."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object per benchmark."),
) -> None:
    """Say of each benchmark what it is, its licence, where it is published and how its folder must look."""
    from looktwice.datasets.readers.registry import list_cards

    cards = [card for card in list_cards() if domain in (None, card.domain)]
    if not cards:
        raise UsageError(f"there is no domain {domain!r}: industrial, medical or 3d")
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
        report = check_copy(name, path, partial(terminal.track, description="reading"))
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


@app.command()
def synthesize(
    sources: list[str] = typer.Argument(
        ..., help="Normal pictures, NIfTI scans or meshes: files or folders; or made shapes: vase, gear, ring, ..."
    ),
    out: Path = typer.Option(..., "--out", help="The benchmark's folder; it must be empty or not exist."),
    count: int = typer.Option(50, "--count", min=1, help="Anomalous cases per category."),
    normal: int = typer.Option(None, "--normal", min=0, help="Normal cases per category; as many by default."),
    train: int = typer.Option(0, "--train", min=0, help="Normal cases per category for train/good."),
    kinds: str = typer.Option(None, "--kinds", help="Which kinds of anomaly, by comma; all by default."),
    seed: int = typer.Option(0, "--seed"),
    lesions: Path = typer.Option(None, "--lesions", help="Scans: a folder of binary NIfTI masks of real lesions."),
    within: Path = typer.Option(None, "--within", help="Scans: a NIfTI mask of where lesions may lie."),
    points: str = typer.Option("20000,80000", "--points", help="Clouds: points per cloud, by comma."),
    noise: float = typer.Option(0.0005, "--noise", min=0, max=0.05, help="Clouds: scanner noise, in diagonals."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object per category."),
) -> None:
    """Write synthetic anomalies with masks as a benchmark in the MVTec AD layout.

    Pictures (.png with mask .png), scans (.nii.gz with mask .nii.gz) or clouds (.ply with one 0 or 1 per point in
    <name>_mask.txt).
    """
    from looktwice.datasets.synthesis.benchmark import Amounts, write_category, write_manifest
    from looktwice.datasets.synthesis.sources import Options, makers_for, numbers

    if out.is_dir() and any(out.iterdir()):
        raise UsageError(f"{out} is not empty; give a new folder")
    options = Options(lesions, within, tuple(numbers(points)), noise)
    makers = makers_for(sources, options)
    chosen = [kind.strip() for kind in kinds.split(",")] if kinds else []
    for maker in makers.values():
        unknown = [kind for kind in chosen if kind not in maker.kinds]
        if unknown:
            raise UsageError(f"unknown kind {unknown[0]!r}; there are {', '.join(maker.kinds)}")
    amounts = Amounts(count, count if normal is None else normal, train)
    written = []
    for category, maker in makers.items():
        out.mkdir(parents=True, exist_ok=True)
        progress = partial(terminal.track, description=category)
        one = write_category(maker, out / category, amounts, chosen, seed, progress)
        written.append(one)
        if as_json:
            terminal.emit(one.to_json())
        for line in one.skipped:
            terminal.say(f"{category}: left out {line}")
    write_manifest(out, written, seed)
    if not as_json:
        table = Table("category", "folder", Column("cases", justify="right"), box=box.SIMPLE_HEAD)
        for one in written:
            for place, cases in sorted(one.counts.items()):
                table.add_row(one.category, place, str(cases))
        terminal.stdout.print(table)


def _counts(counts: dict[str, dict[str, int]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    headers = list(dict.fromkeys(key for row in counts.values() for key in row))
    for header in ("", *headers):
        table.add_column(header, justify="right" if header else "left")
    for category, row in counts.items():
        table.add_row(category, *(str(row.get(header, 0)) for header in headers))
    return table
