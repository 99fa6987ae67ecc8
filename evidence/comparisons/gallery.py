"""Which of a few normal photographs looks most like another one, and whether any does."""

from __future__ import annotations

import torch
from torch import Tensor

from looktwice.evidence.settings import DEFAULTS

# Lower bounds: of a distance before its logarithm is taken, and of the standard deviation of the logarithms.
_LEAST_DISTANCE, _LEAST_SPREAD = 1e-3, 0.1

OTHER_OBJECT_NOTE = "does not resemble any reference; check that the references show the same kind of object"


class Gallery:
    """Global descriptors of normal photographs.

    Parameters
    ----------
    descriptors : Tensor, shape (V, D)
        Of at least two.
    another_object_z : float
        Distance to the nearest, in standard deviations among them, from which a photograph shows another thing.

    Examples
    --------
    >>> gallery = Gallery(torch.eye(3))
    >>> gallery.nearest(torch.tensor([[0.1, 0.9, 0.0]]))
    (1, False)
    """

    def __init__(self, descriptors: Tensor, another_object_z: float = DEFAULTS.photographs.another_object_z) -> None:
        self._another_object_z = another_object_z
        self._descriptors = descriptors.float()
        among = torch.cdist(self._descriptors, self._descriptors).fill_diagonal_(float("inf")).amin(dim=1)
        usual = among.clamp_min(_LEAST_DISTANCE).log()
        self._mean, self._spread = usual.mean(), usual.std().clamp_min(_LEAST_SPREAD)

    def nearest(self, descriptor: Tensor) -> tuple[int, bool]:
        """Return which one is most like a photograph's descriptor (1, D), and whether that shows another thing."""
        apart = torch.cdist(descriptor.float(), self._descriptors)[0]
        strangeness = (apart.amin().clamp_min(_LEAST_DISTANCE).log() - self._mean) / self._spread
        return int(apart.argmin()), bool(strangeness > self._another_object_z)
