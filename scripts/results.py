"""Write ``docs/results.md`` out of the files that ``looktwice evaluate detection --out docs/results/NAME.json`` wrote.

Usage: ``python -P scripts/results.py``. The text between the tables is ``docs/results/about.md``; nothing is typed in.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from looktwice.evaluation.tables import number

DOCS = Path(__file__).parents[1] / "docs"
ALONE = "Each input alone"
FIGURES = {
    "image_auroc": "image AUROC", "image_ap": "AP", "image_f1max": "F1-max", "balanced_accuracy": "balanced accuracy",
    "pixel_auroc": "pixel AUROC", "pixel_ap": "pixel AP", "aupro": "AUPRO",
}  # fmt: skip


def protocol(result: Mapping[str, Any]) -> str:
    """Say in a heading how the inputs of a result were looked at."""
    said = result["protocol"]
    if said["cohort"]:
        return "Each set as an unlabelled cohort (`--cohort`)"
    return f"Beside {said['references']} normal ones (`--references`)" if said["references"] else ALONE


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
    means = []
    for name in FIGURES:
        known = [row[name] for row in rows if row[name] is not None]
        means.append(f"**{number(sum(known) / len(known), 3)}**" if known else "–")
    return [*lines, f"| **mean** | | {' | '.join(means)} | |"]


def _with_interval(row: Mapping[str, Any], name: str) -> str:
    bounds = row["ci95"].get(name)
    return number(row[name], 3) + (f" ({bounds[0]:.2f}–{bounds[1]:.2f})" if bounds else "")


def main() -> None:
    """Gather the results by protocol and write the page."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for file in sorted((DOCS / "results").glob("*.json")):
        result = json.loads(file.read_text(encoding="utf-8"))
        groups.setdefault(protocol(result), []).extend(result["sets"])
    about = (DOCS / "results" / "about.md").read_text(encoding="utf-8")
    ordered = sorted(groups.items(), key=lambda group: group[0] != ALONE)
    tables = [line for heading, rows in ordered for line in (f"### {heading}", "", *table(rows), "")]
    page = about.replace("<!-- tables -->", "\n".join(tables).rstrip())
    (DOCS / "results.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
