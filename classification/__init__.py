"""Detect, then name the kind: VELM's pipeline (arXiv 2505.02626) for photographs, volumes and clouds."""
