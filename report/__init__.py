"""What a person or a program reads afterwards: JSON, heatmaps, overlays, HTML."""

from __future__ import annotations

from looktwice.report.output_folder import OutputFolder, check_writable
from looktwice.report.picture import Picture
from looktwice.report.writing import write_report, write_study

__all__ = ["OutputFolder", "Picture", "check_writable", "write_report", "write_study"]
