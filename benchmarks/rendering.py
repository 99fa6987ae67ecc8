"""Time the rendering of clouds against Open3D's bare projection, and show the memory of very large ones.

    python benchmarks/rendering.py [--points 20000 200000 1000000] [--pytorch3d] [--large 10000000]

"bare" is nine calls of ``open3d.t.geometry.PointCloud.project_to_rgbd_image`` on the same points and cameras, with
nothing before and nothing after. "views" is all that the views cost: principal axes, local density, choice of cameras,
projection, closing, normals, curvature, pictures. "lift" brings nine maps back to every point.
"""

from __future__ import annotations

import looktwice  # noqa: F401  before numpy and torch, whose idle threads it lets sleep

# isort: split
import argparse
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import open3d as o3d

from looktwice.modalities.pointclouds.cloud import Cloud
from looktwice.modalities.pointclouds.study import CloudStudy
from looktwice.modalities.pointclouds.views import VIEW_SIZE
from looktwice.modalities.rendering.cameras import Camera, place_cameras


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, nargs="+", default=[20_000, 200_000, 1_000_000])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--pytorch3d", action="store_true", help="PyTorch3D too; minutes on a CPU")
    parser.add_argument(
        "--large", type=int, default=0, help="also one cloud of this many points, once, with its memory"
    )
    options = parser.parse_args()
    backends = ["open3d", "numpy"] + ["pytorch3d"] * options.pytorch3d
    print(f"{'points':>10} {'back end':>10} {'open':>8} {'bare':>8} {'views':>8} {'ratio':>6} {'lift':>8}   (seconds)")
    for count in options.points:
        points = bumpy_ball(count)
        for backend in backends:
            report(points, backend, options.repeats)
    if options.large:
        before = peak_megabytes()
        report(bumpy_ball(options.large), "numpy", 1)
        print(f"peak memory {before:.0f} MB before, {peak_megabytes():.0f} MB after {options.large} points")


def bumpy_ball(count: int) -> np.ndarray:
    """Random points on a ball with waves, so that there is something to shade and to hide."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(count, 3)).astype(np.float32)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    points *= 1 + 0.1 * np.sin(5 * points[:, :1]) * np.cos(4 * points[:, 1:2])
    return points * np.float32((1.5, 1.0, 0.7))


def report(points: np.ndarray, backend: str, repeats: int) -> None:
    opened = best(lambda: CloudStudy(Cloud(points), Path("made"), backend=backend), repeats)
    study = CloudStudy(Cloud(points), Path("made"), backend=backend)
    cameras = place_cameras(study.surface.points, study.frame, 9, VIEW_SIZE)
    bare = best(lambda: project_bare(study.surface.points, cameras), repeats)
    views = best(
        lambda: [view.image for view in CloudStudy(Cloud(points), Path("made"), backend=backend).views()], repeats
    )
    maps = np.random.default_rng(0).random((9, 21, 21))
    list(study.views())
    lift = best(lambda: study.lift(maps), repeats)
    drawn = views - opened
    print(
        f"{len(points):>10} {backend:>10} {opened:8.3f} {bare:8.3f} {drawn:8.3f} {drawn / bare:6.2f} {lift:8.3f}",
        flush=True,
    )


def project_bare(points: np.ndarray, cameras: list[Camera]) -> None:
    """Project with Open3D alone, once per camera."""
    cloud = o3d.t.geometry.PointCloud(o3d.core.Tensor.from_numpy(points))
    cloud.point.colors = o3d.core.Tensor.from_numpy(np.zeros_like(points))
    for camera in cameras:
        extrinsics = np.eye(4)
        extrinsics[:3, :3] = camera.matrix / camera.scale
        extrinsics[2, 3] = 10.0
        intrinsics = np.array([[9 * camera.scale, 0, 168.0], [0, 9 * camera.scale, 168.0], [0, 0, 1]])
        cloud.project_to_rgbd_image(336, 336, intrinsics, extrinsics, 1.0, 100.0)


def best(action: Callable[[], object], repeats: int) -> float:
    """Return the shortest of several runs in seconds."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        action()
        times.append(time.perf_counter() - started)
    return min(times)


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
