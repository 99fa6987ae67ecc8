"""Metrics and the benchmark runner; no models in here."""
