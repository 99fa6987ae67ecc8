"""Synthetic anomalies with exact masks: photographs, volumes and shapes."""
