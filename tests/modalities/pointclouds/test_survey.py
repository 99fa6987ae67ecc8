import numpy as np
import pytest

from looktwice.core.errors import InputError
from looktwice.modalities.pointclouds import is_pointcloud, survey
from looktwice.modalities.pointclouds.reading import read_cloud


def test_las(make, folder):
    laspy = pytest.importorskip("laspy")
    points = make.ball(300).astype(np.float64) * 10 + np.array((600_000, 5_000_000, 100))
    header = laspy.LasHeader(point_format=2, version="1.2")
    header.offsets, header.scales = points.min(axis=0), np.full(3, 1e-4)
    las = laspy.LasData(header)
    las.x, las.y, las.z = points.T
    las.red = np.full(300, 0xFF00, np.uint16)
    for name in ("scan.las", "scan.laz"):
        las.write(str(folder / name))
        assert is_pointcloud(folder / name)
        cloud = read_cloud(folder / name)
        np.testing.assert_allclose(cloud.points, points, rtol=0, atol=1e-4)
        assert cloud.colours[0].tolist() == [255, 0, 0]


def test_e57_scans_come_one_after_another_with_their_poses(make, folder):
    pye57 = pytest.importorskip("pye57")
    points = make.ball(200).astype(np.float64)
    path = folder / "scan.e57"
    file = pye57.E57(str(path), mode="w")
    data = dict(zip(("cartesianX", "cartesianY", "cartesianZ"), points.T.copy(), strict=True))
    half = np.sqrt(0.5)
    file.write_scan_raw(data)
    file.write_scan_raw(data, rotation=np.array((half, 0, 0, half)), translation=np.array((10.0, 0, 0)))
    file.close()
    assert is_pointcloud(path)
    cloud = read_cloud(path)
    assert cloud.unit == "m"
    np.testing.assert_allclose(cloud.points[:200], points, atol=1e-6)
    x, y, z = points.T
    np.testing.assert_allclose(cloud.points[200:], np.stack([10 - y, x, z], axis=1), atol=1e-6)


def test_without_the_extra_it_says_what_to_install(folder, monkeypatch):
    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr(survey, "import_module", absent)
    for name, magic in (("a.las", b"LASF"), ("b.e57", b"ASTM-E57")):
        (folder / name).write_bytes(magic + bytes(400))
        with pytest.raises(InputError, match=r"looktwice\[scan\]"):
            read_cloud(folder / name)


def test_truncated_las(make, folder):
    laspy = pytest.importorskip("laspy")
    las = laspy.LasData(laspy.LasHeader(point_format=0, version="1.2"))
    las.x, las.y, las.z = make.ball(300).astype(np.float64).T
    path = folder / "cut.las"
    las.write(str(path))
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(InputError, match="truncated"):
        read_cloud(path)


@pytest.mark.parametrize(("name", "magic", "package"), [("a.las", b"LASF", "laspy"), ("b.e57", b"ASTM-E57", "pye57")])
def test_damaged(folder, name, magic, package):
    pytest.importorskip(package)
    (folder / name).write_bytes(magic + bytes(400))
    with pytest.raises(InputError, match="damaged or truncated") as error:
        read_cloud(folder / name)
    assert "\n" not in str(error.value)
