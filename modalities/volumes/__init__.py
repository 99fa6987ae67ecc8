"""CT and MRI volumes: reading, orientation, intensity windows, slices, and the way back to voxels."""

from looktwice.modalities.volumes.opening import open_case, open_volume
from looktwice.modalities.volumes.sniffing import is_volume

__all__ = ["is_volume", "open_case", "open_volume"]
