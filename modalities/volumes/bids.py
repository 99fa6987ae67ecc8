"""BIDS datasets as input: finding their anatomical images.

Brain Imaging Data Structure: Gorgolewski et al., Scientific Data 2016, doi:10.1038/sdata.2016.44.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from looktwice.core.errors import InputError

CONTRASTS = ("T1w", "T2w", "FLAIR", "PDw", "T2starw", "inplaneT1", "inplaneT2", "PDT2", "angio", "SWI")
"""Suffixes of anatomical images that are looked at; maps and masks are not."""

_IMAGE = re.compile(r"sub-[0-9a-zA-Z]+(_[a-z]+-[0-9a-zA-Z]+)*_(?P<suffix>" + "|".join(CONTRASTS) + r")\.nii(\.gz)?")
_FOLDER = re.compile(r"sub-[0-9a-zA-Z]+(/ses-[0-9a-zA-Z]+)?/anat")


@dataclass(frozen=True)
class BidsImage:
    """One anatomical image of a dataset.

    Attributes
    ----------
    path : Path
    relative : Path
        Within the dataset.
    entities : str
        What its name says before the suffix: "sub-01_ses-2_acq-highres".
    suffix : str

    Examples
    --------
    >>> relative = Path("sub-01/anat/sub-01_T1w.nii.gz")
    >>> image = BidsImage(Path("study") / relative, relative, "sub-01", "T1w")
    >>> image.uri
    'bids:raw:sub-01/anat/sub-01_T1w.nii.gz'
    >>> image.derived("heatmap").as_posix()
    'sub-01/anat/sub-01_space-T1w_desc-anomaly_heatmap'
    """

    path: Path
    relative: Path
    entities: str
    suffix: str

    @property
    def uri(self) -> str:
        """The image as a BIDS URI into the dataset that a derivative links as "raw"."""
        return f"bids:raw:{self.relative.as_posix()}"

    def derived(self, suffix: str) -> Path:
        """Return where a map on this image's grid lies in a derivative, without its ending."""
        name = f"{self.entities}_space-{self.suffix}_desc-anomaly_{suffix}"
        return self.relative.parent / name


def find_images(dataset: Path) -> list[BidsImage]:
    """Return the anatomical images of a BIDS dataset, sorted by name.

    Raises
    ------
    InputError
        The folder is no BIDS dataset, or holds no such image.
    """
    description = dataset / "dataset_description.json"
    try:
        stated = json.loads(description.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{dataset} is not a BIDS dataset: dataset_description.json cannot be read") from error
    if not isinstance(stated, dict) or "BIDSVersion" not in stated:
        raise InputError(f"{dataset} is no BIDS dataset: dataset_description.json states no BIDSVersion")
    images = []
    for path in sorted(dataset.glob("sub-*/**/anat/*.nii*")):
        relative = path.relative_to(dataset)
        named = _IMAGE.fullmatch(path.name)
        if named and _FOLDER.fullmatch(relative.parent.as_posix()):
            suffix = named["suffix"]
            images.append(BidsImage(path, relative, path.name.partition(f"_{suffix}.nii")[0], suffix))
    if not images:
        raise InputError(
            f"{dataset} contains no anatomical image (sub-*/[ses-*/]anat/*_{{{','.join(CONTRASTS)}}}.nii.gz)"
        )
    return images
