"""Frozen vision encoders: one file each, found by its name."""
