import subprocess
import sys

import numpy as np
import open3d as o3d
import pytest
import tifffile

from looktwice.core.errors import InputError
from looktwice.modalities.pointclouds import is_pointcloud
from looktwice.modalities.pointclouds.reading import read_cloud
from looktwice.modalities.pointclouds.recognise import CloudFormat, cloud_format


def write_mesh(path, mesh, **options):
    """Write by way of an ASCII name, as not every writer of Open3D takes others."""
    plain = path.with_name(f"plain{path.suffix}")
    if path.suffix in (".glb", ".gltf"):
        o3d.t.io.write_triangle_mesh(str(plain), o3d.t.geometry.TriangleMesh.from_legacy(mesh))
    else:
        o3d.io.write_triangle_mesh(str(plain), mesh, **options)
    plain.rename(path)
    return path


@pytest.mark.parametrize("suffix", [".ply", ".obj", ".off", ".glb", ".gltf"])
def test_meshes_keep_vertices_and_faces_in_order(make, folder, suffix):
    mesh = make.torus()
    path = write_mesh(folder / f"ring ü{suffix}", mesh)
    cloud = read_cloud(path)
    assert is_pointcloud(path)
    np.testing.assert_allclose(cloud.points, np.asarray(mesh.vertices), atol=1e-5)
    np.testing.assert_array_equal(cloud.faces, np.asarray(mesh.triangles))
    assert cloud.unit == ("m" if suffix in (".glb", ".gltf") else None)


@pytest.mark.parametrize("ascii_file", [False, True])
def test_stl(make, folder, ascii_file):
    mesh = make.torus()
    mesh.compute_triangle_normals()
    path = folder / "ring.stl"
    if ascii_file:
        corners = np.asarray(mesh.vertices)[np.asarray(mesh.triangles)]
        facets = "".join(
            "facet normal 0 0 1\nouter loop\n"
            + "".join("vertex {:f} {:f} {:f}\n".format(*corner) for corner in triangle)
            + "endloop\nendfacet\n"
            for triangle in corners
        )
        path.write_text(f"solid ring\n{facets}endsolid ring\n")
    else:
        write_mesh(path, mesh)
    assert cloud_format(path) is CloudFormat.STL
    cloud = read_cloud(path)
    assert len(cloud.faces) == 1200
    np.testing.assert_allclose(np.ptp(cloud.points, axis=0), (3, 2.98, 1), atol=0.01)


@pytest.mark.parametrize("suffix", ["ply", "pcd", "xyz", "pts"])
@pytest.mark.parametrize("ascii_file", [False, True])
def test_clouds_keep_points_in_order(make, folder, suffix, ascii_file):
    points = make.ball(500)
    path = folder / f"cloud.{suffix}"
    cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(points.astype(float)))
    o3d.io.write_point_cloud(str(path), cloud, write_ascii=ascii_file)
    assert cloud_format(path) is CloudFormat(suffix)
    read = read_cloud(path)
    np.testing.assert_allclose(read.points, points, atol=1e-6)
    assert read.faces is None


def test_colours_come_as_bytes(make, folder):
    cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(make.ball(100).astype(float)))
    cloud.paint_uniform_color((1.0, 0.5, 0.0))
    o3d.io.write_point_cloud(str(folder / "c.ply"), cloud)
    colours = read_cloud(folder / "c.ply").colours
    assert colours.dtype == np.uint8
    assert np.abs(colours[0].astype(int) - (255, 127, 0)).max() <= 1


def test_text_tables_with_commas_and_comments(folder):
    path = folder / "scan.xyz"
    path.write_text("# x, y, z, intensity\n" + "".join(f"{i}.5, {i * i}, -{i}, 7\n" for i in range(9)))
    points = read_cloud(path).points
    np.testing.assert_allclose(points[3], (3.5, 9, -3))
    assert points.shape == (9, 3)


def test_obj_with_texture_seams_quads_negative_indices_and_colours(folder):
    path = folder / "quad.obj"
    path.write_text(
        "mtllib missing.mtl\nv 0 0 0 1 0 0\nv 1 0 0 0 1 0\nv 1 1 0 0 0 1\nv 0 1 0 1 1 1\n"
        "vt 0 0\nvt 1 1\nf 1/1 2/2 3/1 4/2\nf -4//1 -2//1 -1//1\n"
    )
    cloud = read_cloud(path)
    assert len(cloud.points) == 4
    assert cloud.faces.tolist() == [[0, 1, 2], [0, 2, 3], [0, 2, 3]]
    assert cloud.colours.tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]


def test_organised_tiff_keeps_pixels_that_were_not_measured(folder):
    image = np.dstack([*np.meshgrid(np.arange(1, 31), np.arange(1, 21)), np.ones((20, 30))]).astype(np.float32)
    image[5:8, 10:20] = 0
    path = folder / "xyz.tiff"
    tifffile.imwrite(path, image)
    cloud = read_cloud(path)
    assert cloud.points.shape == (600, 3)
    assert (~cloud.valid).sum() == 30
    np.testing.assert_array_equal(cloud.points[0], image[0, 0])


def test_coordinates_far_from_the_origin_keep_their_precision(folder):
    path = folder / "survey.obj"
    path.write_text("".join(f"v {600000 + i / 1000} {5000000 + i * i / 1000} 0\n" for i in range(9)))
    points = read_cloud(path).points
    assert points.dtype == np.float64
    np.testing.assert_allclose(points[3], (600000.003, 5000000.009, 0), rtol=0, atol=1e-9)


def test_other_files_are_not_claimed(folder):
    from PIL import Image

    picture = np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8)
    for suffix in ("png", "jpg", "bmp", "webp", "tif"):
        Image.fromarray(picture).save(folder / f"photo.{suffix}")
    tifffile.imwrite(folder / "depth.tif", np.ones((30, 40), np.float32))
    tifffile.imwrite(folder / "rgb16.tif", picture.astype(np.uint16))
    (folder / "volume.nii").write_bytes(b"\x5c\x01\0\0" + bytes(340) + b"n+1\0" + bytes(5000))
    (folder / "notes.txt").write_text("v for victory\n1 2 three\n")
    (folder / "scores.csv").write_text("category,label,score\n1,2,3\n")
    (folder / "settings.json").write_text('{"asset": 3}')
    (folder / "empty.ply").write_bytes(b"")
    claimed = [path.name for path in folder.iterdir() if is_pointcloud(path)]
    assert claimed == []
    assert not is_pointcloud(folder)
    assert not is_pointcloud(folder / "absent.ply")


@pytest.mark.parametrize("suffix", [".ply", ".off", ".glb", ".gltf", ".stl"])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
def test_truncated_meshes_say_so(make, folder, suffix, share):
    mesh = make.torus()
    mesh.compute_triangle_normals()
    path = write_mesh(folder / f"cut{suffix}", mesh)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(InputError, match=r"truncated|missing") as error:
        read_cloud(path)
    assert "\n" not in str(error.value)
    assert path.name in str(error.value)


@pytest.mark.parametrize("suffix", ["ply", "pcd", "pts"])
@pytest.mark.parametrize("ascii_file", [False, True])
def test_truncated_clouds_say_so(make, folder, suffix, ascii_file, capfd):
    path = folder / f"cut.{suffix}"
    cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(make.ball(2000).astype(float)))
    o3d.io.write_point_cloud(str(path), cloud, write_ascii=ascii_file)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * 0.6)])
    with pytest.raises(InputError, match="truncated"):
        read_cloud(path)
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.ply", b"ply\nformat ascii 1.0\nelement vertex 3\n"),
        ("b.ply", b"ply\nformat ascii 1.0\nelement face 0\nproperty list uchar int vertex_index\nend_header\n"),
        ("c.obj", b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 9\n"),
        ("d.obj", b"v 0 0 0\nv 1 0\nv 0 1 0\n"),
        ("e.glb", b"glTF\2\0\0\0\x10\0\0\0"),
        ("f.off", b"OFF\n3 1 0\n0 0 0\n"),
        ("g.pcd", b"# .PCD v0.7\n"),
        ("h.ply", b"ply\nformat ascii 1.0\nelement vertex 0\nproperty float x\nend_header\n"),
        ("i.xyz", b"1 2 3\n4 5\n"),
        ("j.bin", bytes(200)),
    ],
)  # fmt: skip
def test_damaged_files_cost_one_line(folder, name, content):
    (folder / name).write_bytes(content)
    with pytest.raises(InputError) as error:
        read_cloud(folder / name)
    assert "\n" not in str(error.value)
    assert name in str(error.value)


def test_asking_what_a_file_is_does_not_import_open3d(folder):
    (folder / "a.txt").write_text("no cloud")
    code = (
        "import sys; from pathlib import Path; from looktwice.modalities.pointclouds import is_pointcloud;"
        "assert not is_pointcloud(Path(sys.argv[1])); assert 'open3d' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(folder / "a.txt")], check=True, cwd=folder)


def test_missing_file(folder):
    with pytest.raises(InputError, match="no such file"):
        read_cloud(folder / "absent.ply")


def test_gltf_scene_transforms(make, folder):
    import json

    mesh = make.torus()
    path = write_mesh(folder / "moved.gltf", mesh)
    document = json.loads(path.read_text())
    document["nodes"][0] = {
        "mesh": 0,
        "translation": [10, 0, 0],
        "rotation": [0, 0, 0.70710678, 0.70710678],
        "scale": [2, 2, 2],
    }
    document["scenes"] = [{"nodes": [0]}]
    path.write_text(json.dumps(document))
    x, y, z = 2 * np.asarray(mesh.vertices).T
    np.testing.assert_allclose(read_cloud(path).points, np.stack([10 - y, x, z], axis=1), atol=1e-5)


def test_gltf_does_not_read_outside_its_folder(folder):
    (folder / "x.gltf").write_text(
        '{"asset": {"version": "2.0"}, "buffers": [{"uri": "../../etc/passwd", "byteLength": 4}],'
        ' "nodes": [], "meshes": []}'
    )
    with pytest.raises(InputError, match="outside its own folder"):
        read_cloud(folder / "x.gltf")


@pytest.mark.data
@pytest.mark.parametrize("name", ["spot.obj", "igea.ply", "beetle.obj", "nut.ply", "airplane.ply"])
def test_real_shapes_keep_their_own_vertices(data_folder, name):
    path = data_folder / "pointcloud" / "meshes" / name
    cloud = read_cloud(path)
    if name.endswith(".obj"):
        rows = [line.split()[1:4] for line in path.read_text().splitlines() if line.startswith("v ")]
        np.testing.assert_allclose(cloud.points, np.array(rows, float), rtol=1e-6, atol=1e-6)
    else:
        assert f"element vertex {len(cloud.points)}" in path.read_bytes()[:400].decode("latin-1").splitlines()
