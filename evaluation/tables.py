"""Results as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

DETECTION_COLUMNS = {
    "balanced_accuracy": "bal.\nacc.",
    "pixel_auroc": "pixel\nAUROC",
    "aupro": "AUPRO",
}
SCORE_COLUMNS = {"image_auroc": "image AUROC", "image_ap": "AP", "image_f1max": "F1-max"}
CLASSIFICATION_COLUMNS = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "micro_f1": "micro F1",
    "cohen_kappa": "kappa",
}


def detection_table(result: Mapping[str, Any]) -> Table:
    """One row per set: the main figures, the interval of the image AUROC, and the best trivial predictor beside it."""
    table = _table("set", ["normal/\nanomalous", "image AUROC\n[95 %]", *DETECTION_COLUMNS.values(), "best\ntrivial"])
    for row in result["sets"]:
        best = row["trivial"]["best"]
        trivial = f"{best['auroc']:.3f}\n{best['feature']}" if best else "–"
        table.add_row(row["name"], f"{row['n_normal']}/{row['n_anomalous']}", *_figures(row), trivial)
    table.add_section()
    table.add_row("mean", "", *_figures(result["mean"]), "")
    return table


def _figures(row: Mapping[str, Any]) -> list[str]:
    bounds = row["ci95"].get("image_auroc")
    area = number(row["image_auroc"], 3) + (f" [{bounds[0]:.2f}, {bounds[1]:.2f}]" if bounds else "")
    by_draw = [draw["image_auroc"] for draw in row.get("draws", ()) if draw["image_auroc"] is not None]
    if len(by_draw) > 1:
        area += f"\n{min(by_draw):.3f} to {max(by_draw):.3f} in {len(by_draw)} draws"
    return [area, *(number(row[name], 3) for name in DETECTION_COLUMNS)]


def category_table(result: Mapping[str, Any], columns: Mapping[str, str]) -> Table:
    """One row per category and their unweighted mean, for results of the form ``{"categories", "mean"}``."""
    table = _table("category", list(columns.values()))
    for name, row in result["categories"].items():
        table.add_row(name, *(number(row[column]) for column in columns))
    table.add_section()
    table.add_row("mean", *(number(result["mean"][column]) for column in columns))
    return table


def transfer_table(matrix: Mapping[str, Any]) -> Table:
    """Training domains down, test domains across."""
    table = _table(f"{matrix['metric']}, trained on", [f"tested on {name}" for name in matrix["tested_on"]])
    for name, row in zip(matrix["trained_on"], matrix["values"], strict=True):
        table.add_row(name, *map(number, row))
    return table


def number(value: float | None, digits: int = 4) -> str:
    """Format a figure; what could not be computed is a dash."""
    return "–" if value is None else f"{value:.{digits}f}"


def _table(first: str, columns: Sequence[str]) -> Table:
    """Make a table whose figures are never cut, however narrow the terminal; its first column gives way."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column(first, overflow="fold", min_width=12)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True, vertical="bottom")
    return table
