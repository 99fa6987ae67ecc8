"""Inputs of every kind: opened, shown as views, and the way back from view maps to native space.

Each kind is a folder that assigns an `ADAPTER` (`base.Adapter`) and is found by its name.
"""

from __future__ import annotations

from looktwice.core.study import Modality, NativeMap, Region, Study, View
from looktwice.modalities.base import Adapter
from looktwice.modalities.finding import find_inputs
from looktwice.modalities.opening import adapter_named, detect, exports, kinds
from looktwice.modalities.opening import open_study as open

__all__ = [
    "Adapter",
    "Modality",
    "NativeMap",
    "Region",
    "Study",
    "View",
    "adapter_named",
    "detect",
    "exports",
    "find_inputs",
    "kinds",
    "open",
]
