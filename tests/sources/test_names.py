"""Every source of evidence has words of its own in reports."""

from __future__ import annotations

from looktwice.report.html import EVIDENCE_NAMES
from looktwice.sources import SOURCES


def test_reports_name_every_source():
    names = {source.name for source in SOURCES} | {"ltfm", "self", "references", "cohort"}
    assert names == set(EVIDENCE_NAMES)
