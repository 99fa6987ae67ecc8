"""Reading the other formats that nibabel knows: FreeSurfer, Analyze and NIfTI in two files, PAR/REC, AFNI, MINC."""

from __future__ import annotations

import warnings
from pathlib import Path

import nibabel as nib
import numpy as np
from isal import igzip

from looktwice.core.errors import InputError
from looktwice.modalities.volumes.nifti import GZIP_BEST_RATIO, scan_of_nibabel
from looktwice.modalities.volumes.scan import Scan, pick_channel

ENDINGS = (".gz", ".mgz", ".mgh", ".hdr", ".HDR", ".PAR", ".par", ".HEAD", ".mnc")

MGH_HEADER_BYTES, MGH_FOOTER_BYTES = 284, 2**20
MGH_DATA_BYTES = {0: 1, 1: 4, 3: 4, 4: 2, 10: 2}
"""Of one voxel, by FreeSurfer's code of its type."""


def read_with_nibabel(path: Path, channel: int | None = None) -> Scan:
    """Read a volume in one of the formats of `looktwice.modalities.volumes.sniffing.is_other_format`.

    Parameters
    ----------
    channel : int, optional
        Which 3D volume of a 4D file; the first if not given.

    Raises
    ------
    InputError
        The file is damaged, or the one with its voxels is missing.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = _load(path)
            scan = scan_of_nibabel(image, lambda count, notes: pick_channel(count, channel, notes))
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError("the file with the voxels, which lies beside the header, is missing") from error
    except Exception as error:  # nibabel's readers raise errors of every kind at damaged headers
        raise InputError("the file is truncated or damaged; convert it to NIfTI (.nii.gz)") from error
    if not isinstance(image.header, nib.Nifti1Header) and isinstance(image, nib.AnalyzeImage):
        scan.notes.append("Analyze files state no orientation; left and right are not certain")
    scan.source, scan.name = path, _stem(path)
    return scan


def _load(path: Path) -> nib.spatialimages.SpatialImage:
    with path.open("rb") as file:
        head = file.read(8)
    if head.startswith(b"\x89HDF"):
        raise InputError("MINC 2 is not read; convert it to NIfTI (mnc2nii)")
    if head.startswith(b"\x1f\x8b") or head.startswith(b"\0\0\0\1"):
        return _load_mgh(path, gzipped=head.startswith(b"\x1f\x8b"))
    return nib.load(path)  # type: ignore[return-value]


def _load_mgh(path: Path, gzipped: bool) -> nib.MGHImage:
    """Read FreeSurfer's format under any name, and no more of it than its header says."""
    with igzip.open(path) if gzipped else path.open("rb") as file:
        head = file.read(MGH_HEADER_BYTES)
        sizes = np.frombuffer(head[4:24], ">i4").astype(object)
        wanted = int(sizes[:4].prod()) * MGH_DATA_BYTES.get(int(sizes[4]), 8)
        if wanted > path.stat().st_size * (GZIP_BEST_RATIO if gzipped else 1):
            raise InputError("the file is shorter than its header says; copy or export it again")
        return nib.MGHImage.from_bytes(head + file.read(wanted + MGH_FOOTER_BYTES))


def _stem(path: Path) -> str:
    name = path.name
    for ending in ENDINGS:
        name = name.removesuffix(ending)
    return name or "volume"
