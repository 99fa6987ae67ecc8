"""Readers of published benchmarks and plain folders; synthetic anomalies; instruction records."""
