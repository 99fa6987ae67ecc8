"""Layouts of PLY, PCD, STL, OFF, OBJ and glTF that libraries misread: all of the file, or an error."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest

from looktwice.core.errors import InputError
from looktwice.modalities.pointclouds.reading import read_cloud
from looktwice.modalities.pointclouds.study import CloudStudy

P = np.array([[0, 0, 0], [2, 0, 0], [2, 1, 0], [0, 1, 0], [1, 0.5, 3]], np.float32)
UTM = np.array([448262.1234, 0, 0])
F = np.array([[0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4], [0, 2, 1], [0, 3, 2]])
XYZ = "property float x\nproperty float y\nproperty float z\n"


def lines(values, form="%.9g"):
    return "".join(" ".join(form % value for value in row) + "\n" for row in values)


def ply(order, kind="float", faces="", body=b"", end="\n"):
    head = f"ply\nformat {order} 1.0\nelement vertex 5\n{XYZ.replace('float', kind)}{faces}end_header{end}"
    return head.encode() + body


LIST = "element face 6\nproperty list uchar int vertex_indices\n"
TRIANGLES = lines(np.c_[np.full(6, 3), F], "%d")
ROWS = b"".join(struct.pack(">B3i", 3, *face) for face in F)


@pytest.mark.parametrize(
    ("content", "faces"),
    [
        (ply("binary_little_endian", body=P.astype("<f4").tobytes(), end="\r\n"), None),
        (ply("binary_little_endian", "short", body=P.astype("<i2").tobytes()), None),
        (ply("binary_big_endian", "double", LIST, P.astype(">f8").tobytes() + ROWS), F),
        (ply("ascii", "float", LIST, (lines(P) + TRIANGLES).encode()), F),
        (ply("ascii", "float", LIST, (lines(P) + TRIANGLES.replace("\n", " 9 1 1 1\n")).encode()), F),
        (ply("ascii", body=lines(P).encode()).replace(b"float x", b"float X"), None),
        (ply("ascii", body=lines(P).encode()).replace(b"\n", b"\r\n"), None),
    ],
)
def test_ply_layouts(folder, content, faces):
    expected = P.astype(np.int16) if b" short " in content else P
    (folder / "a.ply").write_bytes(content)
    cloud = read_cloud(folder / "a.ply")
    np.testing.assert_array_equal(cloud.points, expected)
    assert (cloud.faces is None) if faces is None else np.array_equal(cloud.faces, faces)


def test_ply_strips_and_polygons_of_several_lengths(folder):
    strip = struct.pack("<i7i", 7, 0, 1, 4, 2, -1, 3, 0)
    element = "element tristrips 1\nproperty list int int vertex_indices\n"
    (folder / "s.ply").write_bytes(ply("binary_little_endian", "float", element, P.tobytes() + strip))
    assert read_cloud(folder / "s.ply").faces.tolist() == [[0, 1, 4], [4, 1, 2]]
    mixed = struct.pack("<B3iB4iB3i", 3, 0, 1, 4, 4, 0, 1, 2, 3, 3, 2, 3, 4)
    content = ply("binary_little_endian", "float", LIST.replace("6", "3"), P.tobytes() + mixed)
    (folder / "m.ply").write_bytes(content)
    assert read_cloud(folder / "m.ply").faces.tolist() == [[0, 1, 4], [0, 1, 2], [0, 2, 3], [2, 3, 4]]


def pcd(fields, sizes, kinds, counts, form, body, points=5):
    return (
        f"VERSION 0.7\nFIELDS {fields}\nSIZE {sizes}\nTYPE {kinds}\nCOUNT {counts}\nWIDTH {points}\nHEIGHT 1\n"
        f"VIEWPOINT 0 0 0 1 0 0 0\nPOINTS {points}\nDATA {form}\n"
    ).encode() + body


PADDED = b"".join(struct.pack("<3f4xf2xH", *point, 3.0, 7) for point in P)


def test_pcd_with_padding_integers_and_colours(folder):
    padded = pcd("x y z _ intensity _ ring", "4 4 4 1 4 1 2", "F F F U F U U", "1 1 1 4 1 2 1", "binary", PADDED)
    (folder / "a.pcd").write_bytes(padded)
    np.testing.assert_array_equal(read_cloud(folder / "a.pcd").points, P)
    (folder / "b.pcd").write_bytes(pcd("x y z", "4 4 4", "I I I", "1 1 1", "ascii", lines(P * 2, "%d").encode()))
    np.testing.assert_array_equal(read_cloud(folder / "b.pcd").points, P * 2)
    colour = np.full(5, 200 << 16 | 30 << 8 | 20, "<u4").view("<f4")
    body = np.c_[P, colour].astype("<f4").tobytes()
    (folder / "c.pcd").write_bytes(pcd("x y z rgb", "4 4 4 4", "F F F F", "1 1 1 1", "binary", body))
    assert read_cloud(folder / "c.pcd").colours.tolist() == [[200, 30, 20]] * 5


def test_compressed_pcd_is_what_open3d_wrote(make, folder):
    import open3d as o3d

    points = np.round(make.ball(400), 2).astype(np.float32)
    cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(points.astype(float)))
    o3d.io.write_point_cloud(str(folder / "c.pcd"), cloud, compressed=True)
    assert b"binary_compressed" in (folder / "c.pcd").read_bytes()[:400]
    np.testing.assert_array_equal(read_cloud(folder / "c.pcd").points, points)


OFF_BODY = lines(P) + TRIANGLES


@pytest.mark.parametrize(
    "head", ["OFF\n5 6 0\n", "OFF5 6 0\n", "OFF 5 6 0\n", "# made by hand\n\nOFF\n# counts\n5 6\n"]
)
def test_off_headers(folder, head):
    (folder / "a.off").write_text(head + OFF_BODY)
    cloud = read_cloud(folder / "a.off")
    np.testing.assert_array_equal(cloud.points, P)
    assert np.array_equal(cloud.faces, F)


def test_off_may_be_points_only_and_coloured(folder):
    (folder / "a.off").write_text("COFF\n5 0 0\n" + lines(np.c_[P, np.full((5, 4), (200, 30, 20, 255))]))
    cloud = read_cloud(folder / "a.off")
    assert cloud.faces is None
    assert cloud.colours.tolist() == [[200, 30, 20]] * 5


OBJ_V, OBJ_F = "".join(f"v {x:g} {y:g} {z:g}\n" for x, y, z in P), "".join(f"f {a} {b} {c}\n" for a, b, c in F + 1)


@pytest.mark.parametrize(
    "content",
    [
        OBJ_V.replace("v ", "v\t") + OBJ_F,
        OBJ_V.replace("v ", " v ") + OBJ_F.replace("f ", " f "),
        OBJ_V + OBJ_F.replace(" ", " \\\n ", 1),
        "# licence\n" * 1000 + OBJ_V + OBJ_F,
        "vn 0 0 1\n" * 1000 + OBJ_V + OBJ_F,
        OBJ_V.replace("\n", " 200 30 20\n") + OBJ_F,
    ],
)
def test_obj_layouts(folder, content):
    (folder / "a.obj").write_text(content)
    cloud = read_cloud(folder / "a.obj")
    np.testing.assert_array_equal(cloud.points, P)
    assert np.array_equal(cloud.faces, F)
    assert cloud.colours is None or cloud.colours.tolist() == [[200, 30, 20]] * 5


def test_stl_in_capitals_or_with_bytes_behind(folder):
    text = "".join("FACET NORMAL 0 0 0\nOUTER LOOP\n" + "".join("VERTEX {} {} {}\n".format(*P[k]) for k in face)
                   + "ENDLOOP\nENDFACET\n" for face in F)  # fmt: skip
    (folder / "a.stl").write_text(f"SOLID P\n{text}ENDSOLID P\n")
    facets = b"".join(struct.pack("<12fH", 0, 0, 0, *P[face].ravel(), 0) for face in F)
    (folder / "b.stl").write_bytes(b"solid x".ljust(80) + struct.pack("<I", 6) + facets + bytes(64))
    for name in "ab":
        cloud = read_cloud(folder / f"{name}.stl")
        np.testing.assert_array_equal(cloud.points[cloud.faces], P[F])
        assert len(cloud.points) == 5
    assert "64 bytes" in cloud.notes[0]


def test_quantised_and_coloured_gltf(folder):
    low, extent = P.min(axis=0), np.ptp(P, axis=0)
    positions = np.c_[np.round((P - low) / extent * 65535), np.zeros(5)].astype("<u2").tobytes()
    colours, corners = np.full((5, 4), (200, 30, 20, 255), np.uint8).tobytes(), F.astype("<u4").tobytes()
    document = {
        "asset": {"version": "2.0"}, "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "translation": (low + UTM).tolist(), "scale": extent.tolist()}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0, "COLOR_0": 2}, "indices": 1}]}],
        "buffers": [{"byteLength": len(positions + colours + corners)}],
        "bufferViews": [{"buffer": 0, "byteLength": 40, "byteStride": 8}, {"buffer": 0, "byteOffset": 60},
                        {"buffer": 0, "byteOffset": 40}],
        "accessors": [{"bufferView": 0, "componentType": 5123, "normalized": True, "count": 5, "type": "VEC3"},
                      {"bufferView": 1, "componentType": 5125, "count": 18, "type": "SCALAR"},
                      {"bufferView": 2, "componentType": 5121, "normalized": True, "count": 5, "type": "VEC4"}],
    }  # fmt: skip
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    body = positions + colours + corners
    (folder / "a.glb").write_bytes(
        b"glTF" + struct.pack("<III", 2, 28 + len(text) + len(body), len(text)) + b"JSON" + text
        + struct.pack("<I", len(body)) + b"BIN\0" + body
    )  # fmt: skip
    cloud = read_cloud(folder / "a.glb")
    np.testing.assert_allclose(cloud.points, P + UTM, rtol=0, atol=1e-4)
    assert cloud.colours.tolist() == [[200, 30, 20]] * 5


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("index.ply", ply("ascii", "float", LIST, (lines(P) + TRIANGLES.replace("3 0 1 4", "3 0 1 9")).encode())),
        ("outside.ply", b"ply\nformat ascii 1.0\nproperty float w\nelement vertex 0\nend_header\n"),
        ("index.off", ("OFF\n5 6 0\n" + OFF_BODY.replace("3 0 1 4", "3 0 1 9")).encode()),
        ("type.gltf", json.dumps({"asset": {"version": "2.0"}, "scenes": [{"nodes": [0]}], "nodes": [{"mesh": 0}],
                                  "meshes": [{"primitives": {"a": {}}}]}).encode()),
        ("huge.ply", ply("binary_little_endian").replace(b"vertex 5", b"vertex 99999999999")),
        ("huge.pcd", pcd("x y z", "4 4 4", "F F F", "1 1 1", "binary", b"", 10**12)),
        ("field.pcd", pcd("x y w", "4 4 4", "F F F", "1 1 1", "binary", P.tobytes())),
        ("short.pcd", pcd("x y z", "4 4 4", "F F F", "1 1 1", "binary", P.tobytes()[:-1])),
    ],
)  # fmt: skip
def test_contradictions_cost_one_line(folder, name, content):
    (folder / name).write_bytes(content)
    with pytest.raises(InputError, match=name) as error:
        read_cloud(folder / name)
    assert "\n" not in str(error.value)


def test_zeros_and_absurd_numbers_are_not_measured_and_said(make, folder):
    points = make.ball(300).astype(np.float64)
    points[10:20] = 0
    points[5] = 1e200
    body = points.astype("<f8").tobytes()
    head = ply("binary_little_endian", "double").replace(b"vertex 5", b"vertex 300")
    (folder / "z.ply").write_bytes(head + body)
    cloud = read_cloud(folder / "z.ply")
    assert np.flatnonzero(~cloud.valid).tolist() == [5, *range(10, 20)]
    study = CloudStudy(cloud, folder / "z.ply")
    assert study.radius < 10
    assert any("exactly (0, 0, 0)" in note and "10 points" in note for note in study.notes)


def test_one_point_at_the_origin_is_a_point(folder):
    (folder / "o.xyz").write_text("0 0 0\n1 0 0\n0 1 0\n0 0 1\n")
    assert read_cloud(folder / "o.xyz").valid.all()
