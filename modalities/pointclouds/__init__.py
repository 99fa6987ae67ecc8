"""Point clouds and meshes: read, shown as rendered views, and scored point by point in the file's own order."""

from looktwice.modalities.pointclouds.recognise import is_pointcloud
from looktwice.modalities.pointclouds.study import CloudStudy, open_pointcloud

__all__ = ["CloudStudy", "is_pointcloud", "open_pointcloud"]
