"""Plain folders in the MVTec AD layout, from disk to samples and masks."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from looktwice.core.errors import InputError
from looktwice.datasets import load_mask, open_folder
from looktwice.datasets.masks import read_mask


def picture(path: Path, value: int = 100, shape: tuple[int, int] = (12, 16)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full(shape, value, np.uint8)).save(path)


def mask(path: Path, shape: tuple[int, int] = (12, 16)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    marked = np.zeros(shape, np.uint8)
    marked[2:5, 3:9] = 255
    Image.fromarray(marked).save(path)


@pytest.fixture
def tile(tmp_path):
    root = tmp_path / "my data é" / "tile"
    picture(root / "train/good/000.png")
    picture(root / "test/good/000.png")
    picture(root / "test/crack/000.png")
    picture(root / "test/crack/001.jpg")
    mask(root / "ground_truth/crack/000_mask.png")
    mask(root / "ground_truth/crack/001.png")
    (root / "test/crack/Thumbs.db").write_bytes(b"")
    (root / "test/crack/.hidden.png").write_bytes(b"")
    return root


def test_one_category(tile):
    dataset = open_folder(tile)
    assert dataset.name == "tile"
    assert dataset.categories == ["tile"]
    assert dataset.problems == []
    rows = [(s.split, s.label, s.defect, s.path.name, s.mask and s.mask.name) for s in dataset.samples()]
    assert rows == [
        ("train", 0, "good", "000.png", None),
        ("test", 1, "crack", "000.png", "000_mask.png"),
        ("test", 1, "crack", "001.jpg", "001.png"),
        ("test", 0, "good", "000.png", None),
    ]
    found = load_mask(dataset.samples()[1], (12, 16))
    assert found.sum() == 18
    assert found[2, 3]
    assert not load_mask(dataset.samples()[0], (12, 16)).any()


def test_categories_may_lie_nested_and_share_names(tmp_path):
    for place in ("a/tile", "b/tile", "b/bottle"):
        picture(tmp_path / place / "test/good/0.png")
        picture(tmp_path / place / "test/bad/0.png")
    dataset = open_folder(tmp_path, name="mine")
    assert dataset.categories == ["a/tile", "bottle", "b/tile"]
    assert {s.dataset for s in dataset.samples()} == {"mine"}
    assert len(dataset.problems) == 3
    assert all("no masks" in problem for problem in dataset.problems)


def test_problems_are_named(tile):
    (tile / "ground_truth/crack/001.png").unlink()
    (tile / "test/good/000.png").unlink()
    assert open_folder(tile).problems == [
        "tile: no normal sample in test/, image AUROC cannot be computed",
        "tile: no mask for crack/001.jpg",
    ]


def test_volumes(tmp_path):
    affine = np.diag([2, 2, 2, 1.0])
    for name in ("good/sub-01_T1w", "tumour/sub-02_T1w"):
        path = tmp_path / "brain" / "test" / f"{name}.nii.gz"
        path.parent.mkdir(parents=True)
        nib.save(nib.Nifti1Image(np.zeros((4, 5, 6), np.float32), affine), path)
    marked = np.zeros((4, 5, 6), np.uint8)
    marked[1, 2, 3] = 1
    place = tmp_path / "brain/ground_truth/tumour/sub-02_T1w_mask.nii.gz"
    place.parent.mkdir(parents=True)
    nib.save(nib.Nifti1Image(marked, affine), place)
    normal, tumour = open_folder(tmp_path / "brain").samples()
    assert (normal.patient, tumour.patient) == ("sub-01", "sub-02")
    assert np.argwhere(load_mask(tumour, (4, 5, 6))).tolist() == [[1, 2, 3]]


@pytest.mark.parametrize("ending", ["txt", "npy"])
@pytest.mark.parametrize("place", ["ground_truth/dent", "test/dent"])
def test_clouds_with_labels_in_the_ground_truth_or_beside(tmp_path, ending, place):
    for name in ("test/good/a.ply", "test/dent/b.ply"):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text("ply\n")
    labels = tmp_path / place / f"b_mask.{ending}"
    labels.parent.mkdir(parents=True, exist_ok=True)
    values = np.array([0, 1, 1, 0])
    np.savetxt(labels, values, fmt="%d") if ending == "txt" else np.save(labels, values)
    dataset = open_folder(tmp_path)
    assert [s.path.name for s in dataset.samples()] == ["b.ply", "a.ply"]
    assert dataset.problems == []
    assert load_mask(dataset.samples()[0], (4,)).tolist() == [False, True, True, False]


def test_text_labels_after_coordinates(tmp_path):
    path = tmp_path / "gt.txt"
    path.write_text("0.1,0.2,0.3,0\n0.1,0.2,0.4,1\n")
    assert read_mask(path).tolist() == [False, True]
    path.write_text("0.1 0.2 0.3 1.0\n0.1 0.2 0.4 0.0\n")
    assert read_mask(path).tolist() == [True, False]


def test_masks_of_all_sorts_mean_the_same(tmp_path):
    marked = np.zeros((8, 8), bool)
    marked[2:4, 2:6] = True
    Image.fromarray((marked * 3).astype(np.uint8)).save(tmp_path / "classes.png")
    Image.fromarray(marked).save(tmp_path / "bits.png")
    Image.fromarray(np.dstack([marked * 255] * 3).astype(np.uint8)).save(tmp_path / "rgb.bmp")
    Image.fromarray(np.dstack([marked * 255] * 3 + [np.full((8, 8), 255)]).astype(np.uint8)).save(tmp_path / "rgba.png")
    palette = Image.fromarray(marked.astype(np.uint8), mode="P")
    palette.putpalette([255, 0, 0, 0, 255, 0])
    palette.save(tmp_path / "palette.png")
    for path in tmp_path.iterdir():
        np.testing.assert_array_equal(read_mask(path), marked, err_msg=path.name)


def test_lossy_masks_are_cut_in_the_middle(tmp_path):
    marked = np.zeros((32, 32), np.uint8)
    marked[8:24, 8:24] = 255
    Image.fromarray(marked).save(tmp_path / "mask.jpg", quality=60)
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.jpg"), marked > 0)


def test_a_mask_of_another_size_is_refused(tile):
    sample = open_folder(tile).samples()[1]
    with pytest.raises(InputError, match="12×16, but its input is 12×17"):
        load_mask(sample, (12, 17))


def test_damaged_and_unknown_masks_are_refused(tmp_path):
    for name, content in {
        "a.png": b"\x89PNG broken",
        "b.nii.gz": b"no",
        "c.txt": b"x y\n",
        "d.xcf": b"",
        "e.npy": b"",
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=r"mask .* (cannot be read|has an unsupported format)"):
            read_mask(tmp_path / name)
    with pytest.raises(InputError, match="does not exist"):
        read_mask(tmp_path / "none.png")


def test_where_the_truth_is_unknown_there_is_no_mask(tile):
    (tile / "ground_truth/crack/001.png").unlink()
    assert load_mask(open_folder(tile).samples()[2], (12, 16)) is None
    with pytest.raises(ValueError, match="shape"):
        load_mask(open_folder(tile).samples()[0])


@pytest.mark.parametrize("made", ["", "pictures/a.png", "train/good/notes.md", "test/good/.keep"])
def test_a_folder_that_is_no_benchmark(tmp_path, made):
    if made:
        picture(tmp_path / "x.png")
        (tmp_path / made).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / made).write_bytes(b"")
    with pytest.raises(InputError, match="not a benchmark"):
        open_folder(tmp_path)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="not a folder"):
        open_folder(tmp_path / "nowhere")
