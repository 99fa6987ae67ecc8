"""How ``looktwice evaluate`` shows progress and hands over results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import typer

from looktwice.commands import terminal
from looktwice.core.result import finite

Item = TypeVar("Item")

AS_JSON = typer.Option(False, "--json", help="Write one JSON object to stdout, and nothing else.")
OUT_FILE = typer.Option(None, "--out", help="Write the JSON object to this file.")


def follow(items: Iterable[Item], name: str, total: int) -> Iterable[Item]:
    """Yield items with a progress bar on stderr."""
    return terminal.track(items, name, total)


def deliver(result: Mapping[str, Any], out: Path | None, as_json: bool, table: Callable[[], Any]) -> None:
    """Write the result where it was asked for: a file, and either JSON or a table on stdout."""
    record = finite(dict(result))
    if out is not None:
        from looktwice.core.atomic import write_json

        out.parent.mkdir(parents=True, exist_ok=True)
        write_json(record, out)
    if as_json:
        terminal.emit(record)
    else:
        terminal.stdout.print(table())


def say_left_out(left_out: Mapping[str, str]) -> None:
    """Say what was left out, and exit with status 1 if anything was."""
    for key, reason in left_out.items():
        terminal.say(f"left out: {key}: {reason}")
    if left_out:
        raise typer.Exit(1)
