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
    as_json: bool = typer.Option(False, "--json", help="Write one JSON object per benchmark to stdout."),
) -> None:
    """List the supported benchmarks: content, licence, source and expected folder layout."""
    from looktwice.datasets.readers.registry import list_cards

    cards = [card for card in list_cards() if domain in (None, card.domain)]
    if not cards:
        raise UsageError(f"unknown domain {domain!r}; choose industrial, medical or 3d")
    if as_json:
        for card in cards:
            terminal.emit(card.to_json())
        return
    table = Table(box=box.SIMPLE_HEAD, show_lines=True)
    table.add_column("name")
    table.add_column("content, licence, source, expected folder layout", overflow="fold")
    for card in cards:
        name = Text(card.name, style="bold")
        table.add_row(name, Text("\n".join((f"{card.title}. {card.about}", card.licence, card.home, card.layout))))
    terminal.stdout.print(table)


@app.command()
def check(
    name: str = typer.Argument(
        ..., help="Name from `datasets list`, or `folder` for a plain folder in the MVTec AD layout."
    ),
    path: Path = typer.Argument(..., help="Folder to which the benchmark was unpacked."),
    as_json: bool = typer.Option(False, "--json", help="Write one JSON object to stdout, and nothing else."),
) -> None:
    """Check a local copy: number of files, mask sizes, unreadable files, duplicates, and patients in both splits.

    Exit status 1 if there are problems, one line for each.
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
        ...,
        help=(
            "Normal images, NIfTI scans or meshes (files or folders), or names of generated shapes: vase, gear, "
            "ring, ..."
        ),
    ),
    out: Path = typer.Option(..., "--out", help="Output folder; must be empty or not exist yet."),
    count: int = typer.Option(50, "--count", min=1, help="Anomalous cases per category."),
    normal: int = typer.Option(
        None, "--normal", min=0, help="Normal cases per category. Default: the same as --count."
    ),
    train: int = typer.Option(0, "--train", min=0, help="Normal cases per category for train/good."),
    kinds: str = typer.Option(None, "--kinds", help="Kinds of anomaly, separated by commas. Default: all."),
    seed: int = typer.Option(0, "--seed"),
    lesions: Path = typer.Option(None, "--lesions", help="For scans: folder of binary NIfTI masks of real lesions."),
    within: Path = typer.Option(None, "--within", help="For scans: NIfTI mask of the area in which lesions may lie."),
    points: str = typer.Option(
        "20000,80000", "--points", help="For clouds: numbers of points per cloud, separated by commas."
    ),
    noise: float = typer.Option(
        0.0005, "--noise", min=0, max=0.05, help="For clouds: scanner noise, as a fraction of the diagonal."
    ),
    one_sided: float = typer.Option(
        0.0, "--one-sided", min=0, max=1, help="For clouds: share of them that are seen from one side only."
    ),
    tables: float = typer.Option(0.0, "--tables", min=0, max=1, help="For clouds: share of them that lie on a table."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object per category."),
) -> None:
    """Create a benchmark of synthetic anomalies with masks, in the MVTec AD layout.

    Images (.png with .png masks), scans (.nii.gz with .nii.gz masks) or clouds (.ply with one 0 or 1 per point in
    <name>_mask.txt).
    """
    from looktwice.datasets.synthesis.benchmark import Amounts, write_category, write_manifest
    from looktwice.datasets.synthesis.sources import Options, makers_for, numbers

    if out.is_dir() and any(out.iterdir()):
        raise UsageError(f"{out} is not empty; choose a new folder")
    options = Options(lesions, within, tuple(numbers(points)), noise, one_sided, tables)
    makers = makers_for(sources, options)
    chosen = [kind.strip() for kind in kinds.split(",")] if kinds else []
    for maker in makers.values():
        unknown = [kind for kind in chosen if kind not in maker.kinds]
        if unknown:
            raise UsageError(f"unknown kind {unknown[0]!r}; choose from {', '.join(maker.kinds)}")
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
