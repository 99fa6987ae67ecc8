"""Inputs of every kind: opened, shown as views, and the way back from view maps to native space."""

from __future__ import annotations

from looktwice.core.study import Modality, NativeMap, Region, Study, View
from looktwice.modalities.opening import detect, expand
from looktwice.modalities.opening import open_study as open

__all__ = ["Modality", "NativeMap", "Region", "Study", "View", "detect", "expand", "open"]
