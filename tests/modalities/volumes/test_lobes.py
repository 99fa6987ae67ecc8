from __future__ import annotations

import csv
from pathlib import Path

import pytest

from looktwice.modalities.volumes.lobes import part_of_brain

# What the regions of Dosenbach et al. (Science 2010), which nilearn carries, are called by their authors.
PARTS = {
    "cerebellum": "cerebellum",
    "occipital": "occipital lobe",
    "temporal": "temporal lobe",
    "fusiform": "temporal lobe",
    "insula": "insula",
    "thalamus": "thalamus",
    "basal ganglia": "basal ganglia",
    "parietal": "parietal lobe",
    "IPL": "parietal lobe",
    "IPS": "parietal lobe",
    "angular": "parietal lobe",
    "precuneus": "parietal lobe",
    "PFC": "frontal lobe",
    "frontal": "frontal lobe",
    "SMA": "frontal lobe",
    "FC": "frontal lobe",
    "precentral": "frontal lobe",
}


def test_places_with_known_names_are_named_alike():
    import nilearn.datasets

    with (Path(nilearn.datasets.__file__).parent / "data" / "dosenbach_2010.csv").open() as file:
        rows = list(csv.DictReader(file))
    named = [
        (part, part_of_brain(float(row["x"]), float(row["y"]), float(row["z"])))
        for row in rows
        for part in [next((part for word, part in PARTS.items() if word in row["name"]), None)]
        if part is not None
    ]
    assert len(named) > 140
    assert sum(part == given for part, given in named) / len(named) >= 0.85


@pytest.mark.parametrize("place", [(0, -17, 110), (95, 0, 0), (0, 120, 0)])
def test_what_lies_outside_the_brain_has_no_part(place):
    assert part_of_brain(*place) is None
