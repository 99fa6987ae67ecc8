"""Other scans of the same anatomy, so that one template gives many normal cases."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from looktwice.datasets.synthesis.noise import slow_field
from looktwice.datasets.synthesis.volumes.anatomy import Anatomy


def vary_scan(rng: np.random.Generator, anatomy: Anatomy) -> Anatomy:
    """Return the scan of another head on another day.

    Turned by up to some 4°, scaled by up to 4 %, warped slowly by up to some 2 mm; with a coil's slow shading, another
    contrast, and noise. Where the background is padding it stays so.
    """
    volume, tissue = anatomy.volume, anatomy.tissue
    size, shape = np.asarray(anatomy.spacing), volume.shape
    matrix = Rotation.from_rotvec(np.deg2rad(rng.normal(0, 1.5, 3))).as_matrix() @ np.diag(rng.uniform(0.96, 1.04, 3))
    matrix = np.diag(1 / size) @ matrix @ np.diag(size)
    middle = (np.array(shape) - 1) / 2
    cell = max(min(anatomy.voxels(60)), 4.0)
    i, j, k = (np.arange(count, dtype=np.float32) - at for count, at in zip(shape, middle, strict=True))
    grid = i[:, None, None], j[:, None], k
    places = np.stack([sum(np.float32(matrix[axis, other]) * grid[other] for other in range(3)) for axis in range(3)])
    for axis in range(3):
        places[axis] += np.float32(middle[axis]) + np.float32(rng.uniform(0.3, 1.0) / size[axis]) * slow_field(
            rng, shape, cell
        )
    floor = volume.min()
    moved = ndimage.map_coordinates(volume, places, order=1, mode="constant", cval=float(floor)).astype(np.float32)
    inside = ndimage.map_coordinates(tissue.astype(np.float32), places, order=1) > 0.5
    # Shading and noise act on what is measured, counted from the air.
    air = np.float32(min(float(floor), 0.0) if floor > -300 else -1000.0)
    shading = 1 + np.float32(rng.uniform(0, 0.05)) * slow_field(rng, shape, cell * 1.5)
    top = np.float32(np.percentile(moved[inside], 99) - air)
    signal = np.clip((moved - air) / top, 0, None)
    if floor > -300:
        signal = signal ** np.float32(np.exp(rng.normal(0, 0.12))) * shading
    noise = rng.standard_normal(shape, dtype=np.float32) * np.float32(rng.uniform(0.05, 0.25) * anatomy.spread)
    varied = np.where(moved > floor, signal * top + air + noise, moved).astype(np.float32)
    return Anatomy.of(varied, anatomy.spacing, np.asarray(inside))
