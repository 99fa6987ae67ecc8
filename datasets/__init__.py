"""Readers of published benchmarks and plain folders; synthetic anomalies; instruction records."""

from looktwice.datasets.card import Card
from looktwice.datasets.folder import FolderDataset, open_folder
from looktwice.datasets.masks import load_mask
from looktwice.datasets.sample import GOOD, Dataset, Sample

__all__ = ["GOOD", "Card", "Dataset", "FolderDataset", "Sample", "load_mask", "open_folder"]
