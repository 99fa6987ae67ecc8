"""Text tables of points: every way in which instruments and programs write them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from looktwice.core.errors import InputError
from looktwice.modalities.pointclouds.reading import read_cloud
from looktwice.modalities.pointclouds.recognise import cloud_format

POINTS = np.round(np.random.default_rng(0).normal(size=(60, 3)) * 9 + (448262.1234, 5411936.5678, 512.25), 4)


def rows(points=POINTS, separator=" ", more=""):
    return "".join(separator.join(f"{value:.4f}" for value in point) + more + "\n" for point in points)


CASES = {
    "plain.txt": rows(),
    "plain.asc": rows(),
    "no_final_line_end.xyz": rows()[:-1],
    "hash.xyz": "# x y z\n" + rows(),
    "blank_end.xyz": rows() + "\n \n",
    "comment_inside.xyz": rows(POINTS[:20]) + "# second scan\n" + rows(POINTS[20:]),
    "names.xyz": "x y z\n" + rows(),
    "names.pts": "x y z\n" + rows(),
    "names.csv": "X,Y,Z,Intensity\n" + rows(separator=",", more=",1"),
    "quoted.csv": '"X","Y","Z"\n' + rows(separator=","),
    "units.csv": "X [m];Y [m];Z [m]\n" + rows(separator=";"),
    "paraview.csv": '"Points:0","Points:1","Points:2"\n' + rows(separator=","),
    "survey.csv": "Easting,Northing,Height\n" + rows(separator=","),
    "cloudcompare.asc": "//X Y Z Intensity\n" + rows(more=" 1"),
    "count.txt": f"//X Y Z\n{len(POINTS)}\n" + rows(),
    "bom.csv": b"\xef\xbb\xbf" + rows(separator=",").encode(),
    "utf16.txt": rows().encode("utf-16"),
    "utf16_without_mark.txt": rows().encode("utf-16-le"),
    "long_header.txt": "# a setting: its value\n" * 500 + rows(),
    "label.xyz": rows(more=" ground"),
    "tabs.txt": rows(separator="\t"),
    "crlf.txt": rows().replace("\n", "\r\n"),
    "no_count.pts": rows(more=" 0.5"),
    "two_scans.pts": "20\n" + rows(POINTS[:20]) + "40\n" + rows(POINTS[20:]),
    "decimal_comma.csv": rows(separator=";").replace(".", ","),
    "decimal_comma.txt": rows(separator=" ").replace(".", ","),
}


@pytest.mark.parametrize("name", CASES)
def test_every_point_is_read_in_order_and_to_the_last_digit(folder, name):
    content = CASES[name]
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    cloud = read_cloud(path)
    assert cloud.points.dtype == np.float64
    np.testing.assert_array_equal(cloud.points, POINTS)


def test_columns_are_found_by_their_names(folder):
    table = np.column_stack([np.arange(60), POINTS[:, ::-1], np.full((60, 3), (200, 30, 20))])
    path = folder / "named.csv"
    path.write_text("id,z,y,x,red,green,blue\n" + "".join(",".join(f"{v:.4f}" for v in row) + "\n" for row in table))
    cloud = read_cloud(path)
    np.testing.assert_array_equal(cloud.points, POINTS)
    assert cloud.colours.tolist() == [[200, 30, 20]] * 60


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", rows(separator=";").replace(".", ","), "decimal points"),
        ("b.xyz", rows(more=" 7 8"), "does not name its 5 columns"),
        ("c.pts", "20\n" + rows(POINTS[:20]) + "40\n" + rows(POINTS[20:]), "contains 2 scans"),
    ],
)
def test_what_is_assumed_is_said(folder, name, content, said):
    (folder / name).write_text(content)
    assert said in " ".join(read_cloud(folder / name).notes)


def test_empty_cells_are_points_that_were_not_measured(folder):
    (folder / "gaps.csv").write_text("x,y,z\n1,2,3\n4,,6\n7,8,nan\n1,0,1\n")
    assert read_cloud(folder / "gaps.csv").valid.tolist() == [True, False, False, True]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("short.pts", "61\n" + rows(), "announces 61 points, 60 follow"),
        ("short_second.pts", "20\n" + rows(POINTS[:20]) + "41\n" + rows(POINTS[20:]), "announces 41 points, 40"),
        ("more.pts", "59\n" + rows(), "announces 59 points, 60 follow"),
        ("cut.xyz", rows(more=" 5")[:-3], "middle of a row"),
        ("word.xyz", rows() + "one two three\n", "row 61"),
    ],
)
def test_less_than_it_says_is_an_error(folder, name, content, message):
    (folder / name).write_text(content)
    with pytest.raises(InputError, match=message):
        read_cloud(folder / name)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("scores.csv", "category,label,score\n1,2,3\n"),
        ("molecule.xyz", "2\nwater\nO 0 0 0\nH 1 0 0\n"),
        ("notes.txt", "v for victory\n1 2 three\n"),
        ("utf16.txt", "only words, no numbers\n".encode("utf-16")),
    ],
)
def test_other_texts_are_no_clouds(folder, name, content):
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert cloud_format(folder / name) is None


@settings(max_examples=40, deadline=None)
@given(
    values=st.lists(st.tuples(*[st.floats(-1e9, 1e9)] * 3), min_size=1, max_size=8),
    separator=st.sampled_from([" ", ",", ";", "\t", ", "]),
    named=st.booleans(),
)
def test_a_table_gives_back_the_doubles_that_were_written(tmp_path_factory, values, separator, named):
    path = tmp_path_factory.mktemp("table") / "t.csv"
    lines = [separator.join(repr(value) for value in row) for row in values]
    path.write_text("\n".join([*([separator.join("xyz")] if named else []), *lines]))
    np.testing.assert_array_equal(read_cloud(path).points, np.array(values))
