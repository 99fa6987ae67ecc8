"""A study's folder is whole or absent, is never another input's, and the tables tell of all of them."""

from __future__ import annotations

import csv
import errno
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from looktwice.core.errors import InputError, UsageError
from looktwice.core.result import Failure
from looktwice.core.study_marker import MARKER, StudyMarker, digest, read_marker
from looktwice.report.output_folder import OutputFolder

MARK = StudyMarker(digest("/data/tile.png"), digest("/data/tile.png"), digest("pixels"), digest("nano"))


def result(study="tile-0a1b2c3d", score=0.25):
    record = {"input": "tile.png", "modality": "image", "score": score, "verdict": "normal", "regions": []}
    made = SimpleNamespace(study=study, source=Path("tile.png"))
    made.to_json = lambda: {"study": made.study, **record, "artifacts": {"report": "report.html"}}
    return made


def put(out, marker=MARK, one=None, text="first", fail=None):
    """Write a study with two files; the error `fail` comes between them."""
    one = one or result()

    def write(folder):
        (folder / "heatmap.png").write_text(text)
        if fail is not None:
            raise fail
        (folder / "report.html").write_text(text)
        (folder / "report.json").write_text(json.dumps(one.to_json()))

    with OutputFolder(out) as folder:
        folder.write(one, marker, write)
    return out / one.study


def lines(out):
    return [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]


def names(out):
    return sorted(path.name for path in out.iterdir())


def test_a_study_has_its_folder_and_a_line_in_each_table(tmp_path):
    put(tmp_path / "o")
    assert names(tmp_path / "o") == ["index.html", "results.csv", "results.jsonl", "tile-0a1b2c3d"]
    assert [(line["study"], line["score"]) for line in lines(tmp_path / "o")] == [("tile-0a1b2c3d", 0.25)]
    (row,) = csv.DictReader((tmp_path / "o" / "results.csv").open(newline=""))
    assert (row["verdict"], row["score"], row["report"]) == ("normal", "0.25", "tile-0a1b2c3d/report.html")
    assert 'href="tile-0a1b2c3d/report.html"' in (tmp_path / "o" / "index.html").read_text()


def test_the_same_input_again_replaces_its_own_folder_as_a_whole(tmp_path):
    folder = put(tmp_path)
    (folder / "left over.txt").write_text("of the first run")
    assert put(tmp_path, text="second") == folder
    assert sorted(path.name for path in folder.iterdir()) == [MARKER, "heatmap.png", "report.html", "report.json"]
    assert (folder / "report.html").read_text() == (folder / "heatmap.png").read_text() == "second"
    assert len(lines(tmp_path)) == 1


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), RuntimeError("x"), KeyboardInterrupt()]
)
def test_an_interrupted_rerun_leaves_the_earlier_folder_as_it_was(tmp_path, error):
    folder = put(tmp_path)
    with pytest.raises((InputError, KeyboardInterrupt)) as raised:
        put(tmp_path, text="second", fail=error)
    assert {path.read_text() for path in folder.glob("*.[hp][tn]*")} == {"first"}
    assert names(tmp_path) == ["index.html", "results.csv", "results.jsonl", "tile-0a1b2c3d"]
    if isinstance(error, OSError):
        assert str(raised.value) == f"{tmp_path}: the results cannot be written (No space left on device)"


def test_another_input_never_takes_a_folder_that_is_taken(tmp_path):
    first = put(tmp_path)
    other = replace(MARK, identity=digest("/data/2/tile.png"), place=digest("/data/2/tile.png"))
    second = put(tmp_path, other, text="other")
    assert second != first
    assert second.name.startswith("tile-0a1b2c3d-")
    assert put(tmp_path, other, text="other again") == second
    assert [(path / "report.html").read_text() for path in (first, second)] == ["first", "other again"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    assert put(tmp_path, one=result("mine")).name.startswith("mine-")
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_other_content_under_one_uid_from_another_place_is_another_study_and_a_moved_one_is_the_same(tmp_path):
    first = put(tmp_path)
    assert put(tmp_path, replace(MARK, place=digest("moved"))) == first
    assert put(tmp_path, replace(MARK, place=digest("elsewhere"), content=digest("others"))) != first


def test_only_what_is_whole_and_unchanged_is_kept(tmp_path):
    folder = put(tmp_path)
    with OutputFolder(tmp_path) as out:
        assert out.find_whole(MARK).record["study"] == folder.name
        for changed in ("identity", "content", "settings"):
            other = replace(
                MARK, **{changed: digest("other")}, **({"place": digest("other")} if changed == "identity" else {})
            )
            assert out.find_whole(other) is None
        (folder / "heatmap.png").write_text("cut")
        assert out.find_whole(MARK) is None


def test_what_a_killed_run_left_is_tidied_by_the_next(tmp_path):
    folder = put(tmp_path)
    (tmp_path / ".looktwice-new-1234").mkdir()
    folder.rename(tmp_path / f".looktwice-old-{folder.name}")
    with (tmp_path / "results.jsonl").open("a") as file:
        file.write('{"study": "half a li')
    with OutputFolder(tmp_path) as out:
        assert out.find_whole(MARK) is not None
    assert names(tmp_path) == ["index.html", "results.csv", "results.jsonl", folder.name]
    assert [line["study"] for line in lines(tmp_path)] == [folder.name]


def test_a_run_leaves_alone_what_another_run_is_writing(tmp_path):
    with OutputFolder(tmp_path):
        (tmp_path / ".looktwice-new-other").mkdir()
        with OutputFolder(tmp_path):
            pass
        assert (tmp_path / ".looktwice-new-other").exists()


def test_where_folders_cannot_be_exchanged_they_are_replaced_in_two_steps(tmp_path, monkeypatch):
    monkeypatch.setattr("looktwice.report.output_folder.exchange", lambda first, second: False)
    folder = put(tmp_path)
    assert (put(tmp_path, text="second") / "report.html").read_text() == "second"
    assert names(tmp_path) == ["index.html", "results.csv", "results.jsonl", folder.name]


def test_failures_of_a_run_stand_behind_all_studies_until_the_next(tmp_path):
    put(tmp_path)
    with OutputFolder(tmp_path) as out:
        out.fail(Failure("b.png", InputError("b.png: the file is empty")))
    assert [list(line) == ["input", "error"] for line in lines(tmp_path)] == [False, True]
    assert "b.png: the file is empty" in (tmp_path / "index.html").read_text()
    put(tmp_path)
    assert len(lines(tmp_path)) == 1


def test_an_output_folder_that_cannot_be_made_is_an_error_of_the_call(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"--out .*file/out: cannot be written to \(Not a directory\)"):
        OutputFolder(tmp_path / "file" / "out")


def test_a_marker_tells_nothing_of_the_input(tmp_path):
    text = (put(tmp_path) / MARKER).read_text()
    assert "tile" not in text.replace("tile-0a1b2c3d", "")
    assert read_marker(tmp_path / "tile-0a1b2c3d").content == digest("pixels")
