"""The attributes that identify looktwice as the equipment, in every DICOM object that it writes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import highdicom
from pydicom.sr.codedict import codes

from looktwice.core.version import __version__

MANUFACTURER = "looktwice"
MODEL = "looktwice"
SERIAL_NUMBER = "none"
ALGORITHM = "looktwice anomaly detection"


@dataclass(frozen=True)
class NewObject:
    """Identity of one object to be written.

    Attributes
    ----------
    series_number : int
    series_description : str

    Examples
    --------
    >>> heatmap = NewObject(series_number=901, series_description="Anomaly map")
    >>> arguments = heatmap.arguments()
    >>> arguments["manufacturer"], arguments["series_number"], arguments["instance_number"]
    ('looktwice', 901, 1)
    >>> heatmap.sop_instance_uid == NewObject(901, "Anomaly map").sop_instance_uid  # every object has its own
    False
    """

    series_number: int
    series_description: str
    series_instance_uid: str = field(default_factory=highdicom.UID)
    sop_instance_uid: str = field(default_factory=highdicom.UID)

    def arguments(self) -> dict[str, Any]:
        """Return the arguments that highdicom's constructors of all objects share."""
        return {
            "series_instance_uid": self.series_instance_uid,
            "series_number": self.series_number,
            "series_description": self.series_description,
            "sop_instance_uid": self.sop_instance_uid,
            "instance_number": 1,
            "manufacturer": MANUFACTURER,
            "manufacturer_model_name": MODEL,
            "software_versions": __version__,
            "device_serial_number": SERIAL_NUMBER,
        }


def algorithm_identification() -> highdicom.AlgorithmIdentificationSequence:
    """Return the algorithm as segmentations name it."""
    return highdicom.AlgorithmIdentificationSequence(
        name=ALGORITHM,
        family=codes.cid7162.ArtificialIntelligence,
        version=__version__,
        source=MANUFACTURER,
    )
