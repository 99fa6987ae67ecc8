"""Synthetic benchmarks on disk: laid out as any other, whole, and the same for the same seed."""

from __future__ import annotations

import json

import nibabel as nib
import numpy as np
import pytest
import skimage.data
from PIL import Image

from looktwice.core.errors import InputError, UsageError
from looktwice.datasets import load_mask, open_folder
from looktwice.datasets.check import check_copy
from looktwice.datasets.synthesis.benchmark import Amounts, write_category, write_manifest
from looktwice.datasets.synthesis.makers import CloudMaker, PictureMaker, ScanMaker, usable_lesions
from looktwice.datasets.synthesis.sources import Options, makers_for, numbers


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "coins" / "train" / "good"
    folder.mkdir(parents=True)
    coins = skimage.data.coins()
    for number in range(6):
        Image.fromarray(coins[20 * number : 20 * number + 96, 30 * number : 30 * number + 112]).save(
            folder / f"{number}.jpg"
        )
    return folder


@pytest.fixture
def scan(tmp_path):
    grid = np.indices((40, 44, 36)).astype(float) - np.array([20, 22, 18]).reshape(3, 1, 1, 1)
    distance = np.sqrt((grid**2).sum(axis=0)) * 4
    values = np.where(distance < 66, np.where(distance < 45, 110, 80), 0).astype(np.float32)
    values += np.where(distance < 66, np.random.default_rng(0).normal(0, 3, values.shape), 0).astype(np.float32)
    affine = np.array([[-4, 0, 0, 80], [0, 4, 0, -88], [0, 0, 4, -72], [0, 0, 0, 1.0]])
    path = tmp_path / "template.nii.gz"
    nib.save(nib.Nifti1Image(values, affine), path)
    return path


def test_pictures(pictures, tmp_path):
    written = write_category(
        PictureMaker(sorted(pictures.iterdir())), tmp_path / "out/coins", Amounts(6, 4, 2), ["stain", "crack"], seed=3
    )
    assert written.counts == {"train/good": 2, "test/good": 4, "test/stain": 3, "test/crack": 3}
    report = check_copy("folder", tmp_path / "out")
    # Six sources: normal ones come more than once, and nothing else is wrong.
    assert all("the same file" in problem for problem in report.problems)
    assert not any("as normal and as anomalous" in problem for problem in report.problems)
    dataset = open_folder(tmp_path / "out/coins")
    for sample in dataset.samples():
        assert sample.path.suffix == ".png"
        mask = load_mask(sample, (96, 112))
        assert mask.any() == bool(sample.label)


def test_the_same_seed_writes_the_same_files_and_more_of_them(pictures, tmp_path):
    maker = PictureMaker(sorted(pictures.iterdir()))
    for name, count in (("a", 3), ("b", 3), ("c", 5)):
        write_category(maker, tmp_path / name, Amounts(count, 1), ["lesion"], seed=1)
    write_category(maker, tmp_path / "d", Amounts(3, 1), ["lesion"], seed=2)
    first, second, longer, other = (
        [path.read_bytes() for path in sorted((tmp_path / name / "test/lesion").iterdir())] for name in "abcd"
    )
    assert first == second == longer[:3]
    assert first != other


def test_scans_keep_grid_and_affine(scan, tmp_path):
    write_category(ScanMaker([scan]), tmp_path / "out/brain", Amounts(2, 2), ["bright", "cyst"])
    affine = nib.load(scan).affine
    dataset = open_folder(tmp_path / "out/brain")
    assert dataset.problems == []
    assert len(dataset.samples()) == 4
    for sample in dataset.samples():
        image = nib.load(sample.path)
        assert image.shape == (40, 44, 36)
        np.testing.assert_allclose(image.affine, affine)
        assert load_mask(sample, image.shape).any() == bool(sample.label)
    assert check_copy("folder", tmp_path / "out").problems == []


def test_real_lesions_come_from_their_own_grid(scan, tmp_path):
    folder = tmp_path / "lesions"
    folder.mkdir()
    # On a finer grid, mirrored: world coordinates decide.
    affine = np.diag([2, 2, 2, 1.0])
    affine[:3, 3] = (-80, -88, -72)
    lesion = np.zeros((80, 88, 72), np.uint8)
    lesion[50:60, 40:52, 30:42] = 1
    nib.save(nib.Nifti1Image(lesion, affine), folder / "a.nii.gz")
    nib.save(
        nib.Nifti1Image((np.arange(80 * 88 * 72) % 5).reshape(80, 88, 72).astype(np.uint8), affine),
        folder / "atlas.nii.gz",
    )
    nib.save(nib.Nifti1Image(np.ones((80, 88, 72), np.uint8), affine), folder / "brain.nii.gz")
    usable = usable_lesions(sorted(folder.iterdir()))
    assert [path.name for path in usable] == ["a.nii.gz"]
    write_category(ScanMaker([scan], usable), tmp_path / "out/brain", Amounts(3, 0), ["bright"])
    world = (affine @ [54.5, 45.5, 35.5, 1])[:3]
    for sample in open_folder(tmp_path / "out/brain").samples():
        mask = load_mask(sample)
        centre = nib.affines.apply_affine(nib.load(sample.path).affine, np.argwhere(mask).mean(axis=0))
        # Left and right may change sides.
        assert abs(abs(centre[0]) - abs(world[0])) < 12
        assert np.abs(centre[1:] - world[1:]).max() < 12
    with pytest.raises(InputError, match="no lesion mask"):
        usable_lesions([folder / "brain.nii.gz"])


def test_clouds_have_a_label_for_every_point(tmp_path):
    maker = CloudMaker("pebble", densities=(1500, 4000))
    written = write_category(maker, tmp_path / "out/pebble", Amounts(3, 2), ["bulge", "rough", "broken_off"])
    assert written.counts == {"test/good": 2, "test/bulge": 1, "test/rough": 1, "test/broken_off": 1}
    report = check_copy("folder", tmp_path / "out")
    assert report.problems == []
    sizes = {len(load_mask(s)) for s in open_folder(tmp_path / "out").samples() if s.label}
    assert sizes <= {1500, 4000}


def test_what_cannot_be_made_is_left_out(tmp_path, scan):
    class Stubborn(ScanMaker):
        def make(self, rng, source, kind):
            if kind == "mass":
                raise ValueError("no room")
            return super().make(rng, source, kind)

    written = write_category(Stubborn([scan]), tmp_path / "out/brain", Amounts(2, 0), ["mass", "bright"])
    assert written.counts == {"test/bright": 1}
    assert written.skipped == ["mass 000: no room"]
    write_manifest(tmp_path / "out", [written], 5)
    manifest = json.loads((tmp_path / "out/synthesis.json").read_text())
    assert manifest["seed"] == 5
    assert str(tmp_path) not in json.dumps(manifest)


def test_sources_become_categories(pictures, scan, tmp_path):
    mesh = tmp_path / "wedge.obj"
    mesh.write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n")
    makers = makers_for([str(pictures), str(scan), str(mesh), "gear", "gear"], Options())
    assert [(name, type(maker)) for name, maker in makers.items()] == [
        ("coins", PictureMaker),
        ("template", ScanMaker),
        ("wedge", CloudMaker),
        ("gear", CloudMaker),
        ("gear_2", CloudMaker),
    ]


def test_unfit_sources_are_refused(tmp_path):
    with pytest.raises(InputError, match="does not exist; generated shapes are vase"):
        makers_for([str(tmp_path / "nothing")], Options())
    with pytest.raises(InputError, match="contains no image"):
        makers_for([str(tmp_path)], Options())
    broken = tmp_path / "a.nii.gz"
    broken.write_bytes(b"no")
    with pytest.raises(InputError, match="cannot be read as NIfTI"):
        ScanMaker([broken]).make(np.random.default_rng(0), 0, None)
    nib.save(nib.Nifti1Image(np.zeros((9, 9, 9), np.float32), np.eye(4)), broken)
    with pytest.raises(InputError, match="tissue"):
        ScanMaker([broken]).make(np.random.default_rng(0), 0, None)
    for text in ("", "many", "10", "500,x"):
        with pytest.raises(UsageError, match="numbers of points"):
            numbers(text)
    assert numbers("500, 2000") == [500, 2000]
