"""The geometry network: from the shape features of a surface element to a logit for "damaged"."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from looktwice.core.atomic import atomic_path
from looktwice.core.calibration import Calibration
from looktwice.core.errors import WeightsError

FloatArray = npt.NDArray[np.float32]

# Standardised features are clipped to this range, so that values never seen in training have a limited effect.
FEATURE_RANGE = 4.0


@dataclass(frozen=True)
class GeometryNetwork:
    """A multilayer perceptron on standardised features, evaluated in NumPy.

    Attributes
    ----------
    features : tuple of str
        Names of the inputs, in order.
    middle, spread : float32, shape (F,)
        Median of each feature over the training data, and the distance between its 10th and 90th percentile.
    layers : tuple of (float32 (out, in), float32 (out,))
        Weight and bias; SiLU between layers, one output.
    calibration : Calibration
        Fitted on the undamaged training clouds, each scored by a network that was trained without its shape.

    Examples
    --------
    A network of one layer, which finds rough places damaged:

    >>> middle, spread = np.zeros(1, np.float32), np.ones(1, np.float32)
    >>> layers = ((np.array([[2.0]], np.float32), np.array([-1.0], np.float32)),)
    >>> network = GeometryNetwork(("roughness",), middle, spread, layers)
    >>> network.logits({"roughness": np.array([0.0, 1.5, 99.0], np.float32)}).tolist()
    [-1.0, 2.0, 7.0]
    """

    features: tuple[str, ...]
    middle: FloatArray
    spread: FloatArray
    layers: tuple[tuple[FloatArray, FloatArray], ...]
    calibration: Calibration = field(default_factory=Calibration)

    def standardise(self, features: Mapping[str, FloatArray]) -> FloatArray:
        """Return the standardised, clipped features of M elements, shape (M, F)."""
        rows = np.stack([features[name] for name in self.features], axis=1)
        inputs: FloatArray = np.clip((rows - self.middle) / self.spread, -FEATURE_RANGE, FEATURE_RANGE).astype(
            np.float32
        )
        return inputs

    def logits(self, features: Mapping[str, FloatArray]) -> FloatArray:
        """Return the logit of each element, shape (M,)."""
        values = self.standardise(features)
        for weight, bias in self.layers[:-1]:
            values = values @ weight.T + bias
            values *= expit(values)
        weight, bias = self.layers[-1]
        logits: FloatArray = (values @ weight.T + bias)[:, 0]
        return logits

    def save(self, path: Path) -> None:
        """Write the network as one safetensors file."""
        from safetensors.numpy import save_file

        tensors = {"middle": self.middle, "spread": self.spread}
        for number, (weight, bias) in enumerate(self.layers):
            tensors |= {f"{number}.weight": np.ascontiguousarray(weight), f"{number}.bias": bias}
        with atomic_path(path) as temporary:
            said = {"features": json.dumps(self.features), "calibration": json.dumps(asdict(self.calibration))}
            save_file(tensors, temporary, said)


def load_network(path: Path) -> GeometryNetwork:
    """Read a network from its safetensors file.

    Raises
    ------
    WeightsError
        The file is missing or is not a geometry network.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
            said = file.metadata() or {}
        features = tuple(json.loads(said["features"]))
        calibration = Calibration(**json.loads(said["calibration"]))
        layers = tuple((tensors[f"{n}.weight"], tensors[f"{n}.bias"]) for n in range((len(tensors) - 2) // 2))
        return GeometryNetwork(features, tensors["middle"], tensors["spread"], layers, calibration)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path} is not a geometry network: {error}") from error


@cache
def shipped_network() -> GeometryNetwork:
    """Return the network that ships with the package; it needs no encoder, so every model uses it."""
    with resources.as_file(resources.files("looktwice.weights") / "geometry" / "head.safetensors") as path:
        return load_network(path)
