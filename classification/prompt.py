"""What a multimodal language model is asked: VELM's three pictures and one text (arXiv 2505.02626)."""

from __future__ import annotations

from typing import Any

from looktwice.classification.contour import shown
from looktwice.classification.anomaly import Specimen, measure
from looktwice.classification.taxonomy import UNKNOWN, Taxonomy
from looktwice.core.study import ByteArray

VERSION = 2
"""Raised whenever words or pictures change, so that no answer to another prompt is taken from the cache."""

SYSTEM = (
    "You name anomalies that a detector has found. You see a normal reference where there is one, the inspected "
    "picture, and the same picture with the suspicious region inside a red contour. The contour may be too wide or a "
    "little off; judge what lies inside it and right beside it. Answer with one of the names given, or with "
    f'"{UNKNOWN}" where none of them fits.'
)


def write_prompt(taxonomy: Taxonomy, specimen: Specimen | None = None) -> str:
    """Return the text: what is normal, how to decide, the classes by name, and what was measured of a specimen if any.

    The classes come in the order of their names, whichever order the taxonomy has.
    """
    parts = [f"Inspected: {taxonomy.category.replace('_', ' ')}."]
    if taxonomy.normal:
        parts.append(f"Normal: {' '.join(taxonomy.normal.split())}")
    if taxonomy.strategy:
        parts.append(f"How to decide: {' '.join(taxonomy.strategy.split())}")
    classes = sorted(f"- {entry.name}: {' '.join(entry.description.split())}" for entry in taxonomy.classes.values())
    parts.append("Kinds of anomaly:\n" + "\n".join(classes))
    if specimen is not None:
        parts.append(f"Measured: {state_measurements(taxonomy, specimen)}")
    parts.append("Which kind is shown inside the red contour?")
    return "\n\n".join(parts)


def write_pictures(specimen: Specimen) -> list[tuple[str, ByteArray]]:
    """Return the pictures with their titles, 448 × 448 each: reference, query, and query with contour."""
    pictures: list[tuple[str, ByteArray]] = []
    for exposure in specimen.exposures:
        reference = exposure.reference if exposure.expected is None else exposure.expected
        if reference is not None:
            pictures.append((f"{exposure.name}, normal reference", shown(reference)))
        pictures.append((exposure.name, shown(exposure.image)))
        pictures.append((f"{exposure.name}, region in red", shown(exposure.image, exposure.mask)))
    return pictures


def state_measurements(taxonomy: Taxonomy, specimen: Specimen) -> str:
    """Say the main measurements of the region in one line, with what was measured in the input's own space."""
    facts = [f"{name.replace('_', ' ')} {_brief(value)}" for name, value in specimen.facts.items() if value is not None]
    return ", ".join([*measured_phrases(taxonomy, specimen), *facts]) + "."


def measured_phrases(taxonomy: Taxonomy, specimen: Specimen) -> list[str]:
    """Say the main measurements of the region in the picture, one by one."""
    found = measure(specimen.exposures[0], taxonomy.drawing)
    said = [
        f"{100 * specimen.exposures[0].mask.mean():.2g} % of the picture",
        f"{2 ** found['log_elongation']:.1f} times as long as wide",
        "darker than its surroundings" if found["contrast"] < 0 else "brighter than its surroundings",
        "reaching the border" if found["border_contact"] else "away from the border",
    ]
    if taxonomy.drawing is not None:
        said.append("material missing" if found["missing_share"] > 0.5 else "material added")
    return said


def _brief(value: Any) -> str:
    """Write a fact with three figures."""
    if isinstance(value, (list, tuple)):
        return " × ".join(map(_brief, value))
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    return str(value)
