"""Tables of all studies in a folder: ``results.jsonl``, ``results.csv`` and ``index.html``."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from looktwice.core.atomic import atomic_path
from looktwice.core.result import finite
from looktwice.core.study_marker import is_study_folder
from looktwice.report.html import environment

RESULTS, TABLE, INDEX = "results.jsonl", "results.csv", "index.html"

COLUMNS = ("study", "input", "modality", "score", "threshold", "verdict", "suspicion", "regions", "report", "error")


def read_records(folder: Path) -> list[dict[str, Any]]:
    """Return the ``report.json`` of each study in a folder, by the studies' names."""
    records = []
    for study in sorted(folder.iterdir()):
        if not study.name.startswith(".") and is_study_folder(study):
            try:
                record = json.loads((study / "report.json").read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue  # someone took it away: it is inspected again when it is asked for
            # The folder may have been renamed.
            records.append({**record, "study": study.name})
    return records


def append_line(path: Path, record: dict[str, Any]) -> None:
    """Append one object to a file of JSON Lines."""
    with path.open("ab") as file:
        file.write(as_line(record).encode("utf-8"))


def as_line(record: dict[str, Any]) -> str:
    """Return an object as one line of JSON."""
    text = json.dumps(finite(record), ensure_ascii=False, allow_nan=False, default=str)
    # A path may hold bytes that are no text.
    return text.encode("utf-8", "backslashreplace").decode() + "\n"


def write_tables(folder: Path, records: Sequence[dict[str, Any]]) -> None:
    """Write all three tables, each in one step: studies first, then inputs that failed."""
    _write(folder / RESULTS, "".join(as_line(record) for record in records))
    rows = [_row(record) for record in records]
    _write(folder / TABLE, _csv(rows))
    _write(folder / INDEX, environment(None).get_template(INDEX).render(rows=rows))


def _write(path: Path, text: str) -> None:
    with atomic_path(path) as temporary:
        temporary.write_bytes(text.encode("utf-8", "backslashreplace"))


def _csv(rows: Iterable[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _row(record: dict[str, Any]) -> dict[str, Any]:
    row = {name: record.get(name) for name in COLUMNS}
    if row["error"] is None:
        report = f"{record['study']}/{(record.get('artifacts') or {}).get('report', '')}"
        row |= {"regions": len(record.get("regions") or []), "report": report, "link": quote(report)}
    return row
