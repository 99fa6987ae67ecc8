"""Sources of evidence beside what the expert sees in the views: one file each.

A source measures something in a study, calibrates it against normal material and says how it joins the rest. The
pipeline asks every source that fits the study; nothing else needs to know which there are.
"""

from __future__ import annotations

from collections.abc import Mapping

from looktwice.core.calibration import Calibration
from looktwice.core.study import Study
from looktwice.evidence.asymmetry import Asymmetry
from looktwice.evidence.base import Found, Source
from looktwice.evidence.geometry.damage import Geometry
from looktwice.evidence.tissue import Tissue

__all__ = ["SOURCES", "Found", "Source", "fitting"]

# In the order in which they are joined: the tissue map stands alone, and the mirror may still raise the score.
SOURCES: tuple[Source, ...] = (Tissue(), Asymmetry(), Geometry())


def fitting(study: Study, calibrations: Mapping[str, Calibration]) -> list[Source]:
    """Return the sources that fit a study and have been calibrated."""
    return [source for source in SOURCES if source.name in calibrations and source.fits(study)]
