"""Showing how a training goes on: a progress bar around what is worked through, and losses for TensorBoard."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Track = Callable[..., Iterable[Any]]
"""Takes items, what is done with them and ``total=``; returns them again, as ``commands.terminal.track`` does."""


def untracked(items: Iterable[Any], *_: Any, **__: Any) -> Iterable[Any]:
    """Show nothing."""
    return items


@contextmanager
def loss_log(folder: Path) -> Iterator[Callable[[int, dict[str, float]], None]]:
    """Give a function that logs the losses of a step to TensorBoard's files in a folder."""
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder)) as writer:

        def log(step: int, values: dict[str, float]) -> None:
            for name, value in values.items():
                writer.add_scalar(f"loss/{name}", value, step)

        yield log
