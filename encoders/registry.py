"""The encoders by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from looktwice.core.errors import UsageError
from looktwice.encoders.base import VisionEncoder


def _efficientnet_lite0(**options: Any) -> VisionEncoder:
    from looktwice.encoders.efficientnet import EfficientNetLite0

    return EfficientNetLite0(**options)


def _dinov2_small(**options: Any) -> VisionEncoder:
    from looktwice.encoders.dinov2 import DinoV2Small

    return DinoV2Small(**options)


def _siglip(**options: Any) -> VisionEncoder:
    from looktwice.encoders.siglip import SiglipEncoder

    return SiglipEncoder(**options)


ENCODERS: dict[str, Callable[..., VisionEncoder]] = {
    "efficientnet_lite0": _efficientnet_lite0,
    "dinov2_small": _dinov2_small,
    "siglip-so400m-384": _siglip,
}


def create_encoder(name: str, **options: Any) -> VisionEncoder:
    """Build an encoder with its weights, frozen and in evaluation mode.

    Raises
    ------
    UsageError
        No encoder of that name.
    WeightsError
        Its weights cannot be had.
    """
    if name not in ENCODERS:
        raise UsageError(f"no encoder is called {name!r}; there are {', '.join(sorted(ENCODERS))}")
    return ENCODERS[name](**options)
