"""How commands speak: JSON Lines on stdout, everything for people on stderr or as a table."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.status import Status

from looktwice.core.result import finite

Item = TypeVar("Item")

stdout = Console()
stderr = Console(stderr=True)


def emit(record: dict[str, Any]) -> None:
    """Print one JSON object on one line of stdout; NaN and infinity become null, as JSON has neither."""
    sys.stdout.write(json.dumps(finite(record), ensure_ascii=False, allow_nan=False, default=str) + "\n")
    sys.stdout.flush()


def say(message: str) -> None:
    """Print one line for people on stderr."""
    stderr.print(message, highlight=False, markup=False, soft_wrap=True)


def working(what: str) -> Status:
    """Return a context in which a spinner on stderr says what is under way; nothing where that is no terminal."""
    return stderr.status(what)


def track(items: Iterable[Item], description: str, total: int | None = None) -> Iterator[Item]:
    """Yield `items` with a progress bar on stderr; nothing is drawn where stderr is not a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=stderr, transient=True, disable=not stderr.is_terminal) as progress:
        yield from progress.track(items, description=description, total=total)
