"""Anomaly-OneVision (Xu et al., CVPR 2025, arXiv 2502.07601): LLaVA-OneVision that looks twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from looktwice.core.errors import UsageError, WeightsError
from looktwice.reasoning.onevision.released import RELEASES, missing_files

if TYPE_CHECKING:
    from looktwice.encoders.base import VisionEncoder
    from looktwice.reasoning.onevision.reasoner import OneVision

ABOUT = "LLaVA-OneVision as Anomaly-OneVision uses it, for a GPU; :4bit halves the memory"
AUTHOR = "Written by a multimodal language model; the measured values below decide."
SPECS = ("onevision-0.5b[:4bit]", "onevision-7b[:4bit]")

FOUR_BIT = ":4bit"


def open(
    spec: str, *, encoder: VisionEncoder, allow_remote: bool, device: str, max_visual_tokens: int | None
) -> OneVision:
    """Load Anomaly-OneVision; nothing is fetched, as gigabytes are downloaded only where they are asked for.

    Raises
    ------
    UsageError
        `spec` is none of ``SPECS``, or 4 bits are asked for where they cannot be had.
    WeightsError
        Files are missing; the line says how to get them.
    """
    name = spec.removesuffix(FOUR_BIT)
    if name not in RELEASES:
        raise UsageError(f"{spec!r} is not a release of Anomaly-OneVision; choose from {', '.join(SPECS)}")
    release = RELEASES[name]
    missing = missing_files(name, [release.repository], release.expert)
    if missing:
        raise WeightsError(f"weights of {name} are missing: {'; '.join(missing)}")
    from looktwice.reasoning.onevision.loading import load_onevision
    from looktwice.reasoning.onevision.visual import MAX_VISUAL_TOKENS

    return load_onevision(
        release.repository,
        release.expert_path,
        device=device,
        four_bit=spec.endswith(FOUR_BIT),
        max_visual_tokens=MAX_VISUAL_TOKENS if max_visual_tokens is None else max_visual_tokens,
        author=AUTHOR,
    )
