"""Write ``docs/results.md`` from the files that ``looktwice evaluate detection --out docs/results/NAME.json`` wrote.

Usage: ``python -P scripts/results.py``. The text around the tables is ``docs/results/about.md``; no figure in a table
is typed by hand. ``docs/results/transfer/matrix.json`` was written by ``looktwice evaluate transfer --out``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from looktwice.evaluation.draws import mean_by_draw
from looktwice.evaluation.metrics import macro
from looktwice.evaluation.tables import number

DOCS = Path(__file__).parents[1] / "docs"
ZERO_SHOT = "Zero-shot: each input on its own"
FIGURES = {
    "image_auroc": "image AUROC", "image_ap": "AP", "image_f1max": "F1-max", "balanced_accuracy": "balanced accuracy",
    "pixel_auroc": "pixel AUROC", "pixel_ap": "pixel AP", "aupro": "AUPRO",
}  # fmt: skip


def protocol(result: Mapping[str, Any]) -> str:
    """Return the heading for a result: zero-shot, as a cohort, or with reference images."""
    said = result["protocol"]
    if said["cohort"]:
        return "As a cohort, unlabelled (`--cohort`)"
    if not said["references"]:
        return ZERO_SHOT
    return f"With {said['references']} reference images, mean of {said['draws']} draws (`--references`, `--draws`)"


def table(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """One line per set, and their unweighted mean."""
    rows = sorted(rows, key=lambda row: row["name"])
    lines = [
        "| set | normal / anomalous | " + " | ".join(FIGURES.values()) + " | best trivial predictor |",
        "|---" * (len(FIGURES) + 3) + "|",
    ]
    for row in rows:
        best = row["trivial"]["best"]
        trivial = f"{best['auroc']:.3f} ({best['feature'].replace('_', ' ')})" if best else "–"
        cells = " | ".join(_with_interval(row, name) for name in FIGURES)
        lines.append(f"| {row['name']} | {row['n_normal']} / {row['n_anomalous']} | {cells} | {trivial} |")
    means = [mean if mean == "–" else f"**{mean}**" for mean in _numbers(macro(rows, FIGURES).values())]
    return [*lines, f"| **mean** | | {' | '.join(means)} | |"]


def draws_table(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """One line per set: its image AUROC with each draw of references; nothing where none were drawn."""
    drawn = sorted((row for row in rows if "draws" in row), key=lambda row: row["name"])
    if not drawn:
        return []
    means = mean_by_draw(drawn, ["image_auroc"])
    lines = [
        "| image AUROC, draw of seed | " + " | ".join(str(mean["seed"]) for mean in means) + " |",
        "|---" * (len(means) + 1) + "|",
    ]
    for name, draws in [*((row["name"], row["draws"]) for row in drawn), ("**mean**", means)]:
        lines.append(f"| {name} | {' | '.join(_numbers(draw['image_auroc'] for draw in draws))} |")
    return [*lines, ""]


def _numbers(values: Iterable[float | None]) -> list[str]:
    return [number(value, 3) for value in values]


def _with_interval(row: Mapping[str, Any], name: str) -> str:
    bounds = row["ci95"].get(name)
    return number(row[name], 3) + (f" ({bounds[0]:.2f}–{bounds[1]:.2f})" if bounds else "")


def page(about: str, results: Iterable[Mapping[str, Any]]) -> str:
    """Fill in the tables: sets left out of training, and sets that were never trained on."""
    groups: dict[tuple[bool, str], list[Mapping[str, Any]]] = {}
    for result in results:
        groups.setdefault((result["protocol"]["leave_out"], protocol(result)), []).extend(result["sets"])
    for left_out, mark in ((True, "<!-- left out -->"), (False, "<!-- never seen -->")):
        own = sorted(
            ((heading, rows) for (out, heading), rows in groups.items() if out is left_out), key=_zero_shot_first
        )
        tables = [line for heading, rows in own for line in _section(heading, rows)]
        about = about.replace(mark, "\n".join(tables).rstrip())
    return about


def _section(heading: str, rows: list[Mapping[str, Any]]) -> list[str]:
    return [f"### {heading}", "", *table(rows), "", *draws_table(rows)]


def matrix_table(matrix: Mapping[str, Any]) -> list[str]:
    """One line for each training domain."""
    lines = ["| trained on | " + " | ".join(matrix["tested_on"]) + " |", "|---" * (len(matrix["tested_on"]) + 1) + "|"]
    rows = zip(matrix["trained_on"], matrix["values"], strict=True)
    return [*lines, *(f"| {name} | {' | '.join(number(value, 3) for value in row)} |" for name, row in rows)]


def _zero_shot_first(group: tuple[str, Any]) -> tuple[bool, str]:
    return group[0] != ZERO_SHOT, group[0]


def main() -> None:
    """Gather the results by protocol and write the page."""
    results = [json.loads(file.read_text(encoding="utf-8")) for file in sorted((DOCS / "results").glob("*.json"))]
    about = (DOCS / "results" / "about.md").read_text(encoding="utf-8")
    matrix = json.loads((DOCS / "results" / "transfer" / "matrix.json").read_text(encoding="utf-8"))
    about = about.replace("<!-- transfer -->", "\n".join(matrix_table(matrix)))
    (DOCS / "results.md").write_text(page(about, results), encoding="utf-8")


if __name__ == "__main__":
    main()
