"""``looktwice models``: which models there are, what they need, and getting their weights."""

from __future__ import annotations

from pathlib import Path

import typer
from rich import box
from rich.table import Table

from looktwice.commands import terminal

app = typer.Typer(no_args_is_help=True, help="List, show, download and convert models.")


@app.command("list")
def list_models(
    as_json: bool = typer.Option(False, "--json", help="Write one JSON object per model to stdout."),
) -> None:
    """List the models and whether their weights are available."""
    from looktwice.models import MODELS, missing_weights

    table = Table(box=box.SIMPLE_HEAD)
    for header in ("name", "encoder", "language model", "runs on", "weights"):
        table.add_column(header)
    for spec in MODELS.values():
        missing = missing_weights(spec)
        if as_json:
            terminal.emit({**spec.to_json(), "missing": missing})
        table.add_row(spec.name, spec.encoder, spec.llm or "none", spec.runs_on, "missing" if missing else "available")
    if not as_json:
        terminal.stdout.print(table)


@app.command()
def show(
    name: str, as_json: bool = typer.Option(False, "--json", help="Write one JSON object to stdout, and nothing else.")
) -> None:
    """Show a model's components, its downloads and its memory requirements."""
    from looktwice.models import find_spec, missing_weights

    spec = find_spec(name)
    missing = missing_weights(spec)
    if as_json:
        terminal.emit({**spec.to_json(), "missing": missing})
        return
    for key, value in spec.to_json().items():
        terminal.stdout.print(f"[bold]{key}[/]: {value}", highlight=False)
    for line in missing or ["all weights are available"]:
        terminal.stdout.print(f"[bold]weights[/]: {line}", highlight=False)


@app.command()
def pull(name: str = typer.Argument("nano")) -> None:
    """Download a model's weights to the cache and verify their sha256."""
    from looktwice.models import pull_weights

    for path in pull_weights(name):
        terminal.say(f"{name}: {path.name} is available")


@app.command()
def convert(
    source: Path = typer.Argument(..., help="Checkpoint folder in the original LLaVA-NeXT naming."),
    out: Path = typer.Option(..., "--out", help="Output folder for the checkpoint in Hugging Face naming."),
) -> None:
    """Convert an Anomaly-OneVision checkpoint to Hugging Face naming, shard by shard."""
    from looktwice.reasoning.onevision.convert import convert_checkpoint

    convert_checkpoint(source, out)
    terminal.say(f"written: {out}")
