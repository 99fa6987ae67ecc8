"""Write ``docs/results.md`` from what ``benchmarks/folds.py`` and ``benchmarks/yardsticks.py`` wrote.

Usage: ``python benchmarks/fold_tables.py``. The text around the tables is ``docs/results/about.md``; the figures come
from ``docs/results/folds.json`` and ``docs/results/yardsticks.json``, which hold the logits of every image.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

DOCS = Path(__file__).parents[1] / "docs"
# Those that stand beside yardsticks and false alarms.
SHOWN = ("alone", "cohort", "ours_8")
CALLED = {
    "alone": "alone",
    "cohort": "cohort",
    "ours_2": "2 references",
    "ours_4": "4 references",
    "ours_8": "8 references",
}
SETTINGS = tuple(CALLED)
YARDSTICKS = {
    "plain": "plain recipe",
    "patchcore": "PatchCore",
    "anomaly_dino": "AnomalyDINO",
    "musc": "MuSc",
    "trivial": "trivial",
}
RESAMPLINGS = 2000


def fold_tables(folds: Mapping[str, Any], yardsticks: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the lines of each table by its mark in ``about.md``."""
    return {
        "folds": _aurocs(folds),
        "alarms": _alarms(folds),
        "yardsticks": _yardsticks(folds, yardsticks),
    }


def scored(found: Mapping[str, Any], setting: str) -> list[tuple[list[int], list[float]]]:
    """Return labels and logits of one setting, draw by draw."""
    if setting in ("alone", "cohort"):
        return [(found["labels"], found[setting])]
    return [(draw["labels"], draw[setting]) for draw in found["draws"]]


def auroc(parts: Iterable[tuple[Sequence[int], Sequence[float]]]) -> float:
    """Return the image AUROC, the mean over draws."""
    return float(np.mean([roc_auc_score(labels, logits) for labels, logits in parts]))


def _aurocs(folds: Mapping[str, Any]) -> list[str]:
    lines = _header(["set", "normal / anomalous", *CALLED.values(), "pixels alone", "pixels, 8 references"])
    rows = []
    for name, found in folds.items():
        values = [auroc(scored(found, setting)) for setting in SETTINGS]
        values += [found["pixel"][key] for key in ("alone", "beside")]
        rows.append(values)
        normal = found["labels"].count(0)
        lines.append(f"| {name} | {normal} / {len(found['labels']) - normal} | {_cells(values)} |")
    return [
        *lines,
        f"| **mean** (95 % interval over sets) | | {' | '.join(_mean(column) for column in zip(*rows, strict=True))} |",
    ]


def _alarms(folds: Mapping[str, Any]) -> list[str]:
    lines = _header(["set", *(f"{CALLED[name]}: false alarms / found" for name in SHOWN)])
    rows = []
    for name, found in folds.items():
        row = [rates(scored(found, setting)) for setting in SHOWN]
        rows.append([rate for pair in row for rate in pair])
        lines.append(f"| {name} | {' | '.join(f'{low:.2f} / {high:.2f}' for low, high in row)} |")
    means = np.mean(rows, axis=0)
    pairs = " | ".join(f"**{means[i]:.3f} / {means[i + 1]:.3f}**" for i in range(0, len(means), 2))
    return [*lines, f"| **mean** | {pairs} |"]


def rates(parts: Iterable[tuple[Sequence[int], Sequence[float]]]) -> tuple[float, float]:
    labels, logits = (np.concatenate(column) for column in zip(*parts, strict=True))
    return float((logits[labels == 0] > 0).mean()), float((logits[labels == 1] > 0).mean())


def yardstick_aurocs(found: Mapping[str, Any]) -> dict[str, float]:
    """Return the image AUROC of each yardstick that was measured on a set, and of the best trivial predictor."""
    values = {
        name: auroc((draw["labels"], draw[name]) for draw in found["draws"])
        for name in YARDSTICKS
        if name in found["draws"][0]
    }
    if "musc" in found["cohort"]:
        values["musc"] = auroc([(found["cohort"]["labels"], found["cohort"]["musc"])])
    return {**values, "trivial": found["trivial"]["auroc"]}


def _yardsticks(folds: Mapping[str, Any], yardsticks: Mapping[str, Any]) -> list[str]:
    theirs = {name: yardstick_aurocs(found) for name, found in yardsticks.items() if name in folds}
    if not theirs:
        return []
    kept = [method for method in YARDSTICKS if all(method in row for row in theirs.values())]
    lines = _header(["set", *(YARDSTICKS[name] for name in kept), *(f"ours, {CALLED[name]}" for name in SHOWN)])
    rows = []
    for name, own in theirs.items():
        rows.append([*(own[method] for method in kept), *(auroc(scored(folds[name], one)) for one in SHOWN)])
        lines.append(f"| {name} | {_cells(rows[-1])} |")
    return [*lines, f"| **mean** | {' | '.join(f'**{value:.3f}**' for value in np.mean(rows, axis=0))} |"]


def _header(columns: Sequence[str]) -> list[str]:
    return ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]


def _cells(values: Iterable[float | None]) -> str:
    return " | ".join("–" if value is None else f"{value:.3f}" for value in values)


def _mean(values: Iterable[float | None]) -> str:
    known = np.array([value for value in values if value is not None])
    drawn = np.random.default_rng(0).integers(len(known), size=(RESAMPLINGS, len(known)))
    low, high = np.quantile(known[drawn].mean(axis=1), [0.025, 0.975])
    return f"**{known.mean():.3f}** ({low:.2f}–{high:.2f})"


def main() -> None:
    """Fill the tables into the page."""
    read = (DOCS / "results" / f"{name}.json" for name in ("folds", "yardsticks"))
    folds, yardsticks = (json.loads(path.read_text()) if path.exists() else {} for path in read)
    page = (DOCS / "results" / "about.md").read_text(encoding="utf-8")
    for mark, lines in fold_tables(folds, yardsticks).items():
        page = page.replace(f"<!-- {mark} -->", "\n".join(lines))
    (DOCS / "results.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
