"""Weights that were trained here, as package data, each with its model card."""
