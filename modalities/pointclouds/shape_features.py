"""What is known of each element of a surface, in numbers that pose, size and sampling do not change.

The form of the neighbourhood at several scales; how rare that form is on the object; how it differs from the place
that one of the object's own symmetries maps it to; and how all this compares with its surroundings and with the whole
object. `evidence.networks.damage` learns from synthetic damage what they mean together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from looktwice.modalities.pointclouds.neighbourhoods import Features, describe_neighbourhoods
from looktwice.modalities.pointclouds.rarity import rarity
from looktwice.modalities.pointclouds.rims import rim_distances
from looktwice.modalities.pointclouds.surfels import SCALES, Surfels, surface_elements
from looktwice.modalities.pointclouds.symmetry import Symmetry, find_symmetries
from looktwice.modalities.rendering.frame import PrincipalFrame
from looktwice.modalities.rendering.renderer import Rendering, Surface

FloatArray = npt.NDArray[np.float32]

ELEMENTS = 4000
"""About how many elements a surface is cut into."""

# What tells forms apart where they are searched for elsewhere, and where they are held against their mirror image.
_SEARCHED = tuple(f"{name}{scale}" for name in ("bump", "mean", "bend", "edge") for scale in SCALES)
_SEARCHED += ("rough16", "rough48")
_MIRRORED = ("bump16", "bump48", "bump140", "rough16", "edge48", "turn16", "misfit48")
# What is compared with its surroundings and with the whole object.
_COMPARED: tuple[str, ...] = ("rough16", "rough48", "rarity", "misfit16", "misfit48", "misfit140", "turn16", "turn48")
_COMPARED += ("mirrored", "mirrored_least", "flat16", "flat48")
# Points per element (log) beyond which a cloud counts as equally dense: 80,000 points, the most that the network was
# trained on. The samples of a mesh are more.
_DENSEST = 3.0
# Neighbours that a value is averaged over.
_NEAR = 9


def shape_features(
    surface: Surface, frame: PrincipalFrame, renderings: Sequence[Rendering]
) -> tuple[Surfels, Features]:
    """Return the elements of a surface, and what is known of each of them.

    Parameters
    ----------
    surface : Surface
    frame : PrincipalFrame
        The object's own axes.
    renderings : sequence of Rendering
        Views of the surface.

    Returns
    -------
    surfels : Surfels
    features : dict of float32, shape (M,)
        By name, always the same names in the same order.
    """
    surfels = surface_elements(surface, frame, renderings, ELEMENTS)
    features = describe_neighbourhoods(surface.points, surfels)
    features["rarity"] = _averaged(rarity(surfels.points, _searched(surfels, features)), surfels)
    features |= _asymmetry(surfels, features, find_symmetries(surfels.points, surfels.normals, frame.axes))
    features |= _compared(surfels, features)
    rims = rim_distances(surfels.points, surfels.gaps, surfels.side)
    features |= {"gap": _averaged(surfels.gaps, surfels), "rim": rims}
    whole = {
        "density": min(np.log(len(surface.points) / len(surfels.points)), _DENSEST),
        "open": np.log((rims == 0).mean() + 1e-3),
        "one_sided": float(surfels.toward is not None),
        "usual_rough": np.median(features["rough16"]),
        "usual_rarity": np.quantile(features["rarity"], 0.9),
    }
    features |= {name: np.full(len(surfels.points), value, np.float32) for name, value in whole.items()}
    return surfels, {name: np.nan_to_num(values) for name, values in features.items()}


def _averaged(values: npt.NDArray[np.floating], surfels: Surfels) -> FloatArray:
    averaged: FloatArray = values[surfels.neighbours[:, :_NEAR]].mean(axis=1).astype(np.float32)
    return averaged


def _searched(surfels: Surfels, features: Features) -> FloatArray:
    """Return descriptions whose entries have about the same spread on every object, shape (M, D)."""
    rows = np.stack([features[name] for name in _SEARCHED], axis=1)
    low, middle, high = np.quantile(rows, (0.1, 0.5, 0.9), axis=0)
    return _averaged(np.clip((rows - middle) / (high - low + 1e-3), -4, 4), surfels)


def _asymmetry(surfels: Surfels, features: Features, symmetries: list[Symmetry]) -> Features:
    """Return how far each place is from where the best symmetry maps it (log), and how its form differs there.

    ``_least`` takes the most favourable of the symmetries: the handle of a cup has no counterpart across, but has
    one in the plane through it.
    """
    distance = np.stack([symmetry.distance for symmetry in symmetries], axis=1) / surfels.side
    found = {
        "mirrored": np.log(_averaged(distance[:, 0], surfels) + 0.05),
        "mirrored_least": np.log(_averaged(distance.min(axis=1), surfels) + 0.05),
        "mirrored_most": np.log(_averaged(distance.max(axis=1), surfels) + 0.05),
        "symmetric": np.full(len(distance), np.log(symmetries[0].misfit / surfels.side + 0.05)),
    }
    for name in _MIRRORED:
        values = features[name]
        apart = np.stack([values - values[symmetry.partner] for symmetry in symmetries], axis=1)
        found[f"{name}_apart"] = _averaged(apart[:, 0], surfels)
        found[f"{name}_apart_least"] = _averaged(np.abs(apart).min(axis=1), surfels)
    return {name: values.astype(np.float32) for name, values in found.items()}


def _compared(surfels: Surfels, features: Features) -> Features:
    compared = {}
    for name in _COMPARED:
        values = features[name]
        middle, high = np.quantile(values, (0.5, 0.9))
        compared[f"{name}_for_object"] = (values - middle) / (high - middle + 0.1 * np.abs(middle) + 0.05)
        compared[f"{name}_for_place"] = values - values[surfels.neighbours].mean(axis=1)
    return {name: values.astype(np.float32) for name, values in compared.items()}
