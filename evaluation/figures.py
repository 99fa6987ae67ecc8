"""Figures of results, drawn with matplotlib on no display."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from looktwice.core.atomic import atomic_path

DPI = 150


def draw_confusion(path: Path, title: str, labels: Sequence[str], confusion: npt.ArrayLike) -> None:
    """Draw a confusion matrix: rows are the truth, columns the prediction, colours the share of the row.

    Parameters
    ----------
    path : Path
        A PNG file; its folder must exist.
    title : str
    labels : sequence of str
    confusion : int array, shape (n, n)
    """
    counts = np.asarray(confusion, np.float64)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    texts = [[f"{count:.0f}" if count else "" for count in row] for row in counts]
    names = [label.replace("_", " ") for label in labels]
    _draw_grid(path, title, names, names, share, texts, x_name="prediction", y_name="truth", bounds=(0.0, 1.0))


def draw_transfer(path: Path, matrix: Mapping[str, Any]) -> None:
    """Draw the cross-domain matrix of :func:`looktwice.evaluation.transfer.transfer_matrix`."""
    values = np.array([[np.nan if value is None else value for value in row] for row in matrix["values"]], np.float64)
    texts = [["–" if np.isnan(value) else f"{value:.3f}" for value in row] for row in values]
    _draw_grid(
        path,
        matrix["metric"].replace("_", " ").replace("auroc", "AUROC"),
        matrix["trained_on"],
        matrix["tested_on"],
        values,
        texts,
        x_name="tested on",
        y_name="trained on",
        bounds=(0.5, 1.0),
    )


def _draw_grid(
    path: Path,
    title: str,
    rows: Sequence[str],
    columns: Sequence[str],
    values: npt.NDArray[np.float64],
    texts: Sequence[Sequence[str]],
    *,
    x_name: str,
    y_name: str,
    bounds: tuple[float, float],
) -> None:
    """Draw a labelled grid of coloured cells with a text in each."""
    size = (2.6 + 0.75 * len(columns), 1.6 + 0.6 * len(rows))
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    image = axes.imshow(np.ma.masked_invalid(values), cmap="Blues", vmin=bounds[0], vmax=bounds[1], aspect="auto")
    axes.set_xticks(range(len(columns)), columns, rotation=35, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(rows)), rows)
    axes.set_xlabel(x_name)
    axes.set_ylabel(y_name)
    axes.set_title(title)
    middle = sum(bounds) / 2
    for (row, column), value in np.ndenumerate(values):
        dark = np.isfinite(value) and value > middle
        axes.text(column, row, texts[row][column], ha="center", va="center", color="white" if dark else "black")
    axes.spines[:].set_visible(False)
    axes.set_xticks(np.arange(len(columns) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(rows) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="both", length=0)
    figure.colorbar(image, ax=axes, fraction=0.05, pad=0.03)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=DPI, format="png")
