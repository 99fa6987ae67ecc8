"""Every source of evidence has words of its own in reports."""

from __future__ import annotations

from looktwice.evidence import SOURCES
from looktwice.report.html import EVIDENCE_NAMES


def test_reports_name_every_source():
    names = {source.name for source in SOURCES} | {"ltfm", "self_reference", "references", "cohort"}
    assert names == set(EVIDENCE_NAMES)
