"""False-alarm rates: how much of what is normal may reach a threshold. All of them stand here."""

from __future__ import annotations

from dataclasses import dataclass

# The score, and the heat, at which an input or a place is as likely an anomaly as not.
EVEN_ODDS = 0.5


@dataclass(frozen=True)
class FalseAlarmRates:
    """Shares of normal inputs, or of places in them, that may reach even odds.

    Examples
    --------
    >>> RATES.studies
    0.1
    """

    # Volumes, heads and clouds whose score reaches 0.5; calibrates the sources' scores (training.calibration,
    # evidence.tissue, evidence.geometry). `looktwice calibrate` sets a site's own.
    studies: float = 0.1
    # Tokens of a normal study of many views above 0.5 on its self-reference map (training.calibration).
    study_tokens: float = 0.0005
    # Places of a usual normal brain above 0.5 on the tissue map (evidence.tissue).
    tissue_places: float = 0.0005
    # Places of a sound surface above 0.5 on the geometry map (evidence.geometry).
    surface_places: float = 0.001
    # Heads called anomalous by their asymmetry (evidence.asymmetry).
    asymmetric_heads: float = 0.05
    # Normal photographs called anomalous: alone, beside references, in a cohort, and by learned flaws once all of the
    # token classifiers judge together.
    pictures: float = 0.05
    # The same of photographs held out of learning (evidence.comparisons.learned_flaws). One token classifier judges
    # each, where the mean of all, which varies less, judges new ones: of these, half as many are called.
    held_out_pictures: float = 0.1
    # Places of normal photographs above 0.5, beside references and by learned flaws.
    picture_places: float = 0.002


RATES = FalseAlarmRates()
