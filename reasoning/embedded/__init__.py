"""The reasoner that runs on a laptop: SmolLM2-135M with a projector and an adapter trained here."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from looktwice.encoders.base import VisionEncoder
    from looktwice.reasoning.base import Reasoner

ABOUT = "a small language model on this machine, held to the measured values"
AUTHOR = "Written by a small embedded language model; the measured values below decide."

WEIGHTS = "nano/reasoner.safetensors"
"""Projector and adapter, in the package's ``weights/``."""


def open(
    spec: str, *, encoder: VisionEncoder, allow_remote: bool, device: str, max_visual_tokens: int | None
) -> Reasoner:
    """Load the embedded reasoner on the CPU; SmolLM2's weights are fetched where they are missing.

    Raises
    ------
    WeightsError
        Weights are missing, damaged, untrained or of another encoder.
    """
    from looktwice.reasoning.embedded.reasoner import MAX_VISUAL_TOKENS, load_embedded

    budget = MAX_VISUAL_TOKENS if max_visual_tokens is None else max_visual_tokens
    path = Path(str(resources.files("looktwice.weights"))) / WEIGHTS
    return load_embedded(path, encoder, max_visual_tokens=budget, author=AUTHOR)
