"""An object's own reflections and rotations: what each place looks like where the object should repeat itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

FloatArray = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float64]

# Angles of the rotations that are tried about each principal axis; the last has no small fold and is only met by
# bodies of revolution.
_ANGLES = (np.pi, np.pi / 2, 2 * np.pi / 3, np.pi / 3, 2 * np.pi / 5, 1.0)
# Elements that candidates are compared by, and that the best are refined by.
_FEW, _MANY = 400, 1500
_STEPS = 6
# Damage and what it removed must not turn a symmetry: the worst part is left out of the fit.
_TRIM = 0.75


@dataclass(frozen=True)
class Symmetry:
    """One reflection or rotation that nearly maps a surface to itself.

    Attributes
    ----------
    partner : int64, shape (M,)
        The element that each element is mapped to.
    distance : float32, shape (M,)
        From the image of each element to the surface there, along its normal, in the unit of the points.
    misfit : float
        Distance that three quarters of the elements keep below.

    Examples
    --------
    >>> bar = np.array([(x, y, 0) for x in np.linspace(-2, 2, 41) for y in np.linspace(-1, 1, 21)], np.float32)
    >>> corner = (bar[:, 0] > 1.5) & (bar[:, 1] > 0.5)
    >>> bar[corner, 2] = 0.5  # bent up
    >>> best = find_symmetries(bar, np.tile(np.float32((0, 0, 1)), (len(bar), 1)), np.eye(3, dtype=np.float32))[0]
    >>> round(best.misfit, 2), round(float(best.distance[corner].mean()), 2)
    (0.0, 0.5)
    """

    partner: npt.NDArray[np.int64]
    distance: FloatArray
    misfit: float


def find_symmetries(points: FloatArray, normals: FloatArray, axes: FloatArray, most: int = 3) -> list[Symmetry]:
    """Return the symmetries that fit a surface best, the best first.

    Reflections across and rotations about the principal axes are tried, the best are refined by trimmed point-to-plane
    ICP (Chen and Medioni 1992; Chetverikov et al. 2002).

    Parameters
    ----------
    points, normals : float32, shape (M, 3)
        Evenly spread elements of the surface.
    axes : float32, shape (3, 3)
        Rows are the object's principal axes.
    most : int
        How many to return.
    """
    tree = cKDTree(points)
    centre = points.mean(axis=0, dtype=np.float64)
    few, many = (np.arange(0, len(points), max(1, len(points) // count)) for count in (_FEW, _MANY))
    moves = [(turn, centre - turn @ centre) for turn in _candidates(axes.astype(np.float64))]
    misfits = [_trimmed(tree.query(_moved(points[few], move))[0]) for move in moves]
    best = [moves[index] for index in np.argsort(misfits, kind="stable")[:most]]
    found = [_measure(points, normals, tree, _refined(points, normals, tree, many, move)) for move in best]
    return sorted(found, key=lambda symmetry: symmetry.misfit)


def _candidates(axes: Matrix) -> list[Matrix]:
    mirrors = [np.eye(3) - 2 * np.outer(axis, axis) for axis in axes]
    return mirrors + [_rotation(axis, angle) for axis in axes for angle in _ANGLES]


def _rotation(axis: Matrix, angle: float) -> Matrix:
    """Rodrigues' formula."""
    cross = np.array(((0, -axis[2], axis[1]), (axis[2], 0, -axis[0]), (-axis[1], axis[0], 0)))
    turn: Matrix = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return turn


def _moved(points: npt.NDArray[np.floating], move: tuple[Matrix, Matrix]) -> Matrix:
    moved: Matrix = points @ move[0].T + move[1]
    return moved


def _trimmed(distance: npt.NDArray[np.floating]) -> float:
    return float(np.quantile(np.abs(distance), _TRIM))


def _refined(
    points: FloatArray, normals: FloatArray, tree: cKDTree, chosen: npt.NDArray[np.intp], move: tuple[Matrix, Matrix]
) -> tuple[Matrix, Matrix]:
    for _ in range(_STEPS):
        image = _moved(points[chosen], move)
        near, partner = tree.query(image)
        kept = near <= np.quantile(near, _TRIM)
        image, target, normal = image[kept], points[partner[kept]], normals[partner[kept]].astype(np.float64)
        system = np.concatenate([np.cross(image, normal), normal], axis=1)
        gap = ((target - image) * normal).sum(axis=1)
        # A body of revolution leaves a turn undetermined: the shortest step is taken.
        step = np.linalg.lstsq(system, gap, rcond=1e-4)[0]
        angle = float(np.linalg.norm(step[:3]))
        turn = _rotation(step[:3] / max(angle, 1e-12), angle)
        move = (turn @ move[0], turn @ move[1] + step[3:])
    return move


def _measure(points: FloatArray, normals: FloatArray, tree: cKDTree, move: tuple[Matrix, Matrix]) -> Symmetry:
    image = _moved(points, move)
    near, partner = tree.query(image)
    along = np.abs(((image - points[partner]) * normals[partner]).sum(axis=1))
    # Beyond the rim of what is missing the nearest element lies sideways; elsewhere elements merely interlace.
    interlaced = 0.75 * float(np.median(near)) / 0.5
    sideways = np.sqrt(np.maximum(near**2 - along**2, 0))
    distance = np.hypot(along, np.maximum(sideways - 2 * interlaced, 0)).astype(np.float32)
    return Symmetry(np.asarray(partner, np.int64), distance, _trimmed(distance))
