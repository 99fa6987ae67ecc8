"""A BIDS dataset in, a BIDS derivative out."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from looktwice.core.errors import InputError
from looktwice.modalities.volumes import open_volume
from looktwice.modalities.volumes.bids import find_images
from looktwice.modalities.volumes.bids_derivative import start_derivative, write_maps


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Two subjects, one with two sessions, and what must be passed over."""
    from nilearn.datasets import load_mni152_template

    root = tmp_path / "data set"
    image = load_mni152_template(resolution=4)
    for name in (
        "sub-01/ses-a/anat/sub-01_ses-a_acq-x_FLAIR",
        "sub-01/ses-b/anat/sub-01_ses-b_T1w",
        "sub-02/anat/sub-02_T1w",
    ):
        path = root / f"{name}.nii.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        nib.save(image, path)
    shutil.copy(path, path.with_name("sub-02_T1map.nii.gz"))
    description = {"Name": "made", "BIDSVersion": "1.10.0", "License": "CC0", "Authors": ["A", "B"]}
    (root / "dataset_description.json").write_text(json.dumps(description))
    (root / "README").write_text("A made dataset.\n")
    return root


def inspected(dataset: Path, out: Path) -> list[str]:
    start_derivative(out, dataset)
    written = []
    for image in find_images(dataset):
        study = open_volume(image.path)
        maps = np.random.default_rng(0).random((len(study.views()), 8, 8))
        written += write_maps(image, study.lift(maps), 0.5, {"Score": 0.5}, out)
    return written


def test_anatomical_images_are_found_by_their_names(dataset):
    assert [(image.entities, image.suffix) for image in find_images(dataset)] == [
        ("sub-01_ses-a_acq-x", "FLAIR"),
        ("sub-01_ses-b", "T1w"),
        ("sub-02", "T1w"),
    ]


def test_maps_lie_on_the_image_and_name_their_source(dataset, tmp_path):
    out = tmp_path / "derivatives"
    written = inspected(dataset, out)
    name = "sub-01/ses-a/anat/sub-01_ses-a_acq-x_space-FLAIR_desc-anomaly_probseg"

    assert f"{name}.nii.gz" in written
    source = nib.load(dataset / "sub-01/ses-a/anat/sub-01_ses-a_acq-x_FLAIR.nii.gz")
    heat, mask = (nib.load(out / f"{name.replace('probseg', suffix)}.nii.gz") for suffix in ("probseg", "mask"))
    np.testing.assert_array_equal(heat.affine, source.affine)
    np.testing.assert_array_equal(np.asarray(mask.dataobj), np.asarray(heat.dataobj) >= np.float32(0.5))
    sidecar = json.loads((out / f"{name}.json").read_text())
    assert sidecar["Sources"] == ["bids:raw:sub-01/ses-a/anat/sub-01_ses-a_acq-x_FLAIR.nii.gz"]
    description = json.loads((out / "dataset_description.json").read_text())
    assert description["GeneratedBy"][0]["Name"] == "looktwice"
    assert str(tmp_path) not in json.dumps(description)


def test_no_voxel_of_a_normal_image_belongs_to_the_mask(dataset, tmp_path):
    start_derivative(tmp_path / "out", dataset)
    image = find_images(dataset)[0]
    study = open_volume(image.path)
    heatmap = study.lift(np.ones((len(study.views()), 8, 8)))
    written = write_maps(image, heatmap, 0.5, {"Score": 0.2}, tmp_path / "out", anomalous=False)
    mask = next(name for name in written if name.endswith("mask.nii.gz"))
    assert not np.asarray(nib.load(tmp_path / "out" / mask).dataobj).any()


def test_other_folders_are_refused(dataset, tmp_path):
    with pytest.raises(InputError, match="not a BIDS dataset"):
        find_images(tmp_path)
    with pytest.raises(InputError, match="into the dataset itself"):
        start_derivative(dataset, dataset)
    other = tmp_path / "other"
    other.mkdir()
    (other / "dataset_description.json").write_text('{"Name": "someone else\'s", "BIDSVersion": "1.10.0"}')
    with pytest.raises(InputError, match="another dataset"):
        start_derivative(other, dataset)


def test_the_derivative_is_valid(dataset, tmp_path):
    validator = Path(sys.executable).with_name("bids-validator-deno")
    if not validator.exists():
        pytest.skip("bids-validator-deno is not installed")
    inspected(dataset, tmp_path / "derivatives")
    done = subprocess.run(
        [validator, tmp_path / "derivatives", "--json"], capture_output=True, text=True, check=False, timeout=120
    )
    issues = json.loads(done.stdout)["issues"]["issues"]
    assert [issue for issue in issues if issue["severity"] == "error"] == []
