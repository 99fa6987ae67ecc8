"""What a person or a program reads afterwards: JSON, heatmaps, overlays, HTML."""

from __future__ import annotations

from looktwice.report.picture import Picture
from looktwice.report.writing import write_report, write_study

__all__ = ["Picture", "write_report", "write_study"]
