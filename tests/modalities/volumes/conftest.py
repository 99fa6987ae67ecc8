"""Volumes with something at a known place, and maps made from the views themselves."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest


@cache
def _template() -> tuple[np.ndarray, np.ndarray]:
    from nilearn.datasets import load_mni152_template

    image = load_mni152_template(resolution=2)
    return np.asarray(image.dataobj, dtype=np.float32), image.affine


@pytest.fixture
def brain() -> tuple[np.ndarray, np.ndarray]:
    """The MNI152 T1 template at 2 mm: values in 0 ... 1 and the affine (RAS)."""
    data, affine = _template()
    return data.copy(), affine.copy()


@pytest.fixture
def add_blob() -> Callable[..., None]:
    """Make a ball brighter than everything else around a place in RAS millimetres."""

    def add(data: np.ndarray, affine: np.ndarray, world: tuple[float, float, float], radius: float = 8.0) -> None:
        grid = np.stack(np.meshgrid(*(np.arange(n) for n in data.shape), indexing="ij"), axis=-1)
        points = nib.affines.apply_affine(affine, grid)
        data[np.linalg.norm(points - world, axis=-1) <= radius] = 3 * data.max()

    return add


@pytest.fixture
def brightness_maps() -> Callable[..., np.ndarray]:
    """The share of nearly white pixels in each cell of each view, as an encoder's grid would have it."""

    def shares(pixels: int, cells: int) -> np.ndarray:
        """Return how much of each cell each pixel covers, along one axis."""
        edges = np.linspace(0, pixels, cells + 1)
        upto = np.clip(edges[:, None] - np.arange(pixels), 0, 1)
        return np.diff(upto, axis=0) * cells / pixels

    def cell_means(picture: np.ndarray, cells: int) -> np.ndarray:
        weights = shares(len(picture), cells)
        return weights @ (picture.min(axis=2) > 200) @ weights.T

    def make(study, cells: int = 32) -> np.ndarray:
        return np.stack([cell_means(view.image, cells) for view in study.views()]).astype(np.float32)

    return make


@pytest.fixture
def save_nifti(tmp_path: Path) -> Callable[..., Path]:
    """Write an array as NIfTI and return the path."""

    def save(data: np.ndarray, affine: np.ndarray | None = None, name: str = "case.nii.gz", kind=nib.Nifti1Image):
        path = tmp_path / name
        kind(data, np.eye(4) if affine is None else affine).to_filename(path)
        return path

    return save


@pytest.fixture
def write_series(tmp_path: Path) -> Callable[..., Path]:
    """Write an array of voxels (column, row, slice) as a DICOM series with a planted identity.

    File names are shuffled against the geometry; ``change(dataset, index)`` may alter each object before it is saved.
    """
    import pydicom
    from pydicom.data import get_testdata_file
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    def write(
        data: np.ndarray,
        affine: np.ndarray,
        folder: str = "series",
        modality: str = "CT",
        change: Callable[[pydicom.Dataset, int], None] = lambda dataset, index: None,
        syntax: str | None = None,
    ) -> Path:
        target = tmp_path / folder
        target.mkdir(exist_ok=True)
        source = get_testdata_file("CT_small.dcm" if modality == "CT" else "MR_small.dcm")
        series, study, frame_of_reference = (generate_uid(entropy_srcs=[folder, part]) for part in "abc")
        lps = np.diag([-1.0, -1, 1, 1]) @ affine
        sizes = np.linalg.norm(lps[:3, :3], axis=0)
        names = np.random.default_rng(0).permutation(data.shape[2])
        for index in range(data.shape[2]):
            dataset = pydicom.dcmread(source)
            for group in (0x0043, 0x0019, 0x0027, 0x0045, 0x0009, 0x0021, 0x0029):
                for element in dataset.group_dataset(group):
                    del dataset[element.tag]
            dataset.PatientName, dataset.PatientID = "DOE^JANE", "SECRET-ID-4711"
            dataset.PatientBirthDate = "19700101"
            dataset.SeriesInstanceUID, dataset.StudyInstanceUID = series, study
            dataset.FrameOfReferenceUID = frame_of_reference
            dataset.SOPInstanceUID = generate_uid(entropy_srcs=[folder, str(index)])
            dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
            dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
            dataset.InstanceNumber = index + 1
            dataset.Columns, dataset.Rows = data.shape[:2]
            dataset.ImagePositionPatient = list(np.round(nib.affines.apply_affine(lps, (0, 0, index)), 6))
            dataset.ImageOrientationPatient = list(np.round(np.r_[lps[:3, 0] / sizes[0], lps[:3, 1] / sizes[1]], 9))
            dataset.PixelSpacing = [sizes[1], sizes[0]]
            dataset.SliceThickness = sizes[2]
            dataset.RescaleIntercept, dataset.RescaleSlope = (-1024, 1) if modality == "CT" else (0, 1)
            dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 0
            for keyword in ("PixelPaddingValue", "SmallestImagePixelValue", "LargestImagePixelValue", "SliceLocation"):
                if keyword in dataset:
                    del dataset[keyword]
            stored = np.rint(data[:, :, index].T - int(dataset.RescaleIntercept)).astype("<u2")
            dataset.PixelData = stored.tobytes()
            change(dataset, index)
            if syntax is not None:
                dataset.compress(syntax, generate_instance_uid=False)
            dataset.save_as(target / f"IM{names[index]:04d}")
        return target

    return write
