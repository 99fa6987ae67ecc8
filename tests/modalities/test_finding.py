"""Each input is found once, wherever it lies; what is none is counted, and what cannot be used is named."""

from __future__ import annotations

import os
import shutil
import zipfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from looktwice.core.errors import UsageError
from looktwice.core.result import Failure
from looktwice.core.study_marker import MARKER
from looktwice.modalities.finding import find_inputs, list_inputs

from .dicom_trees import directory, report, series


def picture(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (24, 32, 3), np.uint8)).save(path)
    return path


def volume(path: Path) -> Path:
    nib.save(nib.Nifti1Image(np.random.default_rng(0).random((12, 12, 12)).astype(np.float32), np.eye(4)), path)
    return path


def sources(found) -> list[Path]:
    return [one.source for one in found.inputs if not isinstance(one, Failure)]


def errors(found) -> dict[str, str]:
    return {one.input: str(one.reason) for one in found.inputs if isinstance(one, Failure)}


def counts(found) -> list[int]:
    """Return the number of DICOM files of each series."""
    return [len(one.options["series"].files) for one in found.inputs if not isinstance(one, Failure)]


def test_inputs_are_found_at_any_depth_in_the_order_of_their_names(tmp_path):
    paths = [picture(tmp_path / "a" / "deep" / "er" / "x.png"), picture(tmp_path / "b.png"), volume(tmp_path / "c.nii")]
    (tmp_path / "notes.md").write_text("not an input")
    picture(tmp_path / ".hidden.png")
    found = find_inputs([tmp_path])
    assert sources(found) == paths
    assert found.summary() == "1 hidden file, 1 other file passed over"
    assert [one.kind for one in found.inputs] == ["image", "image", "volume"]


def test_hundreds_of_other_files_cost_one_line(tmp_path):
    picture(tmp_path / "a.png")
    for number in range(412):
        (tmp_path / f"{number}.log").write_text("x")
    assert find_inputs([tmp_path]).summary() == "412 other files passed over"


def test_what_bears_the_name_of_an_input_and_cannot_be_used_is_named(tmp_path):
    good = picture(tmp_path / "good.png")
    (tmp_path / "damaged.nii.gz").write_bytes(b"\x1f\x8b damaged")
    (tmp_path / "empty.xyz").touch()
    (tmp_path / "part.STEP").write_text("ISO-10303-21;\n")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "readme.txt").write_text("words")
    found = find_inputs([tmp_path])
    assert sources(found) == [good]
    assert set(errors(found)) == {
        str(tmp_path / name) for name in ("damaged.nii.gz", "empty.xyz", "part.STEP", "gone.png")
    }
    assert all(message.startswith(name) and "\n" not in message for name, message in errors(found).items())
    assert "the file is empty" in errors(found)[str(tmp_path / "empty.xyz")]


def test_a_missing_path_and_a_folder_without_inputs_are_failures_in_their_places(tmp_path):
    (tmp_path / "nothing" / "inside").mkdir(parents=True)
    good = picture(tmp_path / "a.png")
    found = find_inputs([tmp_path / "missing.png", good, tmp_path / "nothing"])
    assert [isinstance(one, Failure) for one in found.inputs] == [True, False, True]
    assert "no such file" in errors(found)[str(tmp_path / "missing.png")]
    assert "contains no image, point cloud or volume" in errors(found)[str(tmp_path / "nothing")]


def test_what_is_named_directly_is_never_passed_over(tmp_path):
    (tmp_path / "words.txt").write_text("words")
    assert sources(find_inputs([tmp_path / "words.txt"])) == [tmp_path / "words.txt"]


def test_what_is_met_twice_is_one_input(tmp_path):
    path = picture(tmp_path / "in" / "a.png")
    (tmp_path / "in" / "link.png").symlink_to(path)
    (tmp_path / "in" / "round").symlink_to(tmp_path / "in", target_is_directory=True)
    found = find_inputs([path, tmp_path / "in", path])
    assert sources(found) == [path]
    assert found.summary() == "3 inputs that were met before passed over"
    assert not errors(found)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    picture(tmp_path / "a.png")
    found = find_inputs([tmp_path / "pipe.png", tmp_path])
    assert len(sources(found)) == 1
    assert "neither a file nor a folder" in errors(found)[str(tmp_path / "pipe.png")]


def test_a_very_deep_tree_is_searched(tmp_path):
    folder = tmp_path
    for _ in range(300):
        folder = folder / "d"
        folder.mkdir()
    path = picture(folder / "x.png")
    assert sources(find_inputs([tmp_path])) == [path]


def test_results_of_earlier_runs_are_no_inputs(tmp_path):
    path = picture(tmp_path / "a.png")
    picture(tmp_path / "out" / "a-12345678" / "overlay.png")
    (tmp_path / "out" / "a-12345678" / MARKER).write_text("{}")
    picture(tmp_path / "results" / "x.png")
    found = find_inputs([tmp_path], tmp_path / "results")
    assert sources(found) == [path]
    assert found.summary() == "2 folders with results passed over"


def test_references_that_cannot_be_used_are_an_error_of_the_call(tmp_path):
    with pytest.raises(UsageError, match="no such file"):
        list_inputs([picture(tmp_path / "a.png"), tmp_path / "missing"])
    assert len(list_inputs([tmp_path])) == 1


def test_every_series_of_a_tree_is_an_input(tmp_path):
    series(tmp_path / "p1" / "st1" / "se1", study="1.1")
    series(tmp_path / "p1" / "st1" / "se2", 6, study="1.1")
    series(tmp_path / "p1" / "st2" / "se1", 5, study="1.2")
    series(tmp_path / "p2" / "st1" / "se1", 3, study="2.1")
    found = find_inputs([tmp_path])
    assert counts(found) == [4, 6, 5, 3]
    assert sources(found)[0] == tmp_path / "p1" / "st1" / "se1"
    assert counts(find_inputs([tmp_path / "p1"])) == [4, 6, 5]
    assert [[one.about for one in group] for group in found.groups.values()] == [["CT, 4 images", "CT, 6 images"]]


def test_files_of_a_series_given_one_by_one_are_one_input(tmp_path):
    paths = series(tmp_path / "in", 5)
    found = find_inputs([paths[3], *paths])
    assert counts(found) == [5]
    assert sources(found) == [tmp_path / "in"]


def test_a_series_that_lies_in_two_folders_is_one_and_two_series_in_one_folder_are_two(tmp_path):
    first = series(tmp_path / "a", 6, uid="1.5.1")
    (tmp_path / "b").mkdir()
    for path in first[3:]:
        path.rename(tmp_path / "b" / path.name)
    series(tmp_path / "mixed", 3, uid="1.5.2")
    for path in series(tmp_path / "more", 4, uid="1.5.3"):
        path.rename(tmp_path / "mixed" / f"more{path.name}")
    assert counts(find_inputs([tmp_path])) == [6, 3, 4]


def test_series_are_chosen_by_uid_and_by_name(tmp_path):
    series(tmp_path / "a", 3, uid="1.6.1")
    series(tmp_path / "b", 4, uid="1.6.2")
    (group,) = find_inputs([tmp_path]).groups.values()
    for choice in ("1.6.2", group[1].name):
        found = find_inputs([tmp_path], series=[choice])
        assert counts(found) == [4]
        assert found.summary() == "1 series that was not chosen passed over"
    with pytest.raises(UsageError, match=rf"--series 9\.9: there is no such series here; there are {group[0].name}"):
        find_inputs([tmp_path], series=["9.9"])


def test_identical_files_are_left_out_with_a_note_and_other_content_under_one_uid_is_another_study(tmp_path):
    series(tmp_path / "a", 4, uid="1.7.1")
    shutil.copytree(tmp_path / "a", tmp_path / "copy")
    found = find_inputs([tmp_path])
    assert counts(found) == [4]
    assert found.inputs[0].notes == ("4 identical images were met twice",)
    series(tmp_path / "other", 4, uid="1.7.1", tone=40)
    found = find_inputs([tmp_path])
    assert counts(found) == [4, 4]
    assert [one.files[0].parent.name for one in found.inputs] == ["a", "other"]
    assert all("other images" in one.notes[-1] for one in found.inputs)


def test_one_instance_uid_for_all_slices_is_still_one_series(tmp_path):
    series(tmp_path / "a", 6, SOPInstanceUID="1.8.8")
    assert counts(find_inputs([tmp_path])) == [6]


def test_a_series_uid_for_each_slice_is_joined_by_geometry_with_a_note(tmp_path):
    from looktwice import modalities

    series(tmp_path / "a", 6, SeriesInstanceUID=lambda number: f"1.9.{number}")
    (one,) = find_inputs([tmp_path]).inputs
    assert "joined by frame of reference and geometry" in one.notes[0]
    assert modalities.open(one.source, **one.options).scan.voxels.shape == (32, 32, 6)


def test_objects_without_an_image_are_counted_unless_they_are_all_there_is(tmp_path):
    series(tmp_path / "a", 3)
    path = report(tmp_path / "report.dcm")
    found = find_inputs([tmp_path])
    assert counts(found) == [3]
    assert found.summary() == "1 DICOM objects without an image passed over"
    assert "nothing to inspect" in errors(find_inputs([path]))[str(path)]


@pytest.mark.parametrize("name", ["DICOMDIR", "dicomdir", "DIRFILE"])
def test_a_dicomdir_stands_for_what_it_names_in_whatever_case(tmp_path, name):
    paths = series(tmp_path / "pat" / "ser", 4)
    path = directory(tmp_path / name, paths, capitals=True)
    series(tmp_path / "not named", 3, uid="1.10.1")
    assert counts(find_inputs([path])) == [4]
    assert sorted(counts(find_inputs([tmp_path]))) == [3, 4]
    assert not errors(find_inputs([tmp_path]))


def test_files_that_a_dicomdir_names_and_that_are_missing_are_a_failure(tmp_path):
    paths = series(tmp_path / "ser", 4)
    path = directory(tmp_path / "DICOMDIR", paths)
    paths[1].unlink()
    found = find_inputs([path])
    assert "1 files that this DICOMDIR names are missing" in errors(found)[str(path)]
    assert counts(found) == [3]


def test_a_zip_is_searched_and_its_dicom_read_where_it_is(tmp_path):
    series(tmp_path / "ser", 4, uid="1.11.1")
    series(tmp_path / "ser2", 3, uid="1.11.2")
    picture(tmp_path / "photo.png")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for path in [*sorted(tmp_path.rglob("IM*")), tmp_path / "photo.png"]:
            archive.write(path, path.relative_to(tmp_path))
        archive.writestr("readme.txt", "words")
    found = find_inputs([tmp_path / "all.zip"])
    assert [len(one.options["series"].files) for one in found.inputs if one.kind == "volume"] == [4, 3]
    assert [str(one) for one in found.inputs if one.kind == "image"] == [str(tmp_path / "all.zip" / "photo.png")]
    assert found.summary() == "1 other file passed over"


def test_a_damaged_zip_is_named(tmp_path):
    path = tmp_path / "all.zip"
    path.write_bytes(b"PK\x03\x04 damaged")
    picture(tmp_path / "a.png")
    assert "damaged" in errors(find_inputs([tmp_path]))[str(path)]


def test_a_damaged_header_costs_one_file(tmp_path):
    paths = series(tmp_path / "a", 4)
    paths[0].write_bytes(paths[0].read_bytes()[:132] + b"\xff" * 4000)
    found = find_inputs([tmp_path])
    assert counts(found) == [3]
    assert "the DICOM header is damaged" in errors(found)[str(paths[0])]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["png", "nii", "txt", "bad.png", "dir/png", "dir/dir/nii"]), min_size=1, max_size=8))
def test_every_file_is_an_input_a_failure_or_counted(tmp_path_factory, names):
    root = tmp_path_factory.mktemp("tree")
    for number, name in enumerate(names):
        folder, kind = (root / name).parent, name.rsplit("/", 1)[-1]
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{number}.{kind}"
        if kind == "png":
            picture(path, number)
        elif kind == "nii":
            volume(path)
        else:
            path.write_text("words")
    found = find_inputs([root])
    usable = sum(name.rsplit("/", 1)[-1] in ("png", "nii") for name in names)
    assert len(sources(found)) == usable
    assert len(errors(found)) == names.count("bad.png") + (usable + names.count("bad.png") == 0)
    assert found.passed_over["other files"] == names.count("txt")
